"""Kaplan-Meier median and exact binomial interval.

References
----------
Kaplan and Meier, J Am Stat Assoc 53:457 (1958); Brookmeyer and Crowley, Biometrics
38:29 (1982), on the log-log scale.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from biomarker_cli.statistics.confidence import NORMAL_975


@dataclass(frozen=True)
class TimeToEvent:
    """Days from the start, and whether they end in the event or are censored."""

    days: int
    is_event: bool


@dataclass(frozen=True)
class Step:
    """Survival just behind a day with events, and its variance on the log-log scale."""

    days: int
    survival: float
    spread: float


def survival_steps(times: Sequence[TimeToEvent]) -> list[Step]:
    """Return the steps of the Kaplan-Meier estimate, by day.

    Parameters
    ----------
    times : sequence of TimeToEvent
        One censored on the day of an event was at risk on it.
    """
    events = Counter(one.days for one in times if one.is_event)
    leaving = Counter(one.days for one in times)
    n_at_risk, survival, greenwood = len(times), 1.0, 0.0
    steps = []
    for day in sorted(leaving):
        n_events = events[day]
        if n_events:
            survival *= 1 - n_events / n_at_risk
            if n_events < n_at_risk:
                greenwood += n_events / (n_at_risk * (n_at_risk - n_events))
            spread = math.sqrt(greenwood) / abs(math.log(survival)) if survival > 0 else 0.0
            steps.append(Step(day, survival, spread))
        n_at_risk -= leaving[day]
    return steps


def median_days(times: Sequence[TimeToEvent]) -> tuple[float | None, float | None, float | None]:
    """Return the median and its 95 % interval in days, None for what is not reached."""
    steps = survival_steps(times)
    return (
        _first_at_half((step.days, step.survival) for step in steps),
        _first_at_half((step.days, _shifted(step, NORMAL_975)) for step in steps),
        _first_at_half((step.days, _shifted(step, -NORMAL_975)) for step in steps),
    )


def _shifted(step: Step, shift: float) -> float:
    """Return a limit of the survival: exp(-exp(log(-log S) + shift spread))."""
    if step.survival <= 0:
        return 0.0
    return math.exp(-math.exp(math.log(-math.log(step.survival)) + shift * step.spread))


def _first_at_half(steps: Iterable[tuple[int, float]]) -> float | None:
    # A product of fractions such as 3/4 x 2/3 is a half, not in binary.
    return next((float(days) for days, survival in steps if survival <= 0.5 + 1e-12), None)
