"""Which contour plane each slice of the image takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.regions.planes import ContourPlane

TIE_TOLERANCE_MM = 1e-3
"""A plane this close to midway between two slices counts as midway."""

FINER_THAN_SLICES_MM = 0.1
"""Planes this much closer together than the slices were drawn on finer slices."""


@dataclass(frozen=True)
class Stack:
    """The contour planes of a ROI and the slices that take them.

    Attributes
    ----------
    planes : tuple of ContourPlane
        In ascending position.
    is_inside : tuple of bool
        Whether each plane lies within the slices of the image.
    plane_of_slice : dict
        Index of the plane that each slice of the image takes.
    off_plane_mm : float
        Largest distance between a slice and the plane it takes.
    """

    planes: tuple[ContourPlane, ...]
    is_inside: tuple[bool, ...]
    plane_of_slice: dict[int, int]
    off_plane_mm: float

    @property
    def n_outside(self) -> int:
        """Planes beyond the first or the last slice."""
        return self.is_inside.count(False)

    @property
    def n_unused(self) -> int:
        """Planes within the image that no slice takes."""
        return self.is_inside.count(True) - len(set(self.plane_of_slice.values()))

    @property
    def plane_spacing_mm(self) -> float | None:
        """Median distance between two planes, None for a single one."""
        return _median_step([plane.position_mm for plane in self.planes])


def assign_slices(planes: Sequence[ContourPlane], geometry: Geometry) -> Stack:
    """Give each slice of the image the nearest plane within half a slice.

    A plane stands for the slab around it. Planes that are closer together than
    the slices make thinner slabs: beyond the first and the last of them a slice
    is inside only where its centre lies in the slab.

    A plane midway between two slices goes to the one that lies lower along the
    normal of the image (row direction cross column direction), wherever the
    image stores it, so that a stack of such planes shifts as a whole.

    Parameters
    ----------
    planes : sequence of ContourPlane
        In ascending position.
    geometry : Geometry
    """
    spacing = geometry.spacing_mm[2]
    n_slices = geometry.shape[0]
    axes = geometry.axes
    # +1 where the slice index grows along the normal, -1 for a mirrored grid.
    sense = 1.0 if float(np.cross(axes[:, 0], axes[:, 1]) @ axes[:, 2]) > 0 else -1.0
    best: dict[int, tuple[float, float, int]] = {}
    inside = []
    for number, plane in enumerate(planes):
        along = sense * plane.position_mm / spacing
        index = int(np.ceil(along - 0.5 - TIE_TOLERANCE_MM / spacing))
        off = plane.position_mm - sense * index * spacing
        slice_index = int(sense) * index
        inside.append(0 <= slice_index < n_slices)
        if not inside[-1]:
            continue
        # Of two planes equally near, the lower one along the normal.
        rank = (round(abs(off) / TIE_TOLERANCE_MM), sense * off, number)
        if slice_index not in best or rank < best[slice_index]:
            best[slice_index] = rank
    positions = [plane.position_mm for plane in planes]
    taken = {
        index: number
        for index, (_, off, number) in sorted(best.items())
        if _in_slab(index * spacing, off, positions, spacing)
    }
    off_plane = [abs(positions[number] - index * spacing) for index, number in taken.items()]
    return Stack(tuple(planes), tuple(inside), taken, max(off_plane, default=0.0))


def _in_slab(
    centre_mm: float, off_mm: float, positions_mm: Sequence[float], spacing_mm: float
) -> bool:
    """Tell whether a slice lies between two planes, or within the slab of its own."""
    step = _median_step(positions_mm)
    if step is None or step > spacing_mm - FINER_THAN_SLICES_MM:
        return True
    above = int(np.searchsorted(positions_mm, centre_mm))
    between = 0 < above < len(positions_mm)
    if between and positions_mm[above] - positions_mm[above - 1] <= 1.5 * step:
        return True
    return -step / 2 + TIE_TOLERANCE_MM < off_mm <= step / 2 + TIE_TOLERANCE_MM


def _median_step(positions_mm: Sequence[float]) -> float | None:
    return float(np.median(np.diff(positions_mm))) if len(positions_mm) > 1 else None
