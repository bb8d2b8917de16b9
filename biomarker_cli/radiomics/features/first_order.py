"""Values of the first-order families: intensity, histogram and intensity-volume histogram."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]


def sorted_percentile(ordered: Values, percent: float) -> float:
    """Return a percentile of sorted values, by the rule of the statistics room to the last bit."""
    place = percent / 100 * (ordered.size - 1)
    below = int(place)
    low = ordered[below]
    high = ordered[min(below + 1, ordered.size - 1)]
    part = place - below
    # numpy interpolates from the nearer side.
    if part >= 0.5:
        return float(high - (high - low) * (1 - part))
    return float(low + (high - low) * part)


def intensity_values(values: Values) -> dict[str, float]:
    """Return the intensity statistics of IBSI-1, section 3.3, by name.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Intensities of the intensity mask; n >= 1.
    """
    mean = float(values.mean())
    deviation = values - mean
    squared = deviation * deviation
    variance = float(squared.mean())
    ordered = np.sort(values)
    p10, p25, median, p75, p90 = (sorted_percentile(ordered, q) for q in (10, 25, 50, 75, 90))
    first = int(np.searchsorted(ordered, p10, side="left"))
    robust = ordered[first : int(np.searchsorted(ordered, p90, side="right"))]
    low, high = float(ordered[0]), float(ordered[-1])
    flat = variance <= 0
    energy = float(np.sum(values * values))
    return {
        "mean": mean,
        "median": median,
        "minimum": low,
        "maximum": high,
        "p10": p10,
        "p90": p90,
        "skewness": np.nan if flat else float(np.mean(squared * deviation)) / variance**1.5,
        "kurtosis": np.nan if flat else float(np.mean(squared * squared)) / variance**2 - 3.0,
        "variance": variance,
        "iqr": p75 - p25,
        "range": high - low,
        "mean_absolute_deviation": float(np.mean(np.abs(deviation))),
        "robust_mean_absolute_deviation": float(np.mean(np.abs(robust - robust.mean())))
        if robust.size
        else np.nan,
        "median_absolute_deviation": float(np.mean(np.abs(values - median))),
        "coefficient_of_variation": float(np.sqrt(variance)) / mean if mean else np.nan,
        "quartile_coefficient_of_dispersion": (p75 - p25) / (p75 + p25) if p75 + p25 else np.nan,
        "energy": energy,
        "root_mean_square": float(np.sqrt(energy / values.size)),
    }


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
