"""How two measurements of the same agree: bias, limits of agreement, concordance.

Differences are the second minus the first.

References
----------
Bland and Altman 1986, Lancet 327:307, and 1999, Stat Methods Med Res 8:135;
Lin 1989, Biometrics 45:255.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.multicentre.icc import ROUNDING, Estimate
from biomarker_cli.statistics.confidence import NORMAL_975


@dataclass(frozen=True, slots=True)
class BlandAltman:
    """Bias and 95 % limits of agreement, each with its confidence limits.

    Attributes
    ----------
    bias : Estimate
        Mean difference.
    sd : float
        Standard deviation of the differences, n - 1.
    low, high : Estimate
        Bias -+ 1.96 SD; their limits by the standard error SD sqrt(3 / n).
    """

    bias: Estimate
    sd: float
    low: Estimate
    high: Estimate


def bland_altman(first: FloatArray, second: FloatArray, times: float = NORMAL_975) -> BlandAltman:
    """Return bias and limits of agreement of pairs.

    Parameters
    ----------
    first, second : ndarray, shape (n,)
        Without NaN, in one unit; n >= 2.
    times : float
        Standard deviations from the bias to a limit; Bland and Altman 1986 took 2.

    Raises
    ------
    ValueError
        For fewer than two pairs.
    """
    difference = second - first
    n = len(difference)
    if n < 2:
        raise ValueError("limits of agreement need two pairs")
    from scipy.special import stdtrit

    bias, sd = float(difference.mean()), float(difference.std(ddof=1))
    quantile = float(stdtrit(n - 1, 0.975))
    of_bias, of_limit = quantile * sd / math.sqrt(n), quantile * sd * math.sqrt(3 / n)
    low, high = bias - times * sd, bias + times * sd
    return BlandAltman(
        Estimate(bias, bias - of_bias, bias + of_bias),
        sd,
        Estimate(low, low - of_limit, low + of_limit),
        Estimate(high, high - of_limit, high + of_limit),
    )


def concordance(first: FloatArray, second: FloatArray, ddof: int) -> float | None:
    """Return Lin's concordance correlation coefficient, None where nothing varies.

    Parameters
    ----------
    first, second : ndarray, shape (n,)
        Without NaN, in one unit; n >= 2.
    ddof : int
        0 for moments with 1/n, as Lin 1989 has them; 1 for n - 1.
    """
    shift = float(first.mean() - second.mean())
    x, y = first - first.mean(), second - second.mean()
    spread = float((x**2).sum() + (y**2).sum()) / (len(x) - ddof) + shift**2
    scale = float((first**2).sum() + (second**2).sum()) / len(x)
    if not spread > ROUNDING * scale:
        return None
    return 2 * float((x * y).sum()) / (len(x) - ddof) / spread
