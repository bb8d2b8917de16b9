"""The second largest eigenvalue of co-occurrence with very many grey levels.

Between thousands of levels few pairs occur: the matrix is kept sparse, and the Arnoldi
iteration finds its largest eigenvalues in a time that grows with the pairs. It finds
one of several equal ones, so that parts that no pair connects are taken one by one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from biomarker_cli.model.arrays import FloatArray, IntArray

_DENSE = 100
"""Levels of a part up to which all its eigenvalues are taken."""

_VECTORS = 80
"""Of the subspace of the iteration."""

_ROUNDS = 30
"""Restarts after which the eigenvalues lie too close to each other for the plain iteration."""

_BEYOND = 1.0 + 1e-6
"""Just above the largest eigenvalue, which is 1 but for the epsilon."""


def second_largest(p: FloatArray, here: FloatArray, there: FloatArray, epsilon: float) -> float:
    """Return the second largest eigenvalue of Q; NaN where the iteration does not settle.

    Q[i, j] is the sum over k of p[i, k] p[j, k] / (here[i] there[k] + epsilon).

    Parameters
    ----------
    p : ndarray, shape (g, g)
        Of at least two levels.
    here, there : ndarray, shape (g,)
        Margins of rows and columns.
    epsilon : float
    """
    from scipy import sparse

    rows, columns = np.nonzero(p)
    entries = p[rows, columns]
    weighted = entries / (here[rows] * there[columns] + epsilon)
    left = sparse.csr_array((weighted, (rows, columns)), shape=p.shape)
    right = sparse.csr_array((entries, (columns, rows)), shape=p.shape[::-1])
    found = [
        value
        for members in _parts(rows, columns, here.size)
        for value in _two_largest(left[members, :], right[:, members])
    ]
    return sorted(found)[-2]


def _parts(rows: IntArray, columns: IntArray, size: int) -> list[IntArray]:
    """Return the rows of Q in parts: two rows meet where both have a pair in one column."""
    from scipy import sparse
    from scipy.sparse.csgraph import connected_components

    ones = np.ones(rows.size)
    joined = sparse.csr_array((ones, (rows, columns + size)), shape=(2 * size, 2 * size))
    number, part = connected_components(joined, directed=False)
    ends = np.cumsum(np.bincount(part[:size], minlength=number))
    parts = np.split(np.argsort(part[:size], kind="stable"), ends[:-1])
    return [members for members in parts if members.size]


def _two_largest(left: Any, right: Any) -> list[float]:
    """Return the largest two eigenvalues of a product, or the one it has."""
    if left.shape[0] <= _DENSE:
        eigenvalues = np.linalg.eigvals((left @ right).toarray())
        return sorted(float(value) for value in eigenvalues.real)[-2:]
    from scipy.sparse.linalg import ArpackNoConvergence

    try:
        return _iterated(lambda v: left @ (right @ v), left.shape[0])
    except ArpackNoConvergence:
        pass
    try:
        # Close together are those of levels that meet their neighbours alone; their
        # matrix is a band, and quickly solved.
        found = _iterated(_solver(left, right), left.shape[0])
    except ArpackNoConvergence:
        return [np.nan, np.nan]
    return [_BEYOND - 1.0 / value for value in found]


def _iterated(product: Callable[[FloatArray], FloatArray], size: int) -> list[float]:
    from scipy.sparse.linalg import LinearOperator, eigs

    operator = LinearOperator((size, size), matvec=product, dtype=np.float64)
    # Any start would do; this one is the same everywhere and favours no level.
    start = np.cos(np.arange(size, dtype=np.float64))
    eigenvalues = eigs(
        operator,
        k=2,
        v0=start,
        ncv=min(_VECTORS, size),
        maxiter=_ROUNDS,
        return_eigenvectors=False,
    )
    return [float(value) for value in eigenvalues.real]


def _solver(left: Any, right: Any) -> Callable[[FloatArray], FloatArray]:
    """Return the product with the inverse of what is left of `_BEYOND` behind Q."""
    from scipy import sparse
    from scipy.sparse.linalg import splu

    size, inner = left.shape
    ones = sparse.eye_array
    solve = splu(sparse.block_array([[_BEYOND * ones(size), -left], [-right, ones(inner)]]).tocsc())

    def product(vector: FloatArray) -> FloatArray:
        solved: FloatArray = solve.solve(np.concatenate([np.ravel(vector), np.zeros(inner)]))
        return solved[:size]

    return product
