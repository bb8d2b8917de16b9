"""An estimate with its limits, and what it takes to combine it with those of other sites."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Scale:
    """A scale on which an estimate is nearly normal: there sites are combined.

    Attributes
    ----------
    to, back : callable
        From the value to the scale, and back.
    null : float
        What the scale says of no association.
    """

    to: Callable[[float], float]
    back: Callable[[float], float]
    null: float


def _logit(value: float) -> float:
    return math.log(value / (1.0 - value))


def _expit(value: float) -> float:
    return 1.0 / (1.0 + math.exp(-value))


LOGIT = Scale(_logit, _expit, 0.0)
FISHER = Scale(math.atanh, math.tanh, 0.0)
LOG = Scale(math.log, math.exp, 0.0)


@dataclass(frozen=True)
class Association:
    """One number that says how a feature and an endpoint go together.

    Attributes
    ----------
    value : float
    low, high : float or None
        95 % limits; None where there are none.
    p_value : float or None
        Of the hypothesis of no association; None where none is tested.
    method : str
        How limits and p-value were found.
    scale : Scale or None
        Where sites are combined; None for what is not combined.
    se_on_scale : float
    note : str
        What to know of it.
    """

    value: float
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    method: str = ""
    scale: Scale | None = None
    se_on_scale: float = math.nan
    note: str = ""


def two_sided(z: float) -> float:
    """Return the two-sided p-value of a standard normal deviate."""
    return math.erfc(abs(z) / math.sqrt(2.0))
