"""Limits where a subject has several targets: seeded draws of subjects, not of targets.

References
----------
Efron and Tibshirani 1993, An Introduction to the Bootstrap, 13.3 (percentile limits).
"""

from __future__ import annotations

import numpy as np

from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.multicentre.icc import icc_forms, mean_squares
from biomarker_cli.multicentre.repeats import (
    RC_FACTOR,
    Repeats,
    why_not_relative,
    within_squares,
)
from biomarker_cli.statistics.confidence import NORMAL_975

N_BOOTSTRAP = 2000
"""Draws of subjects, where a subject has several targets."""

SEED = 20_150_101
"""Of the draws: the same table gives the same limits."""


def drawn_limits(repeats: Repeats) -> dict[str, tuple[float, float] | None]:
    """Return the 2.5th and 97.5th percentile of each statistic over draws of subjects.

    Parameters
    ----------
    repeats : Repeats

    Returns
    -------
    dict
        By the name of the statistic; None where more than half of the draws have no
        value, such as those of one subject only.
    """
    found: dict[str, tuple[float, float] | None] = {}
    for name, values in _drawn(repeats, subject_draws(repeats.subjects)).items():
        values = values[np.isfinite(values)]
        found[name] = None
        if len(values) >= N_BOOTSTRAP / 2:
            low, high = np.quantile(values, (0.025, 0.975))
            found[name] = float(low), float(high)
    return found


def subject_draws(subjects: tuple[str, ...]) -> FloatArray:
    """Return how often each target counts in each draw of subjects with replacement.

    Parameters
    ----------
    subjects : tuple of str, length n
        Whose target each one is.

    Returns
    -------
    ndarray, shape (N_BOOTSTRAP, n)
    """
    names = sorted(set(subjects))
    places = [names.index(subject) for subject in subjects]
    generator = np.random.default_rng(SEED)
    counts = generator.multinomial(len(names), np.full(len(names), 1 / len(names)), N_BOOTSTRAP)
    return counts[:, places].astype(np.float64)


def _drawn(repeats: Repeats, weights: FloatArray) -> dict[str, FloatArray]:
    def pooled(squares: FloatArray, degrees: FloatArray) -> FloatArray:
        # Sums of products, not BLAS: the same digits on every number of threads.
        above, below = (weights * squares).sum(axis=1), (weights * degrees).sum(axis=1)
        root: FloatArray = np.sqrt(above / below)
        return root

    squares, degrees, means = within_squares(repeats.values)
    found = {"wSD": pooled(squares, degrees)}
    found["RC"] = RC_FACTOR * found["wSD"]
    if not why_not_relative(repeats):
        found["wCV"] = 100 * pooled(squares / means**2, degrees)
        found["RC_percent"] = RC_FACTOR * found["wCV"]
        found["wSD_log"] = s = pooled(*within_squares(np.log(repeats.values))[:2])
        found["wCV_log"] = 100 * np.sqrt(np.expm1(s**2))
        found["change_low"], found["change_high"] = (
            100 * np.expm1(sign * RC_FACTOR * s) for sign in (-1, 1)
        )
    is_complete = np.isfinite(repeats.values).all(axis=1)
    values, weights = repeats.values[is_complete], weights[:, is_complete]
    if len(values) >= 2:
        found |= _drawn_of_tables(values, weights, why_not_relative(repeats))
    return found


def _drawn_of_tables(values: FloatArray, weights: FloatArray, why: str) -> dict[str, FloatArray]:
    with np.errstate(invalid="ignore", divide="ignore"):
        squares = mean_squares(values, weights)
        found = icc_forms(squares)
        found["wSD_about_bias"] = np.sqrt(squares.residual)
        if values.shape[1] == 2:
            names = ("bias", "loa_low", "loa_high")
            found |= dict(zip(names, _limits_of(values, weights), strict=True))
            if not why:
                logs = _limits_of(np.log(values), weights)
                found |= {
                    f"{name}_percent": 100 * np.expm1(log)
                    for name, log in zip(names, logs, strict=True)
                }
    return found


def _limits_of(
    values: FloatArray, weights: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    difference, n = values[:, 1] - values[:, 0], weights.sum(axis=1)
    bias = (weights * difference).sum(axis=1) / n
    rest = (weights * (difference - bias[:, None]) ** 2).sum(axis=1)
    sd = np.sqrt(rest / (n - 1))
    return bias, bias - NORMAL_975 * sd, bias + NORMAL_975 * sd
