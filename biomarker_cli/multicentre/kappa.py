"""Kappa: agreement of two readings in categories, beyond that of chance.

References
----------
Cohen 1960, Educ Psychol Meas 20:37, and 1968, Psychol Bull 70:213 (weighted);
Fleiss, Cohen and Everitt 1969, Psychol Bull 72:323 (standard errors);
Fleiss 1971, Psychol Bull 76:378 (several readers).
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.multicentre.icc import Estimate
from biomarker_cli.statistics.confidence import NORMAL_975

Weights = Literal["equal", "linear", "quadratic"]


def agreement_weights(n_categories: int, weights: Weights) -> FloatArray:
    """Return how much two categories agree: 1 for the same, 0 for the farthest.

    Parameters
    ----------
    n_categories : int
    weights : str
        ``equal``: the same or not; ``linear``, ``quadratic``: by their distance in the order.

    Returns
    -------
    ndarray, shape (n_categories, n_categories)
    """
    if weights == "equal" or n_categories < 2:
        return np.eye(n_categories)
    place = np.arange(n_categories, dtype=np.float64)
    distance = np.abs(place[:, None] - place[None, :]) / (n_categories - 1)
    return 1.0 - (distance if weights == "linear" else distance**2)


def kappa(counts: FloatArray, weights: FloatArray) -> Estimate | None:
    """Return (weighted) kappa with its 95 % limits; None where both have one category alone.

    Parameters
    ----------
    counts : ndarray, shape (k, k)
        Cases by the category of either reading.
    weights : ndarray, shape (k, k)
        As `agreement_weights` gives them.

    Raises
    ------
    ValueError
        Where no case was counted.
    """
    n = float(counts.sum())
    if n < 1:
        raise ValueError("kappa of no case")
    part = counts / n
    rows, columns = part.sum(axis=1), part.sum(axis=0)
    chance = float(rows @ weights @ columns)
    if 1 - chance < 1e-12:
        return None
    observed = float((part * weights).sum())
    value = (observed - chance) / (1 - chance)
    means = (weights @ columns)[:, None] + (rows @ weights)[None, :]
    terms = part * (weights * (1 - chance) - means * (1 - observed)) ** 2
    inner = observed * chance - 2 * chance + observed
    variance = (float(terms.sum()) - inner**2) / (n * (1 - chance) ** 4)
    reach = NORMAL_975 * math.sqrt(max(variance, 0.0))
    return Estimate(value, value - reach, value + reach)


def fleiss_kappa(counts: FloatArray) -> float | None:
    """Return the kappa of several readers; None where all readings are of one category.

    Parameters
    ----------
    counts : ndarray, shape (n, k)
        Readers that put a case into a category; the same number of readers for each case.

    Raises
    ------
    ValueError
        Where cases have unlike numbers of readers, or fewer than two.
    """
    readers = counts.sum(axis=1)
    if not len(counts) or (readers != readers[0]).any() or readers[0] < 2:
        raise ValueError("Fleiss' kappa needs as many readers for every case, two or more")
    m = float(readers[0])
    shares = counts.sum(axis=0) / counts.sum()
    chance = float((shares**2).sum())
    if 1 - chance < 1e-12:
        return None
    observed = float(((counts**2).sum(axis=1) - m).mean()) / (m * (m - 1))
    return (observed - chance) / (1 - chance)
