"""Diffusion kurtosis: ``ln S = ln S0 - b D + b^2 D^2 K / 6``."""

from __future__ import annotations

import numpy as np

from biomarker_cli.model.arrays import FloatArray


def fit_kurtosis(log_signal: FloatArray, b: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Fit a parabola to ln S by least squares.

    Parameters
    ----------
    log_signal : ndarray, shape (n, ...)
    b : ndarray, shape (n,)
        s/mm2, three or more different values.

    Returns
    -------
    diffusion : ndarray, shape (...)
        D in mm2/s.
    kurtosis : ndarray, shape (...)
        K without unit; NaN where D is not positive.

    References
    ----------
    Jensen 2005, Magn Reson Med 53:1432.
    """
    scale = float(b.max())
    scaled = b / scale
    design = np.stack([np.ones_like(scaled), -scaled, scaled**2], axis=1)
    # The solution is a fixed linear combination of the samples.
    weights = np.linalg.pinv(design)
    flat = log_signal.reshape(len(b), -1)
    diffusion = weights[1] @ flat / scale
    curvature = weights[2] @ flat / scale**2
    with np.errstate(divide="ignore", invalid="ignore"):
        kurtosis = np.where(diffusion > 0, 6.0 * curvature / diffusion**2, np.nan)
    place = log_signal.shape[1:]
    return diffusion.reshape(place), kurtosis.reshape(place)
