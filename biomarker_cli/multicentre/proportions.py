"""Proportions with exact confidence limits."""

from __future__ import annotations

from biomarker_cli.multicentre.icc import Estimate
from biomarker_cli.statistics.confidence import exact_limits


def clopper_pearson(count: int, of: int, confidence: float = 0.95) -> Estimate:
    """Return a proportion with its exact confidence limits.

    Parameters
    ----------
    count, of, confidence
        As `exact_limits` takes them, which raises for what is no proportion.
    """
    low, high = exact_limits(count, of, confidence)
    return Estimate(count / of, low, high)
