"""Values of the local intensity family (IBSI-1, section 3.2)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from biomarker_cli.kernels.compiled import average_rows

Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

PEAK_RADIUS_MM = (3000.0 / (4.0 * np.pi)) ** (1.0 / 3.0)
"""Radius of a sphere of 1 ml: 6.2 mm."""


def peak_values(
    image: Floats, mask: Mask, spacing_zyx: tuple[float, float, float]
) -> dict[str, float]:
    """Return the local and the global intensity peak.

    Parameters
    ----------
    image : ndarray, shape (z, y, x)
        With at least `PEAK_RADIUS_MM` around the mask, as far as the image goes.
    mask : ndarray of bool, shape (z, y, x)
        The intensity mask.
    spacing_zyx : tuple of float
    """
    reach = [int(PEAK_RADIUS_MM / step) for step in spacing_zyx]
    rows = _rows_of_sphere(reach, spacing_zyx)
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


def _rows_of_sphere(
    reach: list[int], spacing_zyx: tuple[float, float, float]
) -> npt.NDArray[np.int64]:
    """Return slice, row and half length of each row of voxels in the sphere, shape (n, 3)."""
    z, y, x = (np.arange(-r, r + 1) * step for r, step in zip(reach, spacing_zyx, strict=True))
    limit = PEAK_RADIUS_MM**2 * (1 + 1e-12)
    inside = z[:, None, None] ** 2 + y[:, None] ** 2 + x**2 <= limit
    halves = np.count_nonzero(inside, axis=2) // 2
    return np.array(
        [
            (dz - reach[0], dy - reach[1], halves[dz, dy])
            for dz, dy in np.argwhere(inside.any(axis=2))
        ],
        dtype=np.int64,
    )
