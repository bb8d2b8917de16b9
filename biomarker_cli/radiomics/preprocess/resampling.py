"""Resample an image and a mask to another spacing (IBSI-1, section 2.4)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import assert_never

import numpy as np

from biomarker_cli.model.arrays import BoolArray, FloatArray, IntArray
from biomarker_cli.radiomics.rules import InterpolationKind

# Weights are rounded: without this slack a voxel at exactly one half would fall out.
_HALF = 0.5 - 1e-9


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
    if wanted_mm is None or math.isclose(wanted_mm, spacing_mm, rel_tol=1e-9):
        return float(length)
    # A quotient such as 60.000000001 is a whole number with rounding error.
    quotient = length * spacing_mm / wanted_mm - 1e-6
    return max(float(math.ceil(quotient)), 1.0) if quotient < math.inf else math.inf


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
    if wanted_mm is None or math.isclose(wanted_mm, spacing_mm, rel_tol=1e-9):
        return Axis(np.arange(length, dtype=np.float64), spacing_mm)
    number = int(length_on(length, spacing_mm, wanted_mm))
    first = 0.5 * ((length - 1) - (number - 1) * wanted_mm / spacing_mm)
    places = first + np.arange(number, dtype=np.float64) * (wanted_mm / spacing_mm)
    return Axis(places, wanted_mm)


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
    return np.asarray(interpolate(mask.astype(np.float64), axes, kind) >= _HALF)
