"""Intraclass correlation: the six forms of Shrout and Fleiss, with confidence limits.

======== ======================================= ==========================
name     model                                   of McGraw and Wong
======== ======================================= ==========================
ICC(1,1) one-way random, single measurement      ICC(1)
ICC(2,1) two-way random, absolute agreement      ICC(A,1)
ICC(3,1) two-way mixed, consistency              ICC(C,1)
ICC(1,k) one-way random, mean of k               ICC(k)
ICC(2,k) two-way random, absolute, mean of k     ICC(A,k)
ICC(3,k) two-way mixed, consistency, mean of k   ICC(C,k)
======== ======================================= ==========================

A negative estimate or limit is an answer, and is not cut at 0.

References
----------
Shrout and Fleiss 1979, Psychol Bull 86:420; McGraw and Wong 1996, Psychol Methods 1:30.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biomarker_cli.model.arrays import FloatArray

FORMS = ("ICC(1,1)", "ICC(2,1)", "ICC(3,1)", "ICC(1,k)", "ICC(2,k)", "ICC(3,k)")
"""Names of the six forms, as Shrout and Fleiss have them."""

ROUNDING = 1e-24
"""Part of a sum of squares about zero that is the rounding of the sums themselves."""


_NO_SUM = 1e-9
"""Part of the mean squares below which their weighted difference is rounding."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its 95 % confidence limits, None where they are not defined."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class MeanSquares:
    """Mean squares of n targets by k raters; arrays where targets are weighted.

    Attributes
    ----------
    n : float or ndarray
        Targets.
    k : int
        Raters, or repeats.
    between : float or ndarray
        BMS, between targets.
    raters : float or ndarray
        JMS, between raters.
    within : float or ndarray
        WMS, within targets.
    residual : float or ndarray
        EMS, of the interaction.
    """

    n: FloatArray
    k: int
    between: FloatArray
    raters: FloatArray
    within: FloatArray
    residual: FloatArray


def mean_squares(values: FloatArray, weights: FloatArray) -> MeanSquares:
    """Return the mean squares, once for each row of weights.

    Parameters
    ----------
    values : ndarray, shape (n, k)
        Targets by raters, without NaN; n >= 2, k >= 2.
    weights : ndarray, shape (b, n)
        How often each target counts: ones, or the draws of a bootstrap.
    """
    k = values.shape[1]
    # About a common centre, so that large values of small spread keep their digits.
    values = values - values.mean()
    noise = ROUNDING * float((values**2).sum())
    targets = values.mean(axis=1)
    n = weights.sum(axis=1)
    raters = np.stack([(weights * column).sum(axis=1) for column in values.T]) / n
    grand = raters.mean(axis=0)
    between = k * (weights * (targets - grand[:, None]) ** 2).sum(axis=1)
    across = n * ((raters - grand) ** 2).sum(axis=0)
    inside = (weights * ((values - targets[:, None]) ** 2).sum(axis=1)).sum(axis=1)
    left = inside - across
    between, across, inside, left = (
        np.where(squares > noise, squares, 0.0) for squares in (between, across, inside, left)
    )
    return MeanSquares(
        n=n,
        k=k,
        between=between / (n - 1),
        raters=across / (k - 1),
        within=inside / (n * (k - 1)),
        residual=left / ((n - 1) * (k - 1)),
    )


def icc_forms(squares: MeanSquares) -> dict[str, FloatArray]:
    """Return the six forms; NaN where the variances do not add up to a positive sum.

    Estimates of variance may be negative; over a sum that is not positive there is no
    correlation, and the quotient could be any number.
    """
    n, k = squares.n, squares.k
    b, j, w, e = squares.between, squares.raters, squares.within, squares.residual
    sums = {
        "ICC(1,1)": b + (k - 1) * w,
        "ICC(2,1)": b + (k - 1) * e + k * (j - e) / n,
        "ICC(3,1)": b + (k - 1) * e,
        "ICC(1,k)": b,
        "ICC(2,k)": b + (j - e) / n,
        "ICC(3,k)": b,
    }
    noise = _NO_SUM * (b + j + w + e)
    return {
        name: np.where(
            below > noise,
            (b - (w if name.startswith("ICC(1") else e)) / np.where(below > noise, below, 1.0),
            np.nan,
        )
        for name, below in sums.items()
    }


def icc(values: FloatArray) -> dict[str, Estimate | None]:
    """Return the six forms with 95 % limits; None where a form is not defined.

    Parameters
    ----------
    values : ndarray, shape (n, k)
        Targets by raters, without NaN; n >= 2, k >= 2.

    Raises
    ------
    ValueError
        For fewer than two targets or raters.
    """
    if values.ndim != 2 or min(values.shape) < 2:
        raise ValueError(f"expected at least 2 targets by 2 raters, found {values.shape}")
    squares = mean_squares(values, np.ones((1, len(values))))
    forms = {name: float(value[0]) for name, value in icc_forms(squares).items()}
    limits = _limits(squares, forms["ICC(2,1)"])
    found: dict[str, Estimate | None] = {}
    for name in FORMS:
        low, high = limits.get(name, (None, None))
        found[name] = Estimate(forms[name], low, high) if np.isfinite(forms[name]) else None
    return found


def _limits(squares: MeanSquares, absolute: float) -> dict[str, tuple[float, float]]:
    n, k = float(squares.n[0]), squares.k
    between = float(squares.between[0])
    within, residual = float(squares.within[0]), float(squares.residual[0])
    limits: dict[str, tuple[float, float]] = {}
    if between > 0 and within > 0:
        limits |= _by_ratio("1", between / within, (n - 1, n * (k - 1)), k)
    if between > 0 and residual > 0:
        limits |= _by_ratio("3", between / residual, (n - 1, (n - 1) * (k - 1)), k)
        limits |= _absolute(squares, absolute)
    return limits


def _by_ratio(
    form: str, ratio: float, degrees: tuple[float, float], k: int
) -> dict[str, tuple[float, float]]:
    low = ratio / _f_975(*degrees)
    high = ratio * _f_975(*degrees[::-1])
    return {
        f"ICC({form},1)": ((low - 1) / (low + k - 1), (high - 1) / (high + k - 1)),
        f"ICC({form},k)": (1 - 1 / low, 1 - 1 / high),
    }


def _absolute(squares: MeanSquares, value: float) -> dict[str, tuple[float, float]]:
    """Return the limits of ICC(2,.), by Satterthwaite's degrees of freedom."""
    n, k = float(squares.n[0]), squares.k
    b, j, e = (float(s[0]) for s in (squares.between, squares.raters, squares.residual))
    if not value < 1:
        return {}
    a = k * value / (n * (1 - value))
    c = 1 + k * value * (n - 1) / (n * (1 - value))
    spread = (a * j) ** 2 / (k - 1) + (c * e) ** 2 / ((n - 1) * (k - 1))
    degrees = (a * j + c * e) ** 2 / spread
    if not degrees > 0:
        return {}
    lower, upper = _f_975(n - 1, degrees), _f_975(degrees, n - 1)
    rest = k * j + (k * n - k - n) * e
    single = (
        n * (b - lower * e) / (lower * rest + n * b),
        n * (upper * b - e) / (rest + n * upper * b),
    )
    # The approximation breaks down for some negative estimates: then there are no limits.
    if not (np.isfinite(single).all() and single[0] <= value <= single[1]):
        return {}
    if not 1 + (k - 1) * single[0] > _NO_SUM:
        # Spearman and Brown step up no correlation below -1 / (k - 1).
        return {"ICC(2,1)": single}
    low, high = (k * limit / (1 + (k - 1) * limit) for limit in single)
    return {"ICC(2,1)": single, "ICC(2,k)": (low, high)}


def _f_975(over: float, under: float) -> float:
    from scipy.special import fdtri

    return float(fdtri(over, under, 0.975))
