"""Harrell's C-index of a feature and a time to an event.

References
----------
Harrell, Lee and Mark 1996, Stat Med 15:361; Therneau and Watson 2015, Mayo Clinic technical
report 85 (infinitesimal jackknife).
"""

from __future__ import annotations

import math

import numpy as np

from biomarker_cli.evidence.errors import NotEstimableError
from biomarker_cli.evidence.estimates import LOGIT, Association, two_sided
from biomarker_cli.model.arrays import BoolArray, FloatArray
from biomarker_cli.statistics.confidence import NORMAL_975


def c_index_and_se(
    time: FloatArray, has_event: BoolArray, score: FloatArray
) -> tuple[float, float]:
    """Return the C-index and its standard error by the infinitesimal jackknife.

    A pair counts where the earlier time is an event; who is censored at the time of an
    event outlives it, two events at one time are no pair, a tie of scores is half.

    Parameters
    ----------
    time, score : ndarray, shape (n,)
        A higher score speaks for an earlier event.
    has_event : ndarray of bool, shape (n,)

    Raises
    ------
    NotEstimableError
        Where no pair can be ordered.
    """
    concordant = np.zeros(len(time))
    pairs = np.zeros(len(time))
    for i in np.flatnonzero(has_event):
        later = (time > time[i]) | ((time == time[i]) & ~has_event)
        credit = np.where(score[i] > score[later], 1.0, 0.5 * (score[i] == score[later]))
        concordant[i] += credit.sum()
        concordant[later] += credit
        pairs[i] += later.sum()
        pairs[later] += 1.0
    total = pairs.sum() / 2.0
    if not total:
        raise NotEstimableError("no two subjects whose order of events is known")
    value = concordant.sum() / pairs.sum()
    influence = (concordant - value * pairs) / total
    return float(value), math.sqrt(float((influence**2).sum()))


def c_index(time: FloatArray, has_event: BoolArray, score: FloatArray) -> Association:
    """Return the C-index with its interval, cut at 0 and 1, and the test of 0.5.

    Raises
    ------
    NotEstimableError
        As `c_index_and_se`.
    """
    value, se = c_index_and_se(time, has_event, score)
    if se == 0.0:
        return Association(
            value, method="jackknife", note="every pair is ordered alike: the variance is not known"
        )
    is_inside = 0.0 < value < 1.0
    se_on_scale = se / (value * (1.0 - value)) if is_inside else math.nan
    return Association(
        value,
        max(value - NORMAL_975 * se, 0.0),
        min(value + NORMAL_975 * se, 1.0),
        # Far from 0.5 the logit is nearer to normal.
        two_sided(LOGIT.to(value) / se_on_scale) if is_inside else None,
        "jackknife",
        LOGIT if is_inside else None,
        se_on_scale,
    )
