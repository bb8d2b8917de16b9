"""NoiseLimits: what a change must lie beyond to be more than test-retest noise."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from biomarker_cli.multicentre.icc import Estimate
from biomarker_cli.multicentre.repeats import RC_FACTOR

LOG, ABSOLUTE, PERCENT = "log", "absolute", "percent"
"""Rules: asymmetric limits in percent, plus or minus in the unit, or in percent."""


@dataclass(frozen=True)
class NoiseLimits:
    """Limits of a change of one feature.

    Attributes
    ----------
    rule : str
        ``log``, ``absolute`` or ``percent``.
    low, high : Estimate
        Largest fall and rise that noise explains, with 95 % confidence limits where the
        source has them; in percent, for ``absolute`` in the unit of the feature.
    source : str
        What they come from.
    """

    rule: str
    low: Estimate
    high: Estimate
    source: str

    @property
    def is_relative(self) -> bool:
        """Whether they are a percentage."""
        return self.rule != ABSOLUTE

    @property
    def of_log(self) -> tuple[float, float] | None:
        """The limits of a change of the natural logarithm; None where there are none."""
        if not self.is_relative or self.low.value <= -100.0:
            return None
        return math.log1p(self.low.value / 100), math.log1p(self.high.value / 100)


def entry_limits(entry: Mapping[str, Any], source: str) -> NoiseLimits | None:
    """Return the limits of an entry of a repeatability file; None where it has none.

    Parameters
    ----------
    entry : mapping
        ``change_low`` and ``change_high``, and ``RC``: value with its confidence limits.
    source : str
    """
    if entry["change_low"] is not None:
        return NoiseLimits(
            LOG, Estimate(*entry["change_low"]), Estimate(*entry["change_high"]), source
        )
    if entry["RC"] is None:
        return None
    value, low, high = entry["RC"]
    down = Estimate(-value, *((None, None) if low is None else (-high, -low)))
    return NoiseLimits(ABSOLUTE, down, Estimate(value, low, high), source)


def log_limits(wcv_percent: float, source: str) -> NoiseLimits:
    """Return the limits that a within-subject coefficient of variation means.

    s = sqrt(ln(1 + wCV^2)) is the SD of the logarithm; the limits are
    100 (exp(-+2.77 s) - 1): -28.2 and +39.3 % for 12 %.

    Parameters
    ----------
    wcv_percent : float
    source : str
    """
    s = math.sqrt(math.log1p((wcv_percent / 100) ** 2))
    low, high = (100 * math.expm1(sign * RC_FACTOR * s) for sign in (-1, 1))
    return NoiseLimits(LOG, Estimate(low), Estimate(high), source)
