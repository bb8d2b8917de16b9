"""Repeated measurements of one feature, and the spread within each target."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biomarker_cli.model.arrays import FloatArray

RC_FACTOR = 2.77
"""1.96 sqrt(2), as QIBA rounds it: a difference of two has sqrt(2) times the SD of one."""

_NOT_RATIO = "not on a ratio scale: 0 does not mean none of it"
_NOT_POSITIVE = "a value is not above 0"


@dataclass(frozen=True)
class Repeats:
    """Repeated measurements of one feature.

    Attributes
    ----------
    values : ndarray, shape (n, m)
        Targets by repeats; NaN where a target lacks a repeat. Each target has two
        values or more.
    subjects : tuple of str, length n
        Whose target it is.
    unit : str
        UCUM code.
    is_ratio : bool
        Whether 0 means none of it, so that a percentage has a meaning.
    """

    values: FloatArray
    subjects: tuple[str, ...]
    unit: str
    is_ratio: bool

    def __post_init__(self) -> None:
        if len(self.values) != len(self.subjects) or self.values.ndim != 2:
            raise ValueError(f"{self.values.shape} values of {len(self.subjects)} targets")
        if (np.isfinite(self.values).sum(axis=1) < 2).any():
            raise ValueError("a target has fewer than two values")

    @property
    def n_subjects(self) -> int:
        """Different subjects."""
        return len(set(self.subjects))

    @property
    def degrees(self) -> int:
        """Degrees of freedom within targets."""
        return int(np.isfinite(self.values).sum()) - len(self.values)

    @property
    def complete(self) -> FloatArray:
        """The targets with every repeat, shape (n, m)."""
        return self.values[np.isfinite(self.values).all(axis=1)]


def within_squares(values: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return sum of squares, degrees of freedom and mean within each target.

    Parameters
    ----------
    values : ndarray, shape (n, m)
        NaN where a target lacks a repeat.

    Returns
    -------
    tuple of ndarray, each of shape (n,)
    """
    means = np.nanmean(values, axis=1)
    squares = np.nansum((values - means[:, None]) ** 2, axis=1)
    # The mean of three equal numbers need not be that number.
    squares[np.nanmax(values, axis=1) == np.nanmin(values, axis=1)] = 0.0
    return squares, np.isfinite(values).sum(axis=1) - 1.0, means


def why_not_relative(repeats: Repeats) -> str:
    """Return why percentages are not defined, empty where they are."""
    if not repeats.is_ratio:
        return _NOT_RATIO
    return "" if np.nanmin(repeats.values) > 0 else _NOT_POSITIVE
