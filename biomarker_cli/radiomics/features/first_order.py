"""Values of the first-order families: intensity, histogram and intensity-volume histogram."""

from __future__ import annotations

import numpy as np

from biomarker_cli.model.arrays import FloatArray, IntArray
from biomarker_cli.radiomics.kernels.moments import (
    BINS,
    LANES,
    count_bins,
    gather_bins,
    sum_between,
    sum_deviations,
    sum_up,
)
from biomarker_cli.statistics.percentiles import between, neighbours

_FEW = 4096
"""Values that are sorted sooner than selected."""

_PERCENTILES = (10, 25, 50, 75, 90)


def percentiles_of(values: FloatArray) -> list[float]:
    """Return the 10th, 25th, 50th, 75th and 90th percentile.

    By the rule of the statistics room.

    Parameters
    ----------
    values : ndarray, shape (n,)
        n >= 1, finite.
    """
    found = [neighbours(percent, values.size) for percent in _PERCENTILES]
    wanted = sorted({place for below, above, _ in found for place in (below, above)})
    ordered = dict(zip(wanted, _order_statistics(values, wanted), strict=True))
    return [between(ordered[below], ordered[above], part) for below, above, part in found]


def _order_statistics(values: FloatArray, wanted: list[int]) -> list[float]:
    """Return the values at places of the sorted values: only those of some bins are sorted."""
    low, high = float(values.min()), float(values.max())
    with np.errstate(over="ignore", divide="ignore"):
        scale = float(np.divide(BINS, np.subtract(high, low)))
    if values.size < _FEW or not 0 < scale < np.inf:
        return [float(value) for value in np.sort(values)[wanted]]
    counts = np.zeros(BINS, dtype=np.int64)
    count_bins(values, low, scale, counts)
    behind = np.cumsum(counts)
    bins = np.searchsorted(behind, wanted, side="right")
    chosen = np.unique(bins)
    place = np.full(BINS, -1, dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum(counts[chosen])])
    place[chosen] = starts[:-1]
    parts = np.empty(int(starts[-1]))
    gather_bins(values, low, scale, place, parts)
    sorted_parts = {
        int(number): np.sort(parts[start:stop])
        for number, start, stop in zip(chosen, starts[:-1], starts[1:], strict=True)
    }
    before = behind - counts
    return [
        float(sorted_parts[int(number)][index - before[number]])
        for number, index in zip(bins, wanted, strict=True)
    ]


def intensity_values(values: FloatArray) -> dict[str, float]:
    """Return the intensity statistics of IBSI-1, section 3.3, by name.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Intensities of the intensity mask; n >= 1.
    """
    values = np.ascontiguousarray(values)
    n = values.size
    low, high = float(values.min()), float(values.max())
    sums = np.zeros(2)
    sum_up(values, np.zeros((2, LANES)), sums)
    # The mean of equal values is that value, whatever their sum rounds to.
    mean = low if low == high else float(sums[0]) / n
    energy = float(sums[1])
    p10, p25, median, p75, p90 = percentiles_of(values)
    found = np.zeros(5)
    sum_deviations(values, mean, median, np.zeros((5, LANES)), found)
    variance, cubed, fourth, absolute, from_median = (found / n).tolist()
    flat = variance <= 0
    return {
        "mean": mean,
        "median": median,
        "minimum": low,
        "maximum": high,
        "p10": p10,
        "p90": p90,
        "skewness": np.nan if flat else cubed / variance**1.5,
        "kurtosis": np.nan if flat else fourth / variance**2 - 3.0,
        "variance": variance,
        "iqr": p75 - p25,
        "range": high - low,
        "mean_absolute_deviation": absolute,
        "robust_mean_absolute_deviation": _robust_deviation(values, p10, p90),
        "median_absolute_deviation": from_median,
        "coefficient_of_variation": float(np.sqrt(variance)) / mean if mean else np.nan,
        "quartile_coefficient_of_dispersion": (p75 - p25) / (p75 + p25) if p75 + p25 else np.nan,
        "energy": energy,
        "root_mean_square": float(np.sqrt(energy / n)),
    }


def _robust_deviation(values: FloatArray, low: float, high: float) -> float:
    """Return the mean absolute deviation of the values between two percentiles; NaN for none."""
    found = np.zeros(3)
    sum_between(values, low, high, 0.0, np.zeros((3, LANES)), found)
    number, total, _ = found.tolist()
    if number == 0:
        return np.nan
    found[:] = 0.0
    sum_between(values, low, high, total / number, np.zeros((3, LANES)), found)
    return float(found[2]) / number


def histogram_values(levels: IntArray) -> dict[str, float]:
    """Return the intensity histogram features of IBSI-1, section 3.4, by name.

    Parameters
    ----------
    levels : ndarray, shape (n,)
        Grey levels from 1 of the intensity mask.
    """
    found = intensity_values(levels.astype(np.float64))
    for name in ("energy", "root_mean_square"):
        del found[name]
    counts = np.bincount(levels)[1:].astype(np.float64)
    p = counts[counts > 0] / levels.size
    found["entropy"] = -float(np.sum(p * np.log2(p))) + 0.0
    found["uniformity"] = float(np.sum(p**2))
    highest = np.flatnonzero(counts == counts.max()) + 1
    # On ties the mode is the level nearest the mean, the lower of two equally near.
    found["mode"] = float(highest[np.argmin(np.abs(highest - found["mean"]))])
    return found | _gradient_values(counts)


def _gradient_values(counts: FloatArray) -> dict[str, float]:
    """Return the gradients of a histogram; NaN where it has one level."""
    values = (np.nan, np.nan, np.nan, np.nan)
    if counts.size > 1:
        gradient = np.gradient(counts)
        steepest, deepest = int(np.argmax(gradient)), int(np.argmin(gradient))
        values = (gradient[steepest], steepest + 1.0, gradient[deepest], deepest + 1.0)
    names = (
        "maximum_gradient",
        "maximum_gradient_intensity",
        "minimum_gradient",
        "minimum_gradient_intensity",
    )
    return {name: float(value) for name, value in zip(names, values, strict=True)}


def ivh_values(values: FloatArray, axis: FloatArray) -> dict[str, float]:
    """Return the features of the intensity-volume histogram (IBSI-1, section 3.5).

    Parameters
    ----------
    values : ndarray, shape (n,)
        Intensities, or grey levels or bin centres where the histogram is binned.
    axis : ndarray, shape (k,)
        Intensities at which the histogram stands, rising; the first and last are
        its range.
    """
    ordered = np.sort(values)
    volume = 1.0 - np.searchsorted(ordered, axis, side="left") / values.size
    span = axis[-1] - axis[0]
    if span <= 0:
        return {}
    fraction = (axis - axis[0]) / span

    def volume_at(percent: float) -> float:
        return float(volume[np.argmax(fraction >= percent / 100 - 1e-12)])

    def intensity_at(percent: float) -> float:
        fits = volume <= percent / 100 + 1e-12
        # Beyond the highest intensity nothing is left: the next step is the answer.
        return float(axis[np.argmax(fits)]) if fits.any() else float(axis[-1])

    found = {
        "v10": volume_at(10),
        "v90": volume_at(90),
        "i10": intensity_at(10),
        "i90": intensity_at(90),
    }
    found["v10_minus_v90"] = found["v10"] - found["v90"]
    found["i10_minus_i90"] = found["i10"] - found["i90"]
    return found
