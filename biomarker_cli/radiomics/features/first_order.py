"""Values of the first-order families: intensity, histogram and intensity-volume histogram."""

from __future__ import annotations

import numpy as np

from biomarker_cli.kernels.compiled import sum_between, sum_deviations, sum_up
from biomarker_cli.model.arrays import FloatArray, IntArray
from biomarker_cli.statistics.percentiles import between, neighbours

_PERCENTILES = (10, 25, 50, 75, 90)


def percentiles_of(values: FloatArray) -> list[float]:
    """Return the 10th, 25th, 50th, 75th and 90th percentile.

    By the rule of the statistics room.

    Parameters
    ----------
    values : ndarray, shape (n,)
        n >= 1, finite.
    """
    ordered = np.sort(values)
    found = [neighbours(percent, values.size) for percent in _PERCENTILES]
    return [between(float(ordered[low]), float(ordered[high]), part) for low, high, part in found]


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
    total, energy = sum_up(values)
    # The mean of equal values is that value, whatever their sum rounds to.
    mean = low if low == high else total / n
    p10, p25, median, p75, p90 = percentiles_of(values)
    sums = sum_deviations(values, mean, median)
    variance, cubed, fourth, absolute, from_median = (part / n for part in sums)
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
    number, total, _ = sum_between(values, low, high, 0.0)
    if number == 0:
        return np.nan
    _, _, distance = sum_between(values, low, high, total / number)
    return distance / number


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
