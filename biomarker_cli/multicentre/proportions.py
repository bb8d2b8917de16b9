"""Proportions with exact confidence limits."""

from __future__ import annotations

from biomarker_cli.multicentre.icc import Estimate
from biomarker_cli.statistics.confidence import exact_limits


def clopper_pearson(count: int, of: int, confidence: float = 0.95) -> Estimate:
    """Return a proportion with its exact confidence limits.

    Parameters
    ----------
    count, of : int
        0 <= count <= of, of > 0.
    confidence : float
        Two-sided.

    Raises
    ------
    ValueError
        For counts that are none of a proportion.

    References
    ----------
    Clopper and Pearson 1934, Biometrika 26:404.
    """
    low, high = exact_limits(count, of, confidence)
    return Estimate(count / of, low, high)
