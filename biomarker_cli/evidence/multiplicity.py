"""Adjust p-values for the number of planned tests.

References
----------
Holm 1979, Scand J Stat 6:65; Benjamini and Hochberg 1995, J R Stat Soc B 57:289.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

Rule = Literal["holm", "bh", "bonferroni"]


def adjusted(p_values: Sequence[float | None], rule: Rule) -> list[float | None]:
    """Return adjusted p-values; a test that could not be made counts as one of p = 1.

    Parameters
    ----------
    p_values : sequence of float or None
        Of every planned test.
    rule : {'holm', 'bh', 'bonferroni'}
        The first and the last hold the probability of any false positive, ``bh`` the
        expected share of false ones among the positives.
    """
    p = np.array([1.0 if one is None else one for one in p_values])
    m = len(p)
    order = np.argsort(p, kind="stable")
    ranked = p[order]
    if rule == "bonferroni":
        found = ranked * m
    elif rule == "holm":
        found = np.maximum.accumulate(ranked * np.arange(m, 0, -1))
    else:
        found = np.minimum.accumulate((ranked * m / np.arange(1, m + 1))[::-1])[::-1]
    result = np.empty(m)
    result[order] = np.minimum(found, 1.0)
    return [
        None if one is None else float(value) for one, value in zip(p_values, result, strict=True)
    ]
