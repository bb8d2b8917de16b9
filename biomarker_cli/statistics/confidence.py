"""Limits of confidence that several rooms state."""

from __future__ import annotations

NORMAL_975 = 1.959963984540054
"""Quantile 0.975 of the normal distribution."""


def exact_limits(count: int, of: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the exact confidence limits of a proportion.

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
    if not 0 <= count <= of or of < 1:
        raise ValueError(f"{count} of {of} is no proportion")
    from scipy.special import betaincinv

    tail = (1 - confidence) / 2
    low = float(betaincinv(count, of - count + 1, tail)) if count else 0.0
    high = float(betaincinv(count + 1, of - count, 1 - tail)) if count < of else 1.0
    return low, high
