"""The features of a co-occurrence matrix that is counted one way only (pyradiomics).

Such a matrix is not symmetrical: its rows and columns have different margins, so
that the shortcuts of `pair_values` do not hold. IBSI knows no such matrix.

References
----------
pyradiomics documentation, ``radiomics.glcm`` (``symmetricalGLCM: false``).
"""

from __future__ import annotations

import numpy as np

from biomarker_cli.model.arrays import FloatArray, IntArray
from biomarker_cli.radiomics.features.largest_eigenvalues import second_largest
from biomarker_cli.radiomics.features.pair_values import entropy_bits

_EPSILON = float(np.spacing(1.0))
_TRIPLES = 1_000_000
_FEW_LEVELS = 400
"""Levels up to which all eigenvalues are taken, as the package takes them."""
_SAFE = 1e-3
"""Eigenvalues from here on have the digits of the package, whatever order sums are taken in."""


def one_way_values(counts: FloatArray, values: IntArray, top_level: int) -> dict[str, float]:
    """Return the features by name; NaN where one is undefined.

    Parameters
    ----------
    counts : ndarray, shape (g, g)
        Number (or weight) of pairs of a voxel and the one a step further; not all 0.
    values : ndarray, shape (g,)
        Grey level of each rank.
    top_level : int
        Number of grey levels of the region.
    """
    p = counts / counts.sum()
    here, there = p.sum(axis=1), p.sum(axis=0)
    level = values.astype(np.float64)
    i, j = level[:, None], level[None, :]
    mean_here, mean_there = float(here @ level), float(there @ level)
    variance = float(here @ (level - mean_here) ** 2)
    spread = np.sqrt(variance * float(there @ (level - mean_there) ** 2))
    apart = np.abs(i - j)
    centred = i + j - mean_here - mean_there
    difference = _summed(apart, p)
    total = _summed(i + j, p)
    k = np.arange(difference.size, dtype=np.float64)
    dissimilarity = float(difference @ k)
    covariance = float(np.sum(p * (i - mean_here) * (j - mean_there)))
    found = {
        "joint_maximum": float(p.max()),
        "joint_average": mean_here,
        "joint_variance": variance,
        "joint_entropy": entropy_bits(p),
        "difference_average": dissimilarity,
        "difference_variance": float(difference @ (k - dissimilarity) ** 2),
        "difference_entropy": entropy_bits(difference),
        "sum_average": float(total @ np.arange(total.size)),
        "sum_entropy": entropy_bits(total),
        "angular_second_moment": float(np.sum(p**2)),
        "contrast": float(difference @ k**2),
        "inverse_difference": float(np.sum(difference / (1 + k))),
        "normalised_inverse_difference": float(np.sum(difference / (1 + k / top_level))),
        "inverse_difference_moment": float(np.sum(difference / (1 + k**2))),
        "normalised_inverse_difference_moment": float(
            np.sum(difference / (1 + (k / top_level) ** 2))
        ),
        "inverse_variance": float(np.sum(difference[1:] / k[1:] ** 2)),
        "correlation": covariance / spread if spread > 0 else 1.0,
        "autocorrelation": float(np.sum(p * i * j)),
        "cluster_tendency": float(np.sum(p * centred**2)),
        "cluster_shade": float(np.sum(p * centred**3)),
        "cluster_prominence": float(np.sum(p * centred**4)),
        "maximal_correlation_coefficient": maximal_correlation(p, here, there),
    }
    return {**found, **_information(p, here, there)}


def _summed(places: FloatArray, p: FloatArray) -> FloatArray:
    """Return the probability at each whole number from 0."""
    return np.bincount(places.astype(np.int64).ravel(), p.ravel()).astype(np.float64)


def _information(p: FloatArray, here: FloatArray, there: FloatArray) -> dict[str, float]:
    product = here[:, None] * there[None, :]
    logarithm = np.log2(product + _EPSILON)
    joint = -float(np.sum(p * np.log2(p + _EPSILON)))
    gain = -float(np.sum(product * logarithm)) - joint
    own = max(-float(np.sum(q * np.log2(q + _EPSILON))) for q in (here, there))
    crossed = -float(np.sum(p * logarithm))
    return {
        "information_correlation_1": (joint - crossed) / own if own > _EPSILON else 0.0,
        "information_correlation_2": float(np.sqrt(-np.expm1(-2.0 * gain))) if gain > 0 else 0.0,
    }


def maximal_correlation(p: FloatArray, here: FloatArray, there: FloatArray) -> float:
    """Return the root of the second eigenvalue of Q; the epsilon is that of pyradiomics.

    Parameters
    ----------
    p : ndarray, shape (g, g)
    here, there : ndarray, shape (g,)
        Margins of rows and columns.
    """
    if here.size < 2:
        return 1.0
    if here.size > _FEW_LEVELS:
        # All eigenvalues of thousands of levels take minutes, the largest two a moment.
        found = second_largest(p, here, there, _EPSILON)
        return float(np.sqrt(found)) if found >= 0 else np.nan
    # By one product of matrices: rounding differs from that of the package, which shows
    # where the eigenvalue is small.
    eigenvalues = np.sort(np.linalg.eigvals((p / (np.outer(here, there) + _EPSILON)) @ p.T))
    if eigenvalues[-2].real < _SAFE:
        eigenvalues = np.sort(np.linalg.eigvals(_in_order_of_the_package(p, here, there)))
    second = eigenvalues[-2]
    # Rounding may leave a real eigenvalue below 0: like the package, no value then.
    if np.isrealobj(eigenvalues):
        return float(np.sqrt(second)) if second >= 0 else np.nan
    return float(np.sqrt(second).real)


def _in_order_of_the_package(p: FloatArray, here: FloatArray, there: FloatArray) -> FloatArray:
    q = np.empty_like(p)
    # Many grey levels would fill the memory with their triples: take some rows at a time.
    step = max(1, _TRIPLES // p.size)
    for start in range(0, here.size, step):
        rows = slice(start, start + step)
        margins = here[rows, None, None] * there + _EPSILON
        q[rows] = (p[rows, None, :] * p[None, :, :] / margins).sum(axis=2)
    return q
