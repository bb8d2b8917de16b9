"""Growth of a volume between two visits: doubling time, and what noise leaves of it.

With r = ln(V2 / V1) over t days the doubling time is t ln 2 / r: negative for a volume
that shrinks (its halving time), and not defined where nothing changed. Its inverse, the
doublings per year, is defined for every pair of volumes above 0, and so are its limits:
noise moves r by the limits of a change of the logarithm.

References
----------
Schwartz 1961, Cancer 14:1272 (doubling time).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from biomarker_cli.multicentre.icc import Estimate
from biomarker_cli.multicentre.noise_limits import NoiseLimits

DAYS_PER_YEAR = 365.25

VOLUME_UNITS = frozenset({"mm3", "cm3", "mL", "ml", "L", "l"})
"""UCUM codes of volumes."""


@dataclass(frozen=True)
class Growth:
    """How a volume grew.

    Attributes
    ----------
    doubling_days : Estimate or None
        None without a change; limits where noise leaves the sign of the growth, and
        otherwise only the one towards the fastest change that it leaves.
    doublings_per_year : Estimate
    """

    doubling_days: Estimate | None
    doublings_per_year: Estimate


def growth(before: float, after: float, days: float, limits: NoiseLimits | None) -> Growth:
    """Return the growth between two volumes.

    Parameters
    ----------
    before, after : float
        Volumes above 0, in one unit.
    days : float
        Between them, above 0.
    limits : NoiseLimits or None
        What noise does to a change.

    Raises
    ------
    ValueError
        For a volume or a time that is not above 0.
    """
    if not (before > 0 and after > 0 and days > 0):
        raise ValueError("growth needs volumes and a time above 0")
    rate = math.log(after / before)
    of_log = None if limits is None else limits.of_log
    noise = None if of_log is None else (rate - of_log[1], rate - of_log[0])
    one_year = days / DAYS_PER_YEAR * math.log(2)
    per_year = Estimate(rate / one_year, *(r / one_year for r in noise or ()))
    if not rate:
        return Growth(None, per_year)
    times = _times(rate, noise, days * math.log(2)) if noise else (None, None)
    return Growth(Estimate(days * math.log(2) / rate, *times), per_year)


def _times(
    rate: float, noise: tuple[float, float], one_doubling: float
) -> tuple[float | None, float | None]:
    """Return the limits of a doubling time from those of the rate.

    Where the rate may be 0 the time has no end towards slow growth, and no limit there.
    """
    low, high = noise
    if low > 0 or high < 0:
        return one_doubling / high, one_doubling / low
    return (one_doubling / high, None) if rate > 0 else (None, one_doubling / low)
