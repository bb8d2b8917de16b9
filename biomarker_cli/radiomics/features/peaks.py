"""Values of the local intensity family (IBSI-1, section 3.2)."""

from __future__ import annotations

import numpy as np

from biomarker_cli.imaging.spheres import voxels_in_sphere
from biomarker_cli.kernels.compiled import average_rows
from biomarker_cli.model.arrays import BoolArray, FloatArray, IntArray


def peak_values(
    image: FloatArray, mask: BoolArray, spacing_zyx: tuple[float, float, float]
) -> dict[str, float]:
    """Return the local and the global intensity peak.

    Parameters
    ----------
    image : ndarray, shape (z, y, x)
        With at least `ONE_ML_RADIUS_MM` around the mask, as far as the image goes.
    mask : ndarray of bool, shape (z, y, x)
        The intensity mask.
    spacing_zyx : tuple of float
    """
    inside_sphere = voxels_in_sphere(spacing_zyx)
    reach = [size // 2 for size in inside_sphere.shape]
    rows = _rows(inside_sphere)
    # Sums from the beginning of each row: a row of the sphere is the difference of two.
    widths = [(reach[0], reach[0]), (reach[1], reach[1]), (reach[2] + 1, reach[2])]
    known = np.isfinite(image)
    sums, numbers = (
        np.cumsum(np.pad(part, widths), axis=2)
        for part in (np.where(known, image, 0.0), known.astype(np.float64))
    )
    inside = np.ascontiguousarray(mask)
    work, means = np.empty((2, mask.shape[2])), np.empty(mask.shape)
    average_rows(sums, numbers, inside, rows, np.array(reach), work, means)
    values = image[mask]
    peaks = means[mask]
    return {
        "local_peak": float(peaks[values == values.max()].max()),
        "global_peak": float(peaks.max()),
    }


def _rows(sphere: BoolArray) -> IntArray:
    """Return slice, row and half length of each row of voxels in the sphere, shape (n, 3)."""
    halves = np.count_nonzero(sphere, axis=2) // 2
    z, y, _ = (size // 2 for size in sphere.shape)
    return np.array(
        [(dz - z, dy - y, halves[dz, dy]) for dz, dy in np.argwhere(sphere.any(axis=2))],
        dtype=np.int64,
    )
