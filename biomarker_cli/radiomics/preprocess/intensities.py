"""Re-segmentation, outliers and discretisation (IBSI-1, sections 2.6 and 2.7)."""

from __future__ import annotations

import numpy as np

from biomarker_cli.model.arrays import BoolArray, FloatArray, IntArray
from biomarker_cli.radiomics.bounds import MOST_BINS, require_bins
from biomarker_cli.radiomics.errors import RadiomicsError
from biomarker_cli.radiomics.rules import (
    Discretisation,
    FixedBinNumber,
    FixedBinSize,
    ResegmentationRules,
)


def resegment(image: FloatArray, mask: BoolArray, rules: ResegmentationRules | None) -> BoolArray:
    """Return the intensity mask.

    Parameters
    ----------
    image : ndarray, shape (z, y, x)
    mask : ndarray of bool, shape (z, y, x)
        The morphological mask.
    rules : ResegmentationRules, optional
    """
    if rules is None:
        return mask
    kept = mask.copy()
    low, high = rules.range
    if low is not None:
        kept &= image >= low
    if high is not None:
        kept &= image <= high
    if rules.outlier_sigma is not None and kept.any():
        values = image[kept]
        reach = rules.outlier_sigma * values.std()
        kept &= np.abs(image - values.mean()) <= reach
    return kept


def lower_edge(bins: FixedBinSize, resegmentation: ResegmentationRules | None) -> float:
    """Return the lower edge of the first bin under the IBSI conventions."""
    if bins.anchor == "resegmentation":
        lower = resegmentation.range[0] if resegmentation else None
        if lower is None:
            raise ValueError("no lower bound to anchor at")
        return lower
    return float(bins.anchor)


def discretise(
    values: FloatArray, bins: Discretisation, resegmentation: ResegmentationRules | None
) -> IntArray:
    """Return the grey levels from 1 of the values of a region.

    Parameters
    ----------
    values : ndarray, shape (n,)
    bins : Discretisation
    resegmentation : ResegmentationRules, optional

    Raises
    ------
    RadiomicsError
        ``RADIOMICS-MANY-LEVELS``, ``RADIOMICS-NOT-DISCRETE``.
    """
    if isinstance(bins, FixedBinSize):
        with np.errstate(over="ignore"):
            scaled = (values - lower_edge(bins, resegmentation)) / bins.width
        return _whole(np.floor(scaled)) + 1
    if isinstance(bins, FixedBinNumber):
        low, high = values.min(), values.max()
        if high <= low:
            return np.ones(values.shape, dtype=np.int64)
        require_range(float(low), float(high), bins)
        scaled = bins.bins * (values - low) / (high - low)
        return np.asarray(np.minimum(np.floor(scaled).astype(np.int64) + 1, bins.bins))
    return _whole(np.rint(values))


def require_range(low: float, high: float, bins: FixedBinNumber) -> None:
    """Refuse a range that no double can be scaled to bins over.

    Raises
    ------
    RadiomicsError
        ``RADIOMICS-NOT-DISCRETE``.
    """
    if not bins.bins * (high - low) < np.inf:
        raise RadiomicsError(
            "RADIOMICS-NOT-DISCRETE",
            f"intensities from {low:g} to {high:g} cannot be parted into {bins.bins} bins",
            hint="Look at the image: its voxels are no measured quantity.",
        )


def _whole(levels: FloatArray) -> IntArray:
    """Return levels as integers, of which there is no end as there is of floats."""
    require_bins(float(levels.max()))
    # Levels below 1 are refused later, whatever they are.
    if levels.min() < -MOST_BINS:
        levels = np.maximum(levels, -MOST_BINS)
    return np.asarray(levels.astype(np.int64))


def histogram_axis(
    values: FloatArray,
    rules: Discretisation,
    resegmentation: ResegmentationRules | None,
    step: float,
) -> tuple[FloatArray, FloatArray]:
    """Return the values and the axis of the intensity-volume histogram.

    Without bins the axis runs in steps through the re-segmentation range, or from
    the region's minimum to its maximum where that is open. Bins of a fixed size
    stand for their centres, a fixed number of bins for its bin numbers.

    Raises
    ------
    RadiomicsError
        ``RADIOMICS-MANY-LEVELS``.

    References
    ----------
    IBSI-1 v11, section 3.5.
    """
    low, high = resegmentation.range if resegmentation else (None, None)
    if isinstance(rules, FixedBinNumber):
        numbers = np.arange(1, rules.bins + 1, dtype=np.float64)
        return discretise(values, rules, resegmentation).astype(np.float64), numbers
    if isinstance(rules, FixedBinSize):
        edge = lower_edge(rules, resegmentation)
        levels = discretise(values, rules, resegmentation)
        last = float(levels.max()) if high is None else float(np.ceil((high - edge) / rules.width))
        require_bins(last)
        top = int(last)
        centres = edge + (np.arange(1, top + 1, dtype=np.float64) - 0.5) * rules.width
        return np.asarray(edge + (levels - 0.5) * rules.width, dtype=np.float64), centres
    first = float(values.min()) if low is None else low
    last = float(values.max()) if high is None else high
    steps = float(np.floor((last - first) / step + 1e-9)) + 1
    require_bins(steps)
    return values, first + np.arange(int(steps), dtype=np.float64) * step
