"""SUVpeak: the mean over a sphere of 1 ml, in the variants that are in use.

No two of them agree: the sphere may count whole voxels or parts of them, and
may stand on the hottest voxel, anywhere in the region, or wholly inside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

import numpy as np

from biomarker_cli.imaging.spheres import ONE_ML_RADIUS_MM, voxels_in_sphere
from biomarker_cli.model.arrays import BoolArray, FloatArray, IndexArray
from biomarker_cli.pet.rules import PeakRule

SUBVOXELS = 10
"""Samples per voxel edge of a partial volume; they are part of the definition."""


@dataclass(frozen=True)
class SphereKernel:
    """Voxels of a sphere around a voxel.

    Attributes
    ----------
    offsets : ndarray of int, shape (n, 3)
        From the central voxel, in the order z, y, x.
    weights : ndarray, shape (n,)
        Their sum is 1.
    """

    offsets: IndexArray
    weights: FloatArray


def sphere_kernel(
    spacing_mm: tuple[float, float, float], kind: str, radius_mm: float = ONE_ML_RADIUS_MM
) -> SphereKernel:
    """Return the sphere on a grid.

    Parameters
    ----------
    spacing_mm : tuple of float
        ``(x, y, z)``.
    kind : {'voxel_centre', 'partial_volume'}
    radius_mm : float
    """
    if kind == "voxel_centre":
        z, y, x = reversed(spacing_mm)
        inside = voxels_in_sphere((z, y, x), radius_mm)
        offsets = np.argwhere(inside) - np.array(inside.shape) // 2
        return SphereKernel(offsets, np.full(len(offsets), 1.0 / len(offsets)))
    spacing = np.array(spacing_mm[::-1], dtype=np.float64)
    reach = np.floor(radius_mm / spacing + 0.5).astype(int)
    grids = np.meshgrid(*(np.arange(-n, n + 1) for n in reach), indexing="ij")
    offsets = np.stack([grid.ravel() for grid in grids], axis=1)
    weights = _fractions(offsets, spacing, radius_mm)
    touched = weights > 0.0
    return SphereKernel(offsets[touched], weights[touched] / weights.sum())


def _fractions(offsets: IndexArray, spacing: FloatArray, radius: float) -> FloatArray:
    """Return the part of each voxel that lies in the sphere, shape (n,)."""
    # By symmetry one octant is enough; each distinct voxel is sampled once.
    octant, inverse = np.unique(np.abs(offsets), axis=0, return_inverse=True)
    parts = np.array([_fraction(voxel * spacing, spacing, radius) for voxel in octant])
    return np.asarray(parts[inverse.ravel()])


def _fraction(centre: FloatArray, spacing: FloatArray, radius: float) -> float:
    """Count the sub-voxel centres inside the sphere."""
    steps = (np.arange(SUBVOXELS) + 0.5) / SUBVOXELS - 0.5
    z, y, x = (centre[i] + spacing[i] * steps for i in range(3))
    squared = z[:, None, None] ** 2 + y[None, :, None] ** 2 + x[None, None, :] ** 2
    return float(np.mean(squared <= radius**2))


def sphere_means(
    array: FloatArray, centres: IndexArray, kernel: SphereKernel
) -> tuple[FloatArray, BoolArray]:
    """Return the mean over the sphere around each centre.

    Parameters
    ----------
    array : ndarray, shape (z, y, x)
    centres : ndarray of int, shape (n, 3)
    kernel : SphereKernel

    Returns
    -------
    means : ndarray, shape (m,)
        Of the centres whose sphere lies in the image.
    valid : ndarray of bool, shape (n,)
        Which centres those are.
    """
    reach = np.abs(kernel.offsets).max(axis=0)
    valid = np.all((centres >= reach) & (centres < np.array(array.shape) - reach), axis=1)
    strides = np.array([array.shape[1] * array.shape[2], array.shape[2], 1], dtype=np.intp)
    at = centres[valid] @ strides
    values = np.ascontiguousarray(array).reshape(-1)
    means = np.zeros(at.size)
    for step, weight in zip(kernel.offsets @ strides, kernel.weights, strict=True):
        means += weight * values[at + step]
    return means, valid


def suv_peak(
    array: FloatArray,
    mask: BoolArray,
    spacing_mm: tuple[float, float, float],
    rule: PeakRule,
) -> float:
    """Return SUVpeak by one definition; NaN where the image does not allow it.

    Parameters
    ----------
    array : ndarray, shape (z, y, x)
    mask : ndarray of bool, shape (z, y, x)
    spacing_mm : tuple of float
        ``(x, y, z)``.
    rule : PeakRule

    Notes
    -----
    A sphere that leaves the image has no mean; where the part of it that is in the
    image has a higher one than every whole sphere, nobody knows the peak. Of several
    hottest voxels the one with the highest mean counts.
    """
    kernel = sphere_kernel(spacing_mm, rule.kernel)
    centres = np.argwhere(mask)
    place = rule.place
    match place:
        case "at_max":
            values = array[mask]
            centres = centres[values == values.max()]
        case "inside":
            centres = _centres_inside(mask, centres, kernel)
        case "global":
            pass
        case _:
            assert_never(place)
    means, valid = sphere_means(array, centres, kernel)
    if not means.size:
        return float("nan")
    peak = float(means.max())
    is_highest = bool((_part_means(array, centres[~valid], kernel) <= peak).all())
    return peak if is_highest else float("nan")


def _part_means(array: FloatArray, centres: IndexArray, kernel: SphereKernel) -> FloatArray:
    """Return the mean over the part of each sphere that lies in the image, shape (n,)."""
    total, weight = np.zeros(len(centres)), np.zeros(len(centres))
    for offset, share in zip(kernel.offsets, kernel.weights, strict=True):
        at = centres + offset
        inside = np.all((at >= 0) & (at < array.shape), axis=1)
        total[inside] += share * array[tuple(at[inside].T)]
        weight[inside] += share
    return np.asarray(total / weight)


def _centres_inside(mask: BoolArray, centres: IndexArray, kernel: SphereKernel) -> IndexArray:
    """Return the centres whose whole sphere lies in the region."""
    means, valid = sphere_means(
        mask.astype(np.float64),
        centres,
        SphereKernel(kernel.offsets, np.ones(len(kernel.offsets))),
    )
    inside = means == len(kernel.offsets)
    return np.asarray(centres[valid][inside])
