"""Slices without a contour between two that have one.

A structure is contoured on every slice; where it is not, half of its volume or
more is silently lost. A gap is a run of slices without a contour between two whose
contours overlap; where they do not overlap, the ROI has separate parts. In a ROI
that is contoured on every n-th slice, each step of n slices is a gap.
Gaps are closed by shape-based interpolation: the signed distance to the outline
is interpolated between the two planes, and what is positive is inside.

References
----------
Raya SP, Udupa JK. Shape-based interpolation of multidimensional objects.
IEEE Trans Med Imaging 1990; 9:32-42.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.regions.errors import RegionError
from biomarker_cli.regions.rules import RegionRules

BoolArray = npt.NDArray[np.bool_]


class SliceMask(NamedTuple):
    """The mask of a slice, and where the plane it was drawn from lies."""

    position_mm: float
    mask: BoolArray


class Gap(NamedTuple):
    """The slices with a contour on both sides of a gap."""

    below: int
    above: int

    @property
    def n_slices(self) -> int:
        """Slices without a contour."""
        return self.above - self.below - 1


def find_gaps(slices: Mapping[int, SliceMask]) -> list[Gap]:
    """Return the gaps between slices, in ascending order."""
    filled = sorted(slices)
    steps = np.diff(filled)
    usual = int(np.median(steps)) if len(steps) > 1 else 1
    return [
        Gap(below, above)
        for below, above in pairwise(filled)
        if above - below > 1
        and (above - below == usual or bool((slices[below].mask & slices[above].mask).any()))
    ]


def close_gaps(
    slices: Mapping[int, SliceMask],
    gaps: Sequence[Gap],
    geometry: Geometry,
    rules: RegionRules,
    label: str,
) -> dict[int, BoolArray]:
    """Do what the rules say about gaps; return the masks of slices in between.

    Raises
    ------
    RegionError
        ``REGION-GAP`` where the rules refuse gaps, or gaps as wide as one found.
    """
    if not gaps or rules.gaps == "none":
        return {}
    widest = max(gaps, key=lambda gap: gap.n_slices)
    width_mm = (widest.above - widest.below) * geometry.spacing_mm[2]
    if rules.gaps == "error":
        raise _gap_error(
            f"found {len(gaps)} gaps, the widest of {widest.n_slices} slices",
            label,
            "Contour the missing slices, or set 'gaps: interpolate' (or 'none' to leave them "
            "empty) in the analysis protocol.",
        )
    if rules.largest_gap_mm is not None and width_mm > rules.largest_gap_mm:
        raise _gap_error(
            f"found {width_mm:g} mm between two of them, the analysis protocol closes gaps up to "
            f"{rules.largest_gap_mm:g} mm",
            label,
            "Contour the missing slices.",
        )
    bridged: dict[int, BoolArray] = {}
    for gap in gaps:
        bridged.update(_interpolate(gap, slices, geometry))
    return bridged


def _gap_error(found: str, label: str, hint: str) -> RegionError:
    message = f"expected a contour on every slice between the first and the last, {found}"
    return RegionError("REGION-GAP", message, where=label, hint=hint)


def _interpolate(
    gap: Gap, slices: Mapping[int, SliceMask], geometry: Geometry
) -> dict[int, BoolArray]:
    spacing_x, spacing_y, spacing_z = geometry.spacing_mm
    below, above = slices[gap.below], slices[gap.above]
    distance_below = _signed_distance(below.mask, (spacing_y, spacing_x))
    distance_above = _signed_distance(above.mask, (spacing_y, spacing_x))
    step = above.position_mm - below.position_mm
    found = {}
    for index in range(gap.below + 1, gap.above):
        weight = (index * spacing_z - below.position_mm) / step
        found[index] = (1.0 - weight) * distance_below + weight * distance_above > 0
    return found


def _signed_distance(mask: BoolArray, spacing_mm: tuple[float, float]) -> npt.NDArray[np.float64]:
    """Return the distance in mm to the nearest pixel of the other kind, inside positive."""
    from scipy.ndimage import distance_transform_edt

    padded = np.pad(mask, 1)
    inside = distance_transform_edt(padded, sampling=spacing_mm)
    outside = distance_transform_edt(~padded, sampling=spacing_mm)
    signed: npt.NDArray[np.float64] = (inside - outside)[1:-1, 1:-1]
    return signed
