"""Bring images of arbitrary scale to z-scores (IBSI-1, section 2.3)."""

from __future__ import annotations

import numpy as np

from biomarker_cli.model.arrays import AnyArray, FloatArray
from biomarker_cli.radiomics.errors import RadiomicsError
from biomarker_cli.radiomics.rules import NormalisationRules

_OTSU_BINS = 256


def normalised(array: FloatArray, rules: NormalisationRules | None) -> FloatArray:
    """Return the image with mean 0 and the standard deviation of the rules.

    Parameters
    ----------
    array : ndarray, shape (z, y, x)
    rules : NormalisationRules, optional
        None leaves the image as it is.

    Raises
    ------
    RadiomicsError
        ``RADIOMICS-FLAT-IMAGE``, ``RADIOMICS-NON-FINITE``.
    """
    if rules is None:
        return array
    values = _reference(array, rules)
    return _rescaled((array - values.mean()) / values.std(), rules)


def normalised_as_pyradiomics(array: AnyArray, rules: NormalisationRules | None) -> AnyArray:
    """Return the image as ITK normalises it, which divides the variance by n - 1.

    ITK itself is asked, for the sake of the last bit: it decides the bin of values on
    an edge, and which of two mathematically equal values is the larger one.

    Parameters
    ----------
    array : ndarray, shape (z, y, x)
        Of any real type; the scores are float64, as in SimpleITK.
    rules : NormalisationRules, optional
        None leaves the image as it is.

    Raises
    ------
    RadiomicsError
        ``RADIOMICS-FLAT-IMAGE``, ``RADIOMICS-NON-FINITE``.
    """
    if rules is None:
        return array
    import SimpleITK

    check_normalisable(array, rules)
    image = SimpleITK.Normalize(SimpleITK.GetImageFromArray(np.ascontiguousarray(array)))
    return _rescaled(np.asarray(SimpleITK.GetArrayFromImage(image)), rules)


def check_normalisable(array: AnyArray, rules: NormalisationRules | None) -> None:
    """Refuse an image that has no spread to divide by.

    Raises
    ------
    RadiomicsError
        ``RADIOMICS-FLAT-IMAGE``, ``RADIOMICS-NON-FINITE``.
    """
    if rules is not None:
        _reference(array, rules)


def _reference(array: AnyArray, rules: NormalisationRules) -> AnyArray:
    """Return the voxels that mean and standard deviation refer to."""
    if not np.isfinite(array).all():
        raise RadiomicsError(
            "RADIOMICS-NON-FINITE",
            "the image holds NaN or infinite voxels, so it has no mean to normalise by",
            hint="Repair the image, or take rules without normalisation.",
        )
    values = array
    if rules.over == "otsu" and array.min() < array.max():
        values = array[array > _otsu_threshold(array)]
    if values.size == 0 or values.min() == values.max():
        raise RadiomicsError(
            "RADIOMICS-FLAT-IMAGE",
            "the voxels that normalisation refers to all have one value",
            hint="Look at the image: it is empty or constant.",
        )
    return values


def _rescaled(scores: FloatArray, rules: NormalisationRules) -> FloatArray:
    if rules.clip_sigma is not None:
        scores = np.clip(scores, -rules.clip_sigma, rules.clip_sigma)
    return np.asarray(scores * rules.scale)


def _otsu_threshold(array: FloatArray) -> float:
    """Return the threshold that parts the histogram with the least variance within (Otsu 1979)."""
    counts, edges = np.histogram(array, bins=_OTSU_BINS)
    centres = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)
    above = counts.sum() - below
    sums = np.cumsum(counts * centres)
    with np.errstate(invalid="ignore", divide="ignore"):
        between = below * above * (sums / below - (sums[-1] - sums) / above) ** 2
    return float(edges[1 + int(np.nanargmax(between[:-1]))])
