"""The percentile rule of every table that does not name another one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def percentile(values: npt.NDArray[np.float64], percent: float) -> float:
    """Return a percentile by linear interpolation between order statistics.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Without NaN; n >= 1.
    percent : float
        0-100.

    References
    ----------
    Hyndman and Fan 1996, definition 7 (the default of numpy and R).
    """
    return float(np.percentile(values, percent, method="linear"))
