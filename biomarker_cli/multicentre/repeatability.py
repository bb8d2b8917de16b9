"""Test-retest repeatability of one feature: what a change must exceed to be more than noise.

A target is what was measured again: one region of one subject. Estimates pool
the sums of squares within targets over their degrees of freedom, which for equal
numbers of repeats is the mean of the variances within targets.

=====================  ======================================================
wSD                    within-subject SD about the mean of the target, so about
                       a bias of zero between the repeats
wSD_about_bias         the same after the mean of each repeat is taken away
RC                     repeatability coefficient, 2.77 wSD
wCV, RC_percent        root mean square of wSD_i / mean_i, and 2.77 times it
wSD_log, wCV_log       wSD of the natural logarithm, and sqrt(exp(s^2) - 1)
change_low, _high      asymmetric limits of a change, 100 (exp(-+2.77 s) - 1)
=====================  ======================================================

References
----------
Raunig et al. 2015, Stat Methods Med Res 24:27; Obuchowski and Bullen 2018,
Stat Methods Med Res 27:3212 (QIBA metrology); Bland and Altman 1996, BMJ 312:1654.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np

from biomarker_cli.multicentre.agreement import bland_altman, concordance
from biomarker_cli.multicentre.icc import FORMS, Estimate, icc, mean_squares
from biomarker_cli.multicentre.repeats import (
    RC_FACTOR,
    Repeats,
    why_not_relative,
    within_squares,
)
from biomarker_cli.multicentre.subject_bootstrap import drawn_limits


@dataclass(frozen=True)
class Statistic:
    """One line of the result.

    Attributes
    ----------
    estimate : Estimate or None
        None where it is not defined, and `reason` says why.
    unit : str
    interval : str
        How the limits were found: chi_square, approximate, f, t or bootstrap_subjects.
    reason : str
    """

    estimate: Estimate | None
    unit: str
    interval: str = ""
    reason: str = ""


_OF_FEATURE = ""
"""Stands for the unit of the feature."""

STATISTICS: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("mean", "wSD", "RC", "wSD_about_bias"), _OF_FEATURE),
        **dict.fromkeys(("wCV", "RC_percent"), "%"),
        "wSD_log": "1",
        **dict.fromkeys(("wCV_log", "change_low", "change_high"), "%"),
        **dict.fromkeys(("bias", "sd_difference", "loa_low", "loa_high"), _OF_FEATURE),
        **dict.fromkeys(("bias_percent", "loa_low_percent", "loa_high_percent"), "%"),
        **dict.fromkeys(("CCC", "CCC_ddof1", *FORMS), "1"),
    }
)
"""Every statistic in its order, and its unit."""


def undefined(unit: str, reason: str) -> dict[str, Statistic]:
    """Return every statistic of a feature that has none."""
    return {name: Statistic(None, own or unit, reason=reason) for name, own in STATISTICS.items()}


@dataclass
class _Lines:
    """Collects the statistics of a feature by name."""

    unit: str
    found: dict[str, Statistic] = field(default_factory=dict)

    def add(self, name: str, estimate: Estimate | None, how: str = "", why: str = "") -> None:
        unit = STATISTICS[name] or self.unit
        interval = how if estimate is not None and estimate.low is not None else ""
        self.found[name] = Statistic(estimate, unit, interval, why)


def repeatability(repeats: Repeats) -> dict[str, Statistic]:
    """Return every statistic of repeatability and agreement of a feature, by name.

    Parameters
    ----------
    repeats : Repeats

    Returns
    -------
    dict of Statistic
        Always the same names in the same order. Where a subject has several targets,
        the limits are percentiles of a seeded bootstrap of subjects.

    Raises
    ------
    ValueError
        For one subject only: there is nothing to say of others.
    """
    if repeats.n_subjects < 2:
        raise ValueError("repeatability needs two subjects")
    lines = _Lines(repeats.unit)
    _add_absolute(lines, repeats)
    _add_relative(lines, repeats)
    _add_pairs(lines, repeats)
    _add_correlations(lines, repeats)
    found = {name: lines.found[name] for name in STATISTICS}
    if repeats.n_subjects < len(repeats.subjects):
        return _with_bootstrap(found, repeats)
    return found


def chi_square_factors(degrees: int) -> tuple[float, float]:
    """Return what an SD is multiplied by for its 95 % confidence limits."""
    from scipy.special import chdtri

    return (
        math.sqrt(degrees / float(chdtri(degrees, 0.025))),
        math.sqrt(degrees / float(chdtri(degrees, 0.975))),
    )


def _scaled(value: float, factors: tuple[float, float]) -> Estimate:
    """Return an SD with its limits; of a spread of 0 a table of few rows tells none."""
    return Estimate(value, value * factors[0], value * factors[1]) if value else Estimate(0.0)


_INCOMPLETE = "fewer than two targets have every repeat"
_ALIKE = "no repeat differs from another: the spread is too small for this table to tell"
_NO_VARIANCE = "the estimated variances do not add up to a positive sum"
_NO_LIMITS = "its limits are not defined: no variance to hold it against, or one below 0"
_CONSTANT = "no value differs from another"


def _add_absolute(lines: _Lines, repeats: Repeats) -> None:
    squares, degrees, means = within_squares(repeats.values)
    factors = chi_square_factors(repeats.degrees)
    wsd = math.sqrt(float(squares.sum() / degrees.sum()))
    alike = "" if wsd else _ALIKE
    lines.add("mean", Estimate(float(means.mean())))
    lines.add("wSD", _scaled(wsd, factors), "chi_square", alike)
    lines.add("RC", _scaled(RC_FACTOR * wsd, factors), "chi_square", alike)
    values = repeats.complete
    if len(values) < 2:
        lines.add("wSD_about_bias", None, "", _INCOMPLETE)
        return
    table = mean_squares(values, np.ones((1, len(values))))
    about = math.sqrt(float(table.residual[0]))
    of_rest = chi_square_factors((len(values) - 1) * (values.shape[1] - 1))
    lines.add("wSD_about_bias", _scaled(about, of_rest), "chi_square", "" if about else _ALIKE)


_RELATIVE = ("wCV", "RC_percent", "wSD_log", "wCV_log", "change_low", "change_high")


def _add_relative(lines: _Lines, repeats: Repeats) -> None:
    why = why_not_relative(repeats)
    if why:
        for name in _RELATIVE:
            lines.add(name, None, "", why)
        return
    factors = chi_square_factors(repeats.degrees)
    squares, degrees, means = within_squares(repeats.values)
    cv = 100 * math.sqrt(float((squares / means**2).sum() / degrees.sum()))
    lines.add("wCV", _scaled(cv, factors), "approximate")
    lines.add("RC_percent", _scaled(RC_FACTOR * cv, factors), "approximate")
    squares, degrees, _ = within_squares(np.log(repeats.values))
    s = _scaled(math.sqrt(float(squares.sum() / degrees.sum())), factors)
    lines.add("wSD_log", s, "chi_square")
    lines.add("wCV_log", _of_log(_cv, s), "chi_square")
    lines.add("change_low", _of_log(_fall, s), "chi_square")
    lines.add("change_high", _of_log(_rise, s), "chi_square")


def _cv(s: float) -> float:
    return 100 * math.sqrt(math.expm1(s**2))


def _fall(s: float) -> float:
    return 100 * math.expm1(-RC_FACTOR * s)


def _rise(s: float) -> float:
    return 100 * math.expm1(RC_FACTOR * s)


def _of_log(function: Callable[[float], float], s: Estimate) -> Estimate:
    limits = sorted(function(limit) for limit in (s.low, s.high) if limit is not None)
    return Estimate(function(s.value), *limits)


_PAIRS = ("bias", "sd_difference", "loa_low", "loa_high")
_PAIRS_OF_LOGS = ("bias_percent", "loa_low_percent", "loa_high_percent")


def _add_pairs(lines: _Lines, repeats: Repeats) -> None:
    pairs = repeats.complete
    why = "" if len(pairs) >= 2 else _INCOMPLETE
    if repeats.values.shape[1] != 2:
        why = "for two repeats only"
    if why:
        for name in (*_PAIRS, *_PAIRS_OF_LOGS, "CCC", "CCC_ddof1"):
            lines.add(name, None, "", why)
        return
    first, second = pairs[:, 0], pairs[:, 1]
    plain = bland_altman(first, second)
    parts = (plain.bias, Estimate(plain.sd), plain.low, plain.high)
    for name, part in zip(_PAIRS, parts, strict=True):
        lines.add(name, part, "t")
    why = why_not_relative(repeats)
    ratios: tuple[Estimate | None, ...] = (None, None, None)
    if not why:
        logs = bland_altman(np.log(first), np.log(second))
        ratios = tuple(_percent(log) for log in (logs.bias, logs.low, logs.high))
    for name, ratio in zip(_PAIRS_OF_LOGS, ratios, strict=True):
        lines.add(name, ratio, "t", why)
    for name, ddof in (("CCC", 0), ("CCC_ddof1", 1)):
        value = concordance(first, second, ddof)
        if value is None:
            lines.add(name, None, "", _CONSTANT)
        else:
            lines.add(name, Estimate(value))


def _percent(log: Estimate) -> Estimate:
    low, value, high = (100 * math.expm1(x or 0.0) for x in (log.low, log.value, log.high))
    return Estimate(value, low, high)


def _add_correlations(lines: _Lines, repeats: Repeats) -> None:
    values = repeats.complete
    found: Mapping[str, Estimate | None] = icc(values) if len(values) >= 2 else {}
    why = _INCOMPLETE
    if found:
        why = _CONSTANT if np.ptp(values) == 0 else _NO_VARIANCE
    for name in FORMS:
        estimate = found.get(name)
        no_limits = "" if estimate is None or estimate.low is not None else _NO_LIMITS
        lines.add(name, estimate, "f", no_limits if estimate else why)


def _with_bootstrap(found: dict[str, Statistic], repeats: Repeats) -> dict[str, Statistic]:
    """Return the statistics with limits of a bootstrap: targets of a subject hang together."""
    limits = drawn_limits(repeats)
    return {
        name: statistic
        if statistic.estimate is None or statistic.estimate.low is None
        else _limited(statistic, statistic.estimate.value, limits.get(name))
        for name, statistic in found.items()
    }


def _limited(statistic: Statistic, value: float, limits: tuple[float, float] | None) -> Statistic:
    if limits is None:
        return replace(statistic, estimate=Estimate(value), interval="")
    return replace(statistic, estimate=Estimate(value, *limits), interval="bootstrap_subjects")


def upper_factor(degrees: int) -> float:
    """Return what an SD is multiplied by for its one-sided upper 95 % confidence limit."""
    from scipy.special import chdtri

    return math.sqrt(degrees / float(chdtri(degrees, 0.95)))
