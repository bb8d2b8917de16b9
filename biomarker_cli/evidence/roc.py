"""A feature as a test of a binary endpoint: AUC with DeLong's interval, and a stated threshold.

References
----------
DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44:837; Sun and Xu 2014, IEEE Signal
Process Lett 21:1389 (by midranks); Clopper and Pearson 1934, Biometrika 26:404.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from biomarker_cli.evidence.errors import NotEstimableError
from biomarker_cli.evidence.estimates import LOGIT, Association
from biomarker_cli.model.arrays import BoolArray, FloatArray
from biomarker_cli.model.wording import counted
from biomarker_cli.statistics.confidence import NORMAL_975, exact_limits

MIN_PER_CLASS = 2
"""Subjects with and without the endpoint that a variance needs."""


def auc_and_se(positive: FloatArray, negative: FloatArray) -> tuple[float, float]:
    """Return the area under the ROC curve and its standard error by DeLong.

    Parameters
    ----------
    positive, negative : ndarray, shape (m,) and (n,)
        Values of subjects with and without the endpoint; higher speaks for it, a tie is half.

    Raises
    ------
    NotEstimableError
        Where a class has fewer than two subjects.
    """
    m, n = len(positive), len(negative)
    if min(m, n) < MIN_PER_CLASS:
        raise NotEstimableError(
            f"{counted(m, 'subject')} with the endpoint and {n} without: two of each are needed"
        )
    ranks = stats.rankdata(np.concatenate((positive, negative)))
    auc = ranks[:m].sum() / (m * n) - (m + 1) / (2 * n)
    of_positive = (ranks[:m] - stats.rankdata(positive)) / n
    of_negative = 1.0 - (ranks[m:] - stats.rankdata(negative)) / m
    variance = of_positive.var(ddof=1) / m + of_negative.var(ddof=1) / n
    return float(auc), math.sqrt(float(variance))


def auc(score: FloatArray, has_endpoint: BoolArray) -> Association:
    """Return the AUC with DeLong's interval, cut at 0 and 1, and Mann and Whitney's test.

    DeLong's variance is that at the AUC that was found: far from 0.5 a test by it would
    take too little evidence for too much.

    Parameters
    ----------
    score : ndarray, shape (n,)
        Higher speaks for the endpoint.
    has_endpoint : ndarray of bool, shape (n,)

    Raises
    ------
    NotEstimableError
        As `auc_and_se`; where the score is the same in all subjects.
    """
    positive, negative = score[has_endpoint], score[~has_endpoint]
    area, se = auc_and_se(positive, negative)
    if np.ptp(score) == 0:
        raise NotEstimableError("the feature is the same in all subjects")
    p_value = float(stats.mannwhitneyu(positive, negative).pvalue)
    if se == 0.0:
        note = "the classes do not overlap: the variance is not known"
        return Association(area, p_value=p_value, method="mann_whitney", note=note)
    return Association(
        area,
        max(area - NORMAL_975 * se, 0.0),
        min(area + NORMAL_975 * se, 1.0),
        p_value,
        "delong, mann_whitney",
        # By the delta method.
        *((LOGIT, se / (area * (1.0 - area))) if 0.0 < area < 1.0 else (None, math.nan)),
    )


@dataclass(frozen=True)
class CrossTable:
    """What a threshold makes of subjects."""

    true_positive: int
    false_negative: int
    false_positive: int
    true_negative: int


def cross_table(is_test_positive: BoolArray, has_endpoint: BoolArray) -> CrossTable:
    """Return how test and endpoint go together; each of shape (n,)."""
    return CrossTable(
        int((is_test_positive & has_endpoint).sum()),
        int((~is_test_positive & has_endpoint).sum()),
        int((is_test_positive & ~has_endpoint).sum()),
        int((~is_test_positive & ~has_endpoint).sum()),
    )


def proportion(hits: int, of: int) -> Association:
    """Return a proportion with its exact interval by Clopper and Pearson.

    Raises
    ------
    NotEstimableError
        Of nobody.
    """
    if not of:
        raise NotEstimableError("no subject of that class")
    low, high = exact_limits(hits, of)
    return Association(hits / of, low, high, method="clopper_pearson")
