"""Resample images and masks to another grid.

Everything that moves a number is an argument: the interpolation, the threshold
of a mask, and smoothing before a coarser grid (`smooth_for`), which is a step of
its own and never taken silently.

References
----------
IBSI-1 reference manual v11, sections 2.4 (interpolation, alignment of grids by
their centres) and 2.4.2 (masks by partial volume fraction).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from biomarker_cli.imaging.errors import GeometryError
from biomarker_cli.imaging.geometry import Geometry

FloatArray = npt.NDArray[np.float64]

THRESHOLD_TOLERANCE = 1e-9
"""A fraction that misses the threshold by rounding alone still reaches it."""

FWHM_PER_SIGMA = 2.0 * math.sqrt(2.0 * math.log(2.0))


class Interpolation(StrEnum):
    """How values between voxel centres are found; cubic is the interpolating B-spline."""

    NEAREST = "nearest"
    LINEAR = "linear"
    CUBIC = "cubic"


_ORDER = {Interpolation.NEAREST: 0, Interpolation.LINEAR: 1, Interpolation.CUBIC: 3}


def centred_grid(geometry: Geometry, spacing_mm: Sequence[float | None]) -> Geometry:
    """Return the grid of another spacing that has the same centre and covers the old one.

    Parameters
    ----------
    geometry : Geometry
    spacing_mm : sequence of float or None
        New spacing ``(x, y, z)``; None keeps that of the axis.

    References
    ----------
    IBSI-1 v11, section 2.4: the number of voxels is rounded up.
    """
    old = geometry.spacing_mm
    x, y, z = (
        before if after is None else float(after)
        for before, after in zip(old, spacing_mm, strict=True)
    )
    new = (x, y, z)
    before_xyz = geometry.shape[::-1]
    # Rounded first: 60 slices of 3.0 mm are 90 of 2.0 mm, not 91.
    after_xyz = [
        max(math.ceil(round(n * s / t, 6)), 1) for n, s, t in zip(before_xyz, old, new, strict=True)
    ]
    first_index = [
        ((n - 1) * s - (m - 1) * t) / 2.0 / s
        for n, s, m, t in zip(before_xyz, old, after_xyz, new, strict=True)
    ]
    origin = geometry.index_to_physical(first_index).tolist()
    nx, ny, nz = after_xyz
    return Geometry(
        shape=(nz, ny, nx),
        spacing_mm=new,
        origin_mm=(origin[0], origin[1], origin[2]),
        direction=geometry.direction,
    )


def resample_image(
    array: npt.NDArray[Any],
    geometry: Geometry,
    target: Geometry,
    interpolation: Interpolation,
    outside: float = math.nan,
) -> FloatArray:
    """Return the image on another grid.

    Parameters
    ----------
    array : ndarray, shape (z, y, x)
    geometry : Geometry
        Grid of `array`.
    target : Geometry
    interpolation : Interpolation
    outside : float
        Value of voxels whose centre lies outside the old grid. Up to half a
        voxel beyond the outermost centres the border value is continued.

    Returns
    -------
    ndarray of float64, shape of `target`

    Raises
    ------
    GeometryError
        ``RESAMPLE-NOT-FINITE`` for a cubic spline over voxels that are not
        finite: one of them would spread over the whole image.
    """
    if interpolation is Interpolation.CUBIC and not np.isfinite(array).all():
        raise GeometryError(
            "RESAMPLE-NOT-FINITE",
            f"{int(np.count_nonzero(~np.isfinite(array)))} voxels are not finite, and a cubic "
            "spline would spread them over the image",
            hint="Use linear interpolation, or crop the image to the measured part.",
        )
    result = _transform(np.asarray(array, dtype=np.float64), geometry, target, interpolation)
    for axis, inside in enumerate(_inside(geometry, target)):
        if not inside.all():
            result[(slice(None),) * axis + (~inside,)] = outside
    return result


def resample_mask(
    mask: npt.NDArray[np.bool_],
    geometry: Geometry,
    target: Geometry,
    interpolation: Interpolation = Interpolation.LINEAR,
    threshold: float = 0.5,
) -> npt.NDArray[np.bool_]:
    """Return the mask on another grid: voxels whose interpolated value reaches a threshold.

    Parameters
    ----------
    mask : ndarray of bool, shape (z, y, x)
    geometry, target : Geometry
    interpolation : Interpolation
        Linear or nearest; a cubic spline overshoots.
    threshold : float
        Fraction in (0, 1].
    """
    if interpolation is Interpolation.CUBIC:
        raise ValueError("a mask is resampled by linear or nearest interpolation")
    if not 0.0 < threshold <= 1.0:
        raise ValueError(f"a threshold lies in (0, 1], found {threshold}")
    fraction = resample_image(mask, geometry, target, interpolation, outside=0.0)
    return fraction >= threshold - THRESHOLD_TOLERANCE


def smooth_for(array: npt.NDArray[Any], geometry: Geometry, target: Geometry) -> FloatArray:
    """Return the image smoothed for a coarser grid (anti-aliasing).

    Along each axis that becomes coarser a Gaussian widens the voxel from the
    old spacing to the new one: its full width at half maximum is
    ``sqrt(new^2 - old^2)``. Other axes are left alone.

    Parameters
    ----------
    array : ndarray, shape (z, y, x)
    geometry : Geometry
        Grid of `array`.
    target : Geometry
        Grid that the image is about to be resampled to, with the same axes.
    """
    from scipy.ndimage import gaussian_filter

    if not np.allclose(geometry.axes, target.axes, atol=1e-6):
        raise ValueError("smoothing is defined along the axes that both grids share")
    sigma_xyz = [
        math.sqrt(max(t * t - s * s, 0.0)) / FWHM_PER_SIGMA / s
        for s, t in zip(geometry.spacing_mm, target.spacing_mm, strict=True)
    ]
    values = np.asarray(array, dtype=np.float64)
    smoothed: FloatArray = gaussian_filter(values, sigma_xyz[::-1], mode="nearest")
    return smoothed


def _transform(
    array: FloatArray, geometry: Geometry, target: Geometry, interpolation: Interpolation
) -> FloatArray:
    from scipy.ndimage import affine_transform

    matrix, offset = _index_map(geometry, target)
    diagonal = np.diag(np.diag(matrix))
    result: FloatArray = affine_transform(
        array,
        # One number per axis makes the transform separable, and much faster.
        np.diag(matrix) if np.abs(matrix - diagonal).max() < 1e-9 else matrix,
        offset=offset,
        output_shape=target.shape,
        order=_ORDER[interpolation],
        mode="nearest",
        output=np.float64,
    )
    return result


def _index_map(geometry: Geometry, target: Geometry) -> tuple[FloatArray, FloatArray]:
    """Return matrix and offset from target to source indices, both [z, y, x]."""
    to_source = np.linalg.inv(geometry.affine) @ target.affine
    reverse = np.eye(3)[::-1]
    matrix = reverse @ to_source[:3, :3] @ reverse
    # What is zero but for rounding would cost the separable transform.
    matrix[np.abs(matrix) < 1e-12] = 0.0
    return matrix, to_source[:3, 3][::-1].copy()


def _inside(geometry: Geometry, target: Geometry) -> list[npt.NDArray[np.bool_]]:
    """Tell per target axis z, y, x which planes lie within the old grid."""
    matrix, offset = _index_map(geometry, target)
    tolerance = 1e-6
    if np.abs(matrix - np.diag(np.diag(matrix))).max() >= 1e-9:
        _require_covered(geometry, target)
        return []
    found = []
    for axis, (before, after) in enumerate(zip(geometry.shape, target.shape, strict=True)):
        index = np.arange(after) * matrix[axis, axis] + offset[axis]
        found.append((index >= -0.5 - tolerance) & (index <= before - 0.5 + tolerance))
    return found


def _require_covered(geometry: Geometry, target: Geometry) -> None:
    """Refuse an oblique target that sticks out of the image.

    Its outside is no set of planes, and a border value continued over
    centimetres would be an invention.
    """
    index = geometry.physical_to_index(target.corners_mm())
    beyond = np.maximum(-0.5 - index, index - (np.array(geometry.shape[::-1]) - 0.5))
    worst = float((beyond * np.array(geometry.spacing_mm)).max())
    if worst > 1e-6:
        raise GeometryError(
            "RESAMPLE-OUTSIDE",
            f"the new grid is turned against the old one and reaches {worst:.2f} mm outside it",
            hint="Crop the target to the part that the image covers.",
        )
