"""Name what is wrong from which numbers are wrong, and by how much.

A check states in closed form what a mistake would make of its number, or with which power
the number follows a quantity. Three things are told, and told apart:

- *certain*: one mistake gives every number that is out, within its tolerance, and leaves
  all others as they are; no other mistake does.
- *likely*: a mistake gives the numbers that it speaks of, and others are out beside them.
- *suspected*: the step that the numbers that are out have in common, and those within have
  not (the coefficient of Ochiai over failing and passing checks).

References
----------
Abreu, Zoeteweij, van Gemund: On the accuracy of spectrum-based fault localization,
TAIC PART 2007.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from biomarker_cli.multicentre.qualification.checks import KnownCheck

FEWEST_EXPLAINED = 2
"""Numbers that a mistake must explain: one alone may be met by chance."""

MOST_TOLD = 3

SLACK = 0.05
"""Part of a deviation that a mistake may leave: it moves other steps a little as well."""

_SAME_SCORE = 1e-9

Certainty = Literal["certain", "likely", "suspected"]


@dataclass(frozen=True)
class Cause:
    """What is wrong, as far as the numbers tell.

    Attributes
    ----------
    text : str
    certainty : str
    n_explained : int
        Of the checks that are out, those that it gives or that pass through the step.
    n_failing : int
        Checks that are out, of those that tell a step.
    """

    text: str
    certainty: Certainty
    n_explained: int
    n_failing: int


def diagnose(checks: Sequence[KnownCheck]) -> tuple[Cause, ...]:
    """Return the causes that fit best, the best first; none where all checks are within.

    Parameters
    ----------
    checks : sequence of KnownCheck
        Of all suites that were run.
    """
    telling = [check for check in checks if not check.expected.is_derived]
    failing = [check for check in telling if not check.is_within]
    if not failing:
        telling = list(checks)
        failing = [check for check in telling if not check.is_within]
    if not failing:
        return ()
    passing = [check for check in telling if check.is_within]
    # A mistake has no number that could be fitted: it goes before a quantity that has.
    mistakes, quantities = list(_mistakes(failing, passing)), list(_quantities(failing, passing))
    for candidates in (mistakes, quantities):
        whole = [text for text, number in candidates if number == len(failing)]
        if len(whole) == 1:
            return (Cause(whole[0], "certain", len(failing), len(failing)),)
        if whole:
            break
    explained = sorted([*mistakes, *quantities], key=lambda one: -one[1])
    found = [Cause(text, "likely", number, len(failing)) for text, number in explained]
    return tuple([*found, *_suspected(failing, passing)][:MOST_TOLD])


def _mistakes(
    failing: Sequence[KnownCheck], passing: Sequence[KnownCheck]
) -> Iterator[tuple[str, int]]:
    """Yield mistakes that nothing contradicts, with the number of checks that they explain."""
    for mistake in sorted({name for check in failing for name in check.expected.mistakes}):
        spoken = [check for check in failing if mistake in check.expected.mistakes]
        kept = [check for check in passing if mistake in check.expected.mistakes]
        if (
            len(spoken) >= FEWEST_EXPLAINED
            and all(_is_at(check, check.expected.mistakes[mistake]) for check in spoken)
            and not any(_would_show(check, check.expected.mistakes[mistake]) for check in kept)
        ):
            yield mistake, len(spoken)


def _quantities(
    failing: Sequence[KnownCheck], passing: Sequence[KnownCheck]
) -> Iterator[tuple[str, int]]:
    """Yield quantities of which one other value explains what is out, with that value."""
    for quantity in sorted({name for check in failing for name in check.expected.follows}):
        spoken = [check for check in failing if quantity in check.expected.follows]
        kept = [check for check in passing if quantity in check.expected.follows]
        log_factor = _log_factor(quantity, spoken)
        if len(spoken) < FEWEST_EXPLAINED or log_factor is None:
            continue
        if all(_is_at(c, _scaled(c, quantity, log_factor)) for c in spoken) and not any(
            _would_show(c, _scaled(c, quantity, log_factor)) for c in kept
        ):
            percent = 100.0 * math.expm1(log_factor)
            yield f"{quantity} is off by {percent:+.3g} %", len(spoken)


def _log_factor(quantity: str, spoken: Sequence[KnownCheck]) -> float | None:
    """Return ln of the factor on a quantity by the check that tells it best."""
    told = []
    for check in spoken:
        known, found = check.expected.value, check.found
        if isinstance(known, str) or isinstance(found, str) or found is None:
            return None
        if not (math.isfinite(found) and found * known > 0.0):
            return None
        power = check.expected.follows[quantity]
        told.append(
            (check.expected.tolerance / abs(known * power), math.log(found / known) / power)
        )
    return min(told)[1] if told else None


def _scaled(check: KnownCheck, quantity: str, log_factor: float) -> float:
    known = check.expected.value
    if isinstance(known, str):
        return math.nan
    return known * math.exp(check.expected.follows[quantity] * log_factor)


def _is_at(check: KnownCheck, value: float) -> bool:
    """Whether what was found is what a mistake gives, but for a small part of what it moves."""
    found, known = check.found, check.expected.value
    if isinstance(found, str) or found is None or isinstance(known, str):
        return False
    return abs(found - value) <= max(check.expected.tolerance, SLACK * abs(found - known))


def _would_show(check: KnownCheck, value: float) -> bool:
    """Whether a mistake would have put a number out that is within."""
    known = check.expected.value
    return isinstance(known, str) or not abs(value - known) <= 2.0 * check.expected.tolerance


def _suspected(failing: Sequence[KnownCheck], passing: Sequence[KnownCheck]) -> Iterator[Cause]:
    """Yield the steps of the highest coefficient, those that checks test themselves first."""
    steps = dict.fromkeys(step for check in failing for step in check.expected.steps)
    scores = {step: _ochiai(step, failing, passing) for step in steps}
    best = max(scores.values(), default=0.0)
    tested = {step for check in failing for step in check.expected.steps[:1]}
    ranked = [step for step in steps if scores[step] >= best - _SAME_SCORE]
    for step in sorted(ranked, key=lambda one: one not in tested):
        number = sum(step in check.expected.steps for check in failing)
        yield Cause(step, "suspected", number, len(failing))


def _ochiai(step: str, failing: Sequence[KnownCheck], passing: Sequence[KnownCheck]) -> float:
    inside = sum(step in check.expected.steps for check in failing)
    also = sum(step in check.expected.steps for check in passing)
    return inside / math.sqrt(len(failing) * (inside + also))
