"""Values of the local intensity family (IBSI-1, section 3.2)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from biomarker_cli.radiomics.kernels.surface import sum_within

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
    steps = np.meshgrid(*(np.arange(-r, r + 1) for r in reach), indexing="ij")
    offsets = np.stack([axis.reshape(-1) for axis in steps], axis=1)
    squared = np.sum((offsets * np.array(spacing_zyx)) ** 2, axis=1)
    offsets = offsets[squared <= PEAK_RADIUS_MM**2 * (1 + 1e-12)]
    padded = np.pad(image, [(r, r) for r in reach], constant_values=np.nan)
    voxels = np.argwhere(mask) + np.array(reach)
    strides = np.array([padded.shape[1] * padded.shape[2], padded.shape[2], 1])
    sums = np.empty((len(voxels), 2))
    sum_within(padded.reshape(-1), voxels @ strides, offsets @ strides, sums)
    means = sums[:, 0] / sums[:, 1]
    values = image[mask]
    return {
        "local_peak": float(means[values == values.max()].max()),
        "global_peak": float(means.max()),
    }
