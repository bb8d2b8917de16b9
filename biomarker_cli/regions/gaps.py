"""Empty slices between two that are filled, in contours and in masks.

A structure is contoured on every slice; where it is not, half of its volume or
more is silently lost. A gap is a run of empty slices between two that overlap; where
they do not overlap, the ROI has separate parts. In a ROI that is filled on every n-th
slice, each step of n slices is a gap.

A mask says of every voxel whether it is inside, so that its empty slices are a
statement (two nodes in one segment, a threshold): they are counted and flagged. Only
filled slices at one step of two or more over the whole extent were drawn on thicker
slices than those of the grid: these gaps are judged as those of contours.

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

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import AuditValue, Crop
from biomarker_cli.model.arrays import BoolArray, FloatArray
from biomarker_cli.regions.errors import RegionError
from biomarker_cli.regions.rules import RegionRules


class SliceMask(NamedTuple):
    """The mask of a slice, and where the plane it was drawn from lies."""

    position_mm: float
    mask: BoolArray


class Gap(NamedTuple):
    """The filled slices on both sides of a gap."""

    below: int
    above: int

    @property
    def n_slices(self) -> int:
        """Empty slices."""
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


class MaskGaps(NamedTuple):
    """A mask whose gaps were judged: its voxels, their audit and their flags."""

    crop: Crop
    audit: dict[str, AuditValue]
    flags: frozenset[str]


def judge_mask_gaps(
    source: Crop, grid: Geometry, rules: RegionRules, label: str, axis: int = 2
) -> MaskGaps:
    """Count the gaps of a mask, and do what the rules say where every n-th slice is filled.

    Parameters
    ----------
    source : Crop
        On `grid`.
    grid : Geometry
    rules : RegionRules
    label : str
        Name of the ROI, for messages.
    axis : int
        Index axis of the grid (x, y, z) along which its slices lie.

    Raises
    ------
    RegionError
        ``REGION-GAP``.
    """
    spacing = list(grid.spacing_mm)
    step_mm = spacing.pop(axis)
    planes = np.moveaxis(source.mask, 2 - axis, 0)
    filled = np.flatnonzero(planes.any(axis=(1, 2)))
    slices = {int(i): SliceMask(float(i * step_mm), planes[i]) for i in filled}
    gaps = find_gaps(slices)
    audit: dict[str, AuditValue] = {"n_gaps": len(gaps)}
    if not gaps:
        return MaskGaps(source, audit, frozenset())
    steps = np.diff(filled)
    if len(steps) < 2 or np.ptp(steps):
        return MaskGaps(source, audit, frozenset({"empty_slices"}))
    bridged = close_gaps(slices, gaps, (spacing[0], spacing[1], step_mm), rules, label)
    audit["n_slices_interpolated"] = len(bridged)
    if not bridged:
        return MaskGaps(source, audit, frozenset({"roi_gaps"}))
    whole = planes.copy()
    for index, mask in bridged.items():
        whole[index] = mask
    crop = Crop(np.ascontiguousarray(np.moveaxis(whole, 0, 2 - axis)), source.offset)
    return MaskGaps(crop, audit, frozenset({"roi_interpolated"}))


def close_gaps(
    slices: Mapping[int, SliceMask],
    gaps: Sequence[Gap],
    spacing_mm: tuple[float, float, float],
    rules: RegionRules,
    label: str,
) -> dict[int, BoolArray]:
    """Do what the rules say about gaps; return the masks of slices in between.

    `spacing_mm` is that along columns, rows and slices.

    Raises
    ------
    RegionError
        ``REGION-GAP`` where the rules refuse gaps, or gaps as wide as one found.
    """
    if not gaps or rules.gaps == "none":
        return {}
    widest = max(gaps, key=lambda gap: gap.n_slices)
    width_mm = (widest.above - widest.below) * spacing_mm[2]
    if rules.gaps == "error":
        raise _gap_error(
            f"found {len(gaps)} gaps, the widest of {widest.n_slices} slices",
            label,
            "Draw the missing slices, or set 'gaps: interpolate' (or 'none' to leave them "
            "empty) in the analysis protocol.",
        )
    if rules.largest_gap_mm is not None and width_mm > rules.largest_gap_mm:
        raise _gap_error(
            f"found {width_mm:g} mm between two of them, the analysis protocol closes gaps up to "
            f"{rules.largest_gap_mm:g} mm",
            label,
            "Draw the missing slices.",
        )
    bridged: dict[int, BoolArray] = {}
    for gap in gaps:
        bridged.update(_interpolate(gap, slices, spacing_mm))
    return bridged


def _gap_error(found: str, label: str, hint: str) -> RegionError:
    message = f"expected every slice between the first and the last to be filled, {found}"
    return RegionError("REGION-GAP", message, where=label, hint=hint)


def _interpolate(
    gap: Gap, slices: Mapping[int, SliceMask], spacing_mm: tuple[float, float, float]
) -> dict[int, BoolArray]:
    spacing_x, spacing_y, spacing_z = spacing_mm
    below, above = slices[gap.below], slices[gap.above]
    distance_below = _signed_distance(below.mask, (spacing_y, spacing_x))
    distance_above = _signed_distance(above.mask, (spacing_y, spacing_x))
    step = above.position_mm - below.position_mm
    found = {}
    for index in range(gap.below + 1, gap.above):
        weight = (index * spacing_z - below.position_mm) / step
        found[index] = (1.0 - weight) * distance_below + weight * distance_above > 0
    return found


def _signed_distance(mask: BoolArray, spacing_mm: tuple[float, float]) -> FloatArray:
    """Return the distance in mm to the nearest pixel of the other kind, inside positive."""
    from scipy.ndimage import distance_transform_edt

    padded = np.pad(mask, 1)
    inside = distance_transform_edt(padded, sampling=spacing_mm)
    outside = distance_transform_edt(~padded, sampling=spacing_mm)
    signed: FloatArray = (inside - outside)[1:-1, 1:-1]
    return signed
