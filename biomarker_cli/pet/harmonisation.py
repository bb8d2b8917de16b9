"""The Gaussian filter that brings PET images to one spatial resolution."""

from __future__ import annotations

import math

import numpy as np

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.model.arrays import FloatArray

FWHM_PER_SIGMA = 2.0 * math.sqrt(2.0 * math.log(2.0))


def gaussian(array: FloatArray, geometry: Geometry, fwhm_mm: float) -> FloatArray:
    """Filter with a Gaussian of a width in mm, the same in all directions.

    Parameters
    ----------
    array : ndarray, shape (z, y, x)
    geometry : Geometry
    fwhm_mm : float
        Full width at half maximum.

    Notes
    -----
    The image continues beyond its border with its border value; the kernel is
    cut at 4 sigma.

    References
    ----------
    EARL standard 1 and 2 harmonisation; 10.1186/s40658-019-0257-8.
    """
    from scipy.ndimage import gaussian_filter

    sigma = [fwhm_mm / FWHM_PER_SIGMA / spacing for spacing in reversed(geometry.spacing_mm)]
    return np.asarray(gaussian_filter(array, sigma, mode="nearest", truncate=4.0))
