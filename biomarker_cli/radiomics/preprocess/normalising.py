"""Bring images of arbitrary scale to z-scores (IBSI-1, section 2.3)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from biomarker_cli.radiomics.errors import RadiomicsError
from biomarker_cli.radiomics.rules import NormalisationRules

Floats = npt.NDArray[np.float64]

_OTSU_BINS = 256


def normalised(array: Floats, rules: NormalisationRules | None, freedom: int = 0) -> Floats:
    """Return the image with mean 0 and the standard deviation of the rules.

    Parameters
    ----------
    array : ndarray, shape (z, y, x)
    rules : NormalisationRules, optional
        None leaves the image as it is.
    freedom : int
        The variance is divided by n minus this: 1 for pyradiomics.

    Raises
    ------
    RadiomicsError
        ``RADIOMICS-FLAT-IMAGE``, ``RADIOMICS-NON-FINITE``.
    """
    if rules is None:
        return array
    if not np.isfinite(array).all():
        raise RadiomicsError(
            "RADIOMICS-NON-FINITE",
            "the image holds NaN or infinite voxels, so it has no mean to normalise by",
            hint="Repair the image, or take rules without normalisation.",
        )
    values = array[array > _otsu_threshold(array)] if rules.over == "otsu" else array
    spread = float(values.std(ddof=freedom)) if values.size else 0.0
    if spread == 0.0:
        raise RadiomicsError(
            "RADIOMICS-FLAT-IMAGE",
            "the voxels that normalisation refers to all have one value",
            hint="Look at the image: it is empty or constant.",
        )
    result = (array - values.mean()) / spread
    if rules.clip_sigma is not None:
        result = np.clip(result, -rules.clip_sigma, rules.clip_sigma)
    return np.asarray(result * rules.scale)


def _otsu_threshold(array: Floats) -> float:
    """Return the threshold that parts the histogram with the least variance within (Otsu 1979)."""
    counts, edges = np.histogram(array, bins=_OTSU_BINS)
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = counts.sum() - below
    sums = np.cumsum(counts * centres)
    with np.errstate(invalid="ignore", divide="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(edges[1 + int(np.nanargmax(between[:-1]))])
