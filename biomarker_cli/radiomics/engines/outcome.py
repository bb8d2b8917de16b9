"""What an engine says of one feature: a value, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FeatureOutcome:
    """A finite value, or none and the reason.

    Attributes
    ----------
    value : float or None
    reason : str
        Empty where there is a value.
    """

    value: float | None
    reason: str = ""


Outcomes = Mapping[str, FeatureOutcome]
"""What an engine says of each feature, by feature id."""
