"""Contours that are not parallel to the slices of the image.

Contours of an axial CT have no slice of a sagittal MR. They still enclose a
volume: it is drawn on a fine grid of the contours' own planes, and brought to
the image like any mask of another grid, where the analysis protocol allows that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.regions.contours import (
    CLOSED,
    EXCLUSIVE,
    PLANAR_TOLERANCE_MM,
    SAME_PLANE_MM,
    Contour,
    closed_contours,
    draw_contours,
    own_normal,
    tilt_error,
)
from biomarker_cli.regions.entries import Drawing
from biomarker_cli.regions.errors import RegionError
from biomarker_cli.regions.grids import transfer
from biomarker_cli.regions.rules import RegionRules

PIXELS_PER_VOXEL = 2
"""Pixels of the fine grid along the smallest edge of a voxel of the image."""

MOST_PIXELS = 2048
"""Along an edge of the fine grid; larger structures get coarser pixels."""


def is_tilted(contours: Sequence[Contour], geometry: Geometry) -> bool:
    """Tell whether a contour leaves the plane of the slices."""
    return any(
        float(np.ptp(contour.points_mm @ geometry.normal)) > 2 * PLANAR_TOLERANCE_MM
        for contour in contours
        if contour.kind in {CLOSED, EXCLUSIVE} and len(contour.points_mm) >= 3
    )


def draw_tilted(
    contours: Sequence[Contour], label: str, target: Geometry, rules: RegionRules
) -> Drawing:
    """Return the voxels of an image that tilted contours enclose.

    Raises
    ------
    RegionError
        ``REGION-CONTOUR-TILTED`` where the contours are not parallel to each
        other or lie on one plane only, ``REGION-TOO-LARGE``, and what `draw_contours`
        raises.
    """
    usable = closed_contours(contours, label)
    own = _own_grid(usable, target, label)
    if own is None:
        raise tilt_error(usable, target, label)
    drawn = draw_contours(contours, label, own, rules)
    moved = transfer(drawn.crop, own, target, rules, label)
    return replace(moved, audit={**drawn.audit, **moved.audit}, flags=drawn.flags | moved.flags)


def _own_grid(contours: Sequence[Contour], target: Geometry, label: str) -> Geometry | None:
    """Return a grid whose slices are the planes of the contours."""
    largest = max(contours, key=lambda c: float(np.ptp(c.points_mm, axis=0).max()))
    axes = _plane_axes(largest.points_mm, target)
    placed = [contour.points_mm @ axes for contour in contours]
    if any(float(np.ptp(points[:, 2])) > 2 * PLANAR_TOLERANCE_MM for points in placed):
        return None
    along = np.sort([float(points[:, 2].mean()) for points in placed])
    steps = np.diff(along)
    steps = steps[steps > SAME_PLANE_MM]
    if not len(steps):
        return None
    step = float(np.median(steps))
    n_slices = round(float(along[-1] - along[0]) / step) + 1
    if n_slices > MOST_PIXELS:
        raise RegionError(
            "REGION-TOO-LARGE",
            f"the planes of the contours lie {along[-1] - along[0]:.0f} mm apart at steps of "
            f"{step:.3g} mm: expected at most {MOST_PIXELS} slices, found {n_slices}",
            where=label,
            hint="A stray contour may lie far from the others: correct it where it was drawn.",
        )
    low = np.min([points[:, :2].min(axis=0) for points in placed], axis=0)
    high = np.max([points[:, :2].max(axis=0) for points in placed], axis=0)
    pixel = min(target.spacing_mm) / PIXELS_PER_VOXEL
    pixel = max(pixel, float((high - low).max()) / MOST_PIXELS)
    columns, rows = (int(n) for n in np.ceil((high - low) / pixel) + 1)
    origin = axes @ np.array([low[0], low[1], along[0]])
    return Geometry(
        shape=(n_slices, rows, columns),
        spacing_mm=(pixel, pixel, step),
        origin_mm=(float(origin[0]), float(origin[1]), float(origin[2])),
        direction=tuple(axes.ravel().tolist()),
    )


def _plane_axes(points_mm: FloatArray, target: Geometry) -> FloatArray:
    """Return axes with the normal of a contour as the third column."""
    normal = own_normal(points_mm)
    # The axis of the image that lies most nearly in the plane becomes its x.
    flattest = target.axes[:, int(np.argmin(np.abs(normal @ target.axes)))]
    x = flattest - (flattest @ normal) * normal
    x /= np.linalg.norm(x)
    return np.stack([x, np.cross(normal, x), normal], axis=1)
