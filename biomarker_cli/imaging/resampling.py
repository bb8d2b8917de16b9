"""Resample images and masks: to another spacing, or a mask to the grid of an image.

To another spacing an image is interpolated axis by axis, continued beyond its
outermost centres by its border values. A mask that was drawn on another grid, at
any angle, is nothing beyond its own voxels. On both ways a voxel is inside from one
half on, the half included; the grids of two files are less exact than fractions of
one spacing, so that each way has its own slack for rounding.

References
----------
IBSI-1 reference manual v11, section 2.4.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, assert_never

import numpy as np

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Crop
from biomarker_cli.model.arrays import BoolArray, FloatArray, IntArray

InterpolationKind = Literal["linear", "cubic", "nearest"]
"""How values between voxel centres are found; cubic is the interpolating spline."""

HALF = 0.5
"""Interpolated masks count as inside from here on, the half included."""

_AXIS_SLACK = 1e-9
"""Weights are rounded: without it a voxel at exactly one half would fall out."""

_GRID_SLACK = 1e-6
"""The same where two grids were written, in single precision or as decimal strings."""


@dataclass(frozen=True)
class Axis:
    """One axis of the new grid.

    Attributes
    ----------
    places : ndarray, shape (n,)
        Index coordinates of the new voxel centres on the old axis.
    spacing_mm : float
    """

    places: FloatArray
    spacing_mm: float


def length_on(length: int, spacing_mm: float, wanted_mm: float | None) -> float:
    """Return the voxels of the new axis, a whole number that may be infinite.

    Parameters
    ----------
    length : int
        Voxels of the old axis.
    spacing_mm : float
    wanted_mm : float, optional
        None keeps the axis.

    References
    ----------
    IBSI-1 v11, section 2.4.3: ceil(n s / s') voxels.
    """
    # A quotient such as 60.000000001 is a whole number with rounding error.
    quotient = length * spacing_mm / _spacing_on(spacing_mm, wanted_mm) - 1e-6
    return max(float(math.ceil(quotient)), 1.0) if quotient < math.inf else math.inf


def _spacing_on(spacing_mm: float, wanted_mm: float | None) -> float:
    """Return the spacing of the new axis: its own, where no other one is wanted."""
    if wanted_mm is None or math.isclose(wanted_mm, spacing_mm, rel_tol=1e-9):
        return spacing_mm
    return wanted_mm


def centred_axis(length: int, spacing_mm: float, wanted_mm: float | None) -> Axis:
    """Return the new axis whose centre is that of the old one.

    Parameters
    ----------
    length : int
        Voxels of the old axis.
    spacing_mm : float
    wanted_mm : float, optional
        None keeps the axis.

    References
    ----------
    IBSI-1 v11, section 2.4.3: aligned by the centre, ceil(n s / s') voxels.
    """
    new_mm = _spacing_on(spacing_mm, wanted_mm)
    if new_mm == spacing_mm:
        return Axis(np.arange(length, dtype=np.float64), spacing_mm)
    number = int(length_on(length, spacing_mm, wanted_mm))
    first = 0.5 * ((length - 1) - (number - 1) * new_mm / spacing_mm)
    places = first + np.arange(number, dtype=np.float64) * (new_mm / spacing_mm)
    return Axis(places, new_mm)


def interpolate(
    array: FloatArray, axes: tuple[Axis, Axis, Axis], kind: InterpolationKind
) -> FloatArray:
    """Return the array at the places of new axes.

    Parameters
    ----------
    array : ndarray, shape (z, y, x)
    axes : tuple of Axis
    kind : {'linear', 'cubic', 'nearest'}
        Cubic is the interpolating spline with mirrored ends.
    """
    for number, axis in enumerate(axes):
        own = np.arange(array.shape[number], dtype=np.float64)
        if axis.places.shape == own.shape and np.array_equal(axis.places, own):
            continue
        array = _along(array, number, axis.places, kind)
    return array


def _along(
    array: FloatArray, number: int, places: FloatArray, kind: InterpolationKind
) -> FloatArray:
    length = array.shape[number]
    # Beyond the outermost centres the image goes on with its last value.
    places = np.clip(places, 0.0, length - 1.0)
    floor = np.minimum(np.floor(places).astype(np.int64), max(length - 2, 0))
    f = places - floor
    match kind:
        case "nearest":
            return np.take(array, np.floor(places + 0.5).astype(np.int64), axis=number)
        case "linear":
            weights = np.stack([1 - f, f])
            first = 0
        case "cubic":
            from scipy.ndimage import spline_filter1d

            if length > 1:
                array = spline_filter1d(array, order=3, axis=number, mode="mirror")
            weights = np.stack(
                [(1 - f) ** 3, 3 * f**3 - 6 * f**2 + 4, -3 * f**3 + 3 * f**2 + 3 * f + 1, f**3]
            )
            weights /= 6.0
            first = -1
        case _:
            assert_never(kind)
    shape = [1, 1, 1]
    shape[number] = places.size
    result = np.zeros([places.size if k == number else n for k, n in enumerate(array.shape)])
    for step, weight in enumerate(weights):
        index = _mirrored(floor + first + step, length)
        result += np.take(array, index, axis=number) * weight.reshape(shape)
    return result


def _mirrored(index: IntArray, length: int) -> IntArray:
    if length == 1:
        return np.zeros_like(index)
    index = np.abs(index)
    return np.where(index > length - 1, 2 * (length - 1) - index, index)


def interpolate_mask(
    mask: BoolArray, axes: tuple[Axis, Axis, Axis], kind: InterpolationKind
) -> BoolArray:
    """Return a mask on new axes: inside where the interpolated mask reaches one half."""
    return np.asarray(interpolate(mask.astype(np.float64), axes, kind) >= HALF - _AXIS_SLACK)


def mask_on_grid(source: Crop, grid: Geometry, target: Geometry) -> Crop:
    """Return a mask on another grid, at any angle to its own.

    Interpolated linearly at the voxel centres of the target; beyond its own voxels
    a mask is zero.

    Parameters
    ----------
    source : Crop
        On `grid`.
    grid, target : Geometry

    Returns
    -------
    Crop
        On `target`; empty where the mask does not reach it.
    """
    from scipy.ndimage import affine_transform

    if not source.mask.size:
        return source
    reach = _index_corners(source) @ grid.affine.T
    inside = (reach @ np.linalg.inv(target.affine).T)[:, :3][:, ::-1]
    low = np.clip(np.floor(inside.min(axis=0)).astype(int), 0, target.shape)
    high = np.clip(np.ceil(inside.max(axis=0)).astype(int) + 1, 0, target.shape)
    if (high <= low).any():
        return Crop(np.zeros((0, 0, 0), dtype=np.bool_))
    back = np.linalg.inv(grid.affine) @ target.affine
    matrix = back[:3, :3][::-1, ::-1]
    shift = back[:3, 3][::-1] + matrix @ low - np.asarray(source.offset)
    values = affine_transform(
        source.mask.astype(np.float64),
        matrix,
        offset=shift,
        output_shape=tuple(high - low),
        order=1,
        mode="grid-constant",
        cval=0.0,
    )
    z, y, x = (int(n) for n in low)
    return Crop(values >= HALF - _GRID_SLACK, (z, y, x))


def _index_corners(source: Crop) -> FloatArray:
    """Return homogeneous (x, y, z, 1) indices of the box, one voxel wider."""
    low = np.asarray(source.offset)[::-1] - 1.0
    high = low + np.asarray(source.mask.shape)[::-1] + 1.0
    return np.array(
        [
            (x, y, z, 1.0)
            for x in (low[0], high[0])
            for y in (low[1], high[1])
            for z in (low[2], high[2])
        ]
    )
