"""Values of the first-order families: intensity, histogram and intensity-volume histogram."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from biomarker_cli.kernels.compiled import sum_between, sum_deviations, sum_up

Values = npt.NDArray[np.float64]

_PERCENTILES = (10, 25, 50, 75, 90)


def percentiles_of(values: Values) -> list[float]:
    """Return the 10th, 25th, 50th, 75th and 90th percentile.

    By the rule of the statistics room, to the last bit.

    Parameters
    ----------
    values : ndarray, shape (n,)
        n >= 1, finite.
    """
    ordered = np.sort(values)
    return [_between(ordered, percent / 100 * (values.size - 1)) for percent in _PERCENTILES]


def _between(ordered: Values, place: float) -> float:
    below = int(place)
    low, high = float(ordered[below]), float(ordered[min(below + 1, ordered.size - 1)])
    part = place - below
    # numpy interpolates from the nearer side.
    return high - (high - low) * (1 - part) if part >= 0.5 else low + (high - low) * part


def intensity_values(values: Values) -> dict[str, float]:
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


def _robust_deviation(values: Values, low: float, high: float) -> float:
    """Return the mean absolute deviation of the values between two percentiles; NaN for none."""
    number, total, _ = sum_between(values, low, high, 0.0)
    if number == 0:
        return np.nan
    _, _, distance = sum_between(values, low, high, total / number)
    return distance / number


def histogram_values(levels: npt.NDArray[np.int64]) -> dict[str, float]:
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
    if counts.size > 1:
        gradient = np.gradient(counts)
        steepest, deepest = int(np.argmax(gradient)), int(np.argmin(gradient))
        found["maximum_gradient"] = float(gradient[steepest])
        found["maximum_gradient_intensity"] = steepest + 1.0
        found["minimum_gradient"] = float(gradient[deepest])
        found["minimum_gradient_intensity"] = deepest + 1.0
    return found


def ivh_values(values: Values, axis: Values) -> dict[str, float]:
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
