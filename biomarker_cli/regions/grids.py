"""Bring a mask from its own grid to the grid of the image.

Two grids whose voxels coincide need no interpolation, however their axes are
stored: a NIfTI that counts its rows from the other side, a mask cut to a box,
a SEG with fewer frames than the image has slices. Everything else is another
grid; it is refused, or resampled where the analysis protocol says so.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import AuditValue, Crop
from biomarker_cli.imaging.resampling import mask_on_grid
from biomarker_cli.model.arrays import IndexArray
from biomarker_cli.regions.entries import Drawing
from biomarker_cli.regions.errors import RegionError
from biomarker_cli.regions.gaps import judge_mask_gaps
from biomarker_cli.regions.rules import RegionRules

IN_PLANE_TOLERANCE_MM = 0.02
"""Largest distance between voxels that coincide, along rows and columns."""

SLICE_TOLERANCE_MM = 0.2
"""The same along the slice axis, where real positions jitter."""


@dataclass(frozen=True)
class VoxelMap:
    """Whole-number map between the voxels of two grids that coincide.

    Attributes
    ----------
    axes : ndarray of int, shape (3, 3)
        Signed permutation, in the order x, y, z.
    shift : ndarray of int, shape (3,)
    """

    axes: IndexArray
    shift: IndexArray


def voxel_map_between(grid: Geometry, target: Geometry) -> VoxelMap | None:
    """Return how indices of a grid become indices of another, if voxels coincide."""
    into = np.linalg.inv(target.affine) @ grid.affine
    axes = np.rint(into[:3, :3])
    if not np.array_equal(np.abs(axes) @ np.ones(3), np.ones(3)) or abs(np.linalg.det(axes)) != 1:
        return None
    shift = np.rint(into[:3, 3])
    z, y, x = (n - 1 for n in grid.shape)
    corners = np.array([(i, j, k) for i in (0, x) for j in (0, y) for k in (0, z)], dtype=float)
    off = corners @ (into[:3, :3] - axes).T + (into[:3, 3] - shift)
    off_mm = np.abs(off * np.asarray(target.spacing_mm)).max(axis=0)
    limits = (IN_PLANE_TOLERANCE_MM, IN_PLANE_TOLERANCE_MM, SLICE_TOLERANCE_MM)
    if (off_mm > limits).any():
        return None
    return VoxelMap(axes.astype(np.intp), shift.astype(np.intp))


def transfer_mask(
    source: Crop, grid: Geometry, target: Geometry, rules: RegionRules, label: str, axis: int = 2
) -> Drawing:
    """Judge the gaps of a mask on its own grid, and return it on the grid of the image.

    `axis` is the index axis (x, y, z) of its slices; all else is that of `transfer`.

    Raises
    ------
    RegionError
        ``REGION-GAP``, ``REGION-OTHER-GRID``.
    """
    crop, audit, flags = judge_mask_gaps(source.tight(), grid, rules, label, axis)
    moved = transfer(crop, grid, target, rules, label)
    return Drawing(moved.crop, {**audit, **moved.audit}, moved.flags | flags)


def transfer(
    source: Crop, grid: Geometry, target: Geometry, rules: RegionRules, label: str
) -> Drawing:
    """Return a mask on the grid of the image.

    Parameters
    ----------
    source : Crop
        On `grid`.
    grid, target : Geometry
    rules : RegionRules
    label : str
        Name of the ROI, for messages.

    Raises
    ------
    RegionError
        ``REGION-OTHER-GRID`` where voxels do not coincide and the rules forbid
        resampling.
    """
    source = source.tight()
    audit: dict[str, AuditValue] = {
        "grid_difference": "" if grid.same_grid(target) else target.difference(grid),
        "is_resampled": False,
        "source_volume_mm3": int(np.count_nonzero(source.mask)) * grid.voxel_volume_mm3,
    }
    lattice = voxel_map_between(grid, target)
    if lattice is not None:
        crop, clipped = _place(source, lattice, target)
        return Drawing(crop, audit | {"clipped_fraction": clipped})
    if rules.other_grid == "forbid":
        raise RegionError(
            "REGION-OTHER-GRID",
            f"expected a mask on the grid of the image, found {audit['grid_difference']}",
            where=label,
            hint="Export the segmentation on the grid of the image, or set "
            "'other_grid: resample' in the analysis protocol.",
        )
    crop = mask_on_grid(source, grid, target)
    before = float(audit["source_volume_mm3"] or 0.0)
    after = int(np.count_nonzero(crop.mask)) * target.voxel_volume_mm3
    audit |= {
        "is_resampled": True,
        "volume_change_fraction": after / before - 1.0 if before else None,
        "clipped_fraction": _fraction_outside(source, grid, target),
    }
    return Drawing(crop, audit, frozenset({"roi_resampled"}))


def _place(source: Crop, lattice: VoxelMap, target: Geometry) -> tuple[Crop, float]:
    """Move voxels to where they coincide; return them and the part that fell outside."""
    if not source.mask.size:
        return source, 0.0
    # Axes of arrays are z, y, x; those of the lattice x, y, z.
    axes = lattice.axes[::-1, ::-1]
    order = np.argmax(np.abs(axes), axis=1)
    first = np.asarray(source.offset)
    last = first + np.asarray(source.mask.shape) - 1
    ends = np.stack([axes @ first, axes @ last]) + lattice.shift[::-1]
    moved = source.mask.transpose(order)
    moved = moved[tuple(slice(None, None, int(axes[i, order[i]])) for i in range(3))]
    start, stop = ends.min(axis=0), ends.max(axis=0) + 1
    low = np.clip(start, 0, target.shape)
    high = np.clip(stop, 0, target.shape)
    if (high <= low).any():
        return Crop(np.zeros((0, 0, 0), dtype=np.bool_)), 1.0
    inner = moved[tuple(slice(a, b) for a, b in zip(low - start, high - start, strict=True))]
    total = int(np.count_nonzero(moved))
    lost = 1.0 - int(np.count_nonzero(inner)) / total
    z, y, x = (int(n) for n in low)
    return Crop(np.ascontiguousarray(inner), (z, y, x)), lost


def _fraction_outside(source: Crop, grid: Geometry, target: Geometry) -> float:
    """Return the part of the mask's voxel centres beyond the voxels of the image."""
    where = np.argwhere(source.mask)
    if not len(where):
        return 0.0
    centres = grid.index_to_physical((where + np.asarray(source.offset))[:, ::-1])
    index = target.physical_to_index(centres)
    limits = np.asarray(target.shape)[::-1] - 0.5
    outside = ((index < -0.5) | (index >= limits)).any(axis=1)
    return float(np.count_nonzero(outside) / len(where))
