"""The percentile rule of every number that does not name another one.

Said once: whoever has order statistics by other means asks here which it needs
and what lies between them.
"""

from __future__ import annotations

import numpy as np

from biomarker_cli.model.arrays import FloatArray


def neighbours(percent: float, size: int) -> tuple[int, int, float]:
    """Return the places of the two order statistics that a percentile lies between.

    Parameters
    ----------
    percent : float
        From 0 to 100.
    size : int
        How many values there are, n >= 1.

    Returns
    -------
    below, above : int
        Places in the sorted values.
    part : float
        How far the percentile lies from the lower to the upper one, from 0 to 1.

    References
    ----------
    Hyndman and Fan, The American Statistician 1996; 50: 361-365, definition 7.
    """
    place = percent / 100 * (size - 1)
    below = int(place)
    return below, min(below + 1, size - 1), place - below


def between(low: float, high: float, part: float) -> float:
    """Return what lies between two order statistics, with the bits of numpy.

    Interpolated from the nearer side, so that equal statistics give themselves.
    """
    return high - (high - low) * (1 - part) if part >= 0.5 else low + (high - low) * part


def percentile(values: FloatArray, percent: float) -> float:
    """Return a percentile by linear interpolation between order statistics.

    Parameters
    ----------
    values : ndarray
        Without NaN; n >= 1.
    percent : float

    References
    ----------
    Hyndman and Fan 1996, definition 7 (the default of numpy and R).
    """
    below, above, part = neighbours(percent, values.size)
    ordered = np.partition(values, (below, above), axis=None)
    return between(float(ordered[below]), float(ordered[above]), part)
