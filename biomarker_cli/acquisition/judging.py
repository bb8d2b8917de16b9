"""Judge one rule on the readings of one or more series.

The order decides what is never a pass: a value that is implausible, inferred or
missing cannot be judged; only a violation that stands there is a fail.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from biomarker_cli.acquisition.checks import NotComparableError, expected_text, passes
from biomarker_cli.acquisition.examined import Examined
from biomarker_cli.acquisition.facts import Reading
from biomarker_cli.acquisition.formatting import value_text, values_text
from biomarker_cli.acquisition.results import Outcome
from biomarker_cli.acquisition.rules import (
    SET_CHECKS,
    Check,
    Conditions,
    Rule,
    Tolerance,
    unit_of_fact,
)
from biomarker_cli.model.units import conversion_factor


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule found on its scope."""

    outcome: Outcome
    observed: str = ""
    expected: str = ""
    tags: tuple[str, ...] = ()
    n_missing: int = 0
    reason: str = ""


def judge_series(rule: Rule, series: Examined) -> Verdict:
    """Return the verdict of a rule on one series."""
    return guarded(lambda: judge_reading(*read_for(rule, series)))


def guarded(work: Callable[[], Verdict]) -> Verdict:
    """Return a verdict; what cannot be judged for whatever reason is not evaluable."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - one rule is lost, no more
        return Verdict(Outcome.NOT_EVALUABLE, reason=_cannot_be_judged(error))


def _cannot_be_judged(error: Exception) -> str:
    return f"the values cannot be judged ({type(error).__name__}): a defect of the header"


def for_maker(rule: Rule, manufacturer: str) -> Rule:
    """Return the rule as it reads for a manufacturer, named as in Manufacturer."""
    for alternative in rule.vendors:
        if manufacturer.upper().startswith(alternative.manufacturer.upper()):
            return replace_fields(
                rule,
                fact=alternative.fact or rule.fact,
                header_unit=alternative.header_unit or rule.header_unit,
                check=alternative.check or rule.check,
            )
    return rule


def replace_fields(rule: Rule, **changes: Any) -> Rule:
    """Return a rule with some fields changed."""
    return rule.model_copy(update=changes)


def read_for(rule: Rule, series: Examined) -> tuple[Rule, Reading]:
    """Return the rule for the vendor of a series, and its fact in the unit of the rule.

    Where the rule has vendor alternatives, a manufacturer that is not told in
    every slice, or told twice, makes the fact missing.
    """
    maker = series.read("Manufacturer") if rule.vendors else Reading((), 0, ())
    if rule.vendors and (maker.n_missing or len(set(maker.values)) != 1):
        why = "the rule depends on the manufacturer, which is not told"
        return rule, Reading((), max(maker.n_missing, 1), maker.tags, reason=why)
    rule = for_maker(rule, value_text(maker.values[0]) if maker.values else "")
    reading = series.read(rule.fact)
    reading = replace(reading, tags=(*reading.tags, *maker.tags))
    source = unit_of_fact(rule.fact, rule.header_unit)
    if not source or not rule.unit or source == rule.unit:
        return rule, reading
    factor = conversion_factor(source, rule.unit)
    return rule, replace(reading, values=tuple(_scale(v, factor) for v in reading.values))


def _scale(value: Any, factor: float) -> Any:
    if isinstance(value, tuple):
        return tuple(_scale(part, factor) for part in value)
    return value * factor if isinstance(value, float) else value


def merged(readings: Sequence[Reading], check: Check) -> Reading:
    """Return several series as one reading: sets are united, values stand side by side."""
    values = tuple(value for reading in readings for value in reading.values)
    if check.kind in SET_CHECKS and values and all(isinstance(v, tuple) for v in values):
        values = (tuple(dict.fromkeys(part for value in values for part in value)),)
    return Reading(
        values=values,
        n_missing=sum(reading.n_missing for reading in readings),
        tags=tuple(dict.fromkeys(tag for reading in readings for tag in reading.tags)),
        flags=frozenset().union(*(reading.flags for reading in readings)),
        reason="; ".join(dict.fromkeys(r.reason for r in readings if r.reason)),
        implausible=next((r.implausible for r in readings if r.implausible), ""),
    )


def judge_reading(rule: Rule, reading: Reading) -> Verdict:
    """Return the verdict of a rule on a reading in the unit of the rule."""
    verdict = _judged(rule, reading)
    return replace(
        verdict,
        observed=verdict.observed or values_text(reading.values),
        expected=expected_text(rule.check, rule.tolerance),
        tags=reading.tags,
        n_missing=reading.n_missing,
    )


def _judged(rule: Rule, reading: Reading) -> Verdict:
    kind = rule.check.kind
    if kind == "absent":
        return Verdict(Outcome.FAIL if reading.values else Outcome.PASS)
    if kind == "present" and reading.implausible:
        return Verdict(Outcome.NOT_EVALUABLE, reason=reading.implausible)
    if kind == "present":
        whole = reading.values and not reading.n_missing
        return Verdict(Outcome.PASS if whole else Outcome.FAIL, reason=reading.reason)
    if not reading.values:
        return Verdict(Outcome(rule.if_missing), reason=reading.reason or "the fact is missing")
    if defect := _defect(rule, reading):
        return Verdict(Outcome.NOT_EVALUABLE, reason=defect)
    return _compare(rule, reading)


def _defect(rule: Rule, reading: Reading) -> str:
    """Return why the values that stand there cannot be judged, empty where they can."""
    if reading.implausible:
        return reading.implausible
    if reading.is_inferred and not rule.accept_inferred:
        return reading.reason or f"inferred: {', '.join(sorted(reading.flags))}"
    limits = rule.implausible
    if limits is None:
        return ""
    for value in (p for v in reading.values for p in (v if isinstance(v, tuple) else (v,))):
        if not isinstance(value, float):
            continue
        if (limits.below is not None and value < limits.below) or (
            limits.above is not None and value > limits.above
        ):
            return f"{value_text(value)} {rule.unit} is implausible: a defect of the header"
    return ""


def _compare(rule: Rule, reading: Reading) -> Verdict:
    distinct = list(dict.fromkeys(reading.values))
    try:
        held = passes(rule.check, distinct, rule.tolerance)
    except NotComparableError as error:
        return Verdict(Outcome.NOT_EVALUABLE, reason=str(error))
    if not reading.n_missing:
        return Verdict(Outcome.PASS if held else Outcome.FAIL, reason=reading.reason)
    # A set with a part missing could hold what was asked for; a bad value stays bad.
    if held or rule.check.kind in SET_CHECKS:
        return Verdict(Outcome.NOT_EVALUABLE, reason=reading.reason)
    return Verdict(Outcome.FAIL, reason=reading.reason)


@dataclass(frozen=True, slots=True)
class ConditionVerdict:
    """Whether a series meets conditions.

    Attributes
    ----------
    holds : bool or None
        None where it cannot be told.
    reason : str
        Why it cannot be told: the fact, and what is wrong with it.
    """

    holds: bool | None
    reason: str = ""


def judge_conditions(conditions: Conditions, series: Examined) -> ConditionVerdict:
    """Return whether a series meets all conditions; one that it breaks decides.

    Facts are compared in the unit they are read in.
    """
    doubts = []
    for fact, check in conditions.items():
        reading = series.read(fact)
        if check.kind in {"present", "absent"}:
            if bool(reading.values) != (check.kind == "present"):
                return ConditionVerdict(False)
            continue
        met, doubt = _meets(check, reading)
        if not met:
            return ConditionVerdict(False)
        if doubt:
            doubts.append(doubt if fact in doubt else f"{fact}: {doubt}")
    return ConditionVerdict(None, "; ".join(doubts)) if doubts else ConditionVerdict(True)


def _meets(check: Check, reading: Reading) -> tuple[bool, str]:
    """Return whether a reading may meet a condition, and why that is not certain."""
    if reading.implausible:
        return True, reading.implausible
    if not reading.values:
        return True, reading.reason or "the fact is missing"
    try:
        met = passes(check, list(dict.fromkeys(reading.values)), Tolerance())
    except NotComparableError as error:
        return True, str(error)
    except Exception as error:  # noqa: BLE001 - one condition is undecided, no more
        return True, _cannot_be_judged(error)
    if not reading.n_missing:
        return met, ""
    return met, reading.reason or "the fact is missing in a part of the series"
