"""Spearman's rank correlation of a feature and an ordered endpoint.

References
----------
Bonett and Wright 2000, Psychometrika 65:23 (standard error on Fisher's scale).
"""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from biomarker_cli.evidence.errors import NotEstimableError
from biomarker_cli.evidence.estimates import FISHER, Association
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.statistics.confidence import NORMAL_975

MIN_SUBJECTS = 4


def spearman(value: FloatArray, endpoint: FloatArray) -> Association:
    """Return Spearman's correlation with its interval; the test is by Student's t.

    Parameters
    ----------
    value, endpoint : ndarray, shape (n,)

    Raises
    ------
    NotEstimableError
        For fewer than four subjects, or where one side does not vary.
    """
    n = len(value)
    if n < MIN_SUBJECTS:
        raise NotEstimableError(f"expected {MIN_SUBJECTS} subjects or more, found {n}")
    if np.ptp(value) == 0 or np.ptp(endpoint) == 0:
        raise NotEstimableError("feature or endpoint is the same in all subjects")
    ranks = np.vstack((stats.rankdata(value), stats.rankdata(endpoint)))
    rho = float(np.clip(np.corrcoef(ranks)[0, 1], -1.0, 1.0))
    if abs(rho) > 1.0 - 1e-12:
        # Student's t is infinite here, whatever the number of subjects.
        return Association(
            round(rho),
            p_value=_share_of_agreeing_orders(endpoint),
            method="permutation",
            note="all ranks agree: no interval is known",
        )
    t = rho * math.sqrt((n - 2) / (1.0 - rho**2))
    se = math.sqrt((1.0 + rho**2 / 2.0) / (n - 3))
    middle = math.atanh(rho)
    return Association(
        rho,
        math.tanh(middle - NORMAL_975 * se),
        math.tanh(middle + NORMAL_975 * se),
        float(2.0 * stats.t.sf(abs(t), n - 2)),
        "bonett_wright",
        FISHER,
        se,
    )


def _share_of_agreeing_orders(endpoint: FloatArray) -> float:
    """Return the share of all orders of the subjects in which every rank agrees.

    Orders that agree the other way round count as well; with ties there may be none.
    """
    ties = [int(n) for n in np.unique(endpoint, return_counts=True)[1]]
    alike = math.lgamma(len(endpoint) + 1) - sum(math.lgamma(n + 1) for n in ties)
    return (2.0 if ties == ties[::-1] else 1.0) * math.exp(-alike)
