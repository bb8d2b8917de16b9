"""The best response of a subject, confirmed and not, and the day of progression."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from biomarker_cli.response.assessing import Assessed, Assessment
from biomarker_cli.response.confirming import Call, confirmation


@dataclass(frozen=True)
class BestCall:
    """A best response, and the visit that made it; without one it is of no visit."""

    call: str
    at: Assessment | None = None
    confirmed_at: Assessment | None = None


@dataclass(frozen=True)
class BestResponse:
    """What a subject reached.

    Attributes
    ----------
    best, confirmed : BestCall
    progression : Assessment or None
        First visit called progression; its `dated_day` is the day.
    """

    best: BestCall
    confirmed: BestCall
    progression: Assessment | None


def counted_visits(assessed: Assessed, last_day: int | None = None) -> list[Assessment]:
    """Return the visits that count: none behind the first progression, or a last day.

    Parameters
    ----------
    assessed : Assessed
    last_day : int, optional
        Such as that of a new therapy; a visit of that day counts no more.
    """
    progression = first_progression(assessed)
    found = []
    for visit in assessed.visits:
        if last_day is not None and visit.visit.day >= last_day:
            break
        if progression is not None and progression.dated_day <= visit.visit.day:
            is_waiting = visit.overall in assessed.criterion.file.pending.calls
            if visit is not progression and not is_waiting:
                continue
        found.append(visit)
        if visit is progression:
            break
    return found


def first_progression(assessed: Assessed) -> Assessment | None:
    """Return the first visit that is called progression."""
    calls = assessed.criterion.file.best.progression
    return next((visit for visit in assessed.visits if visit.overall in calls), None)


def best_response(assessed: Assessed, last_day: int | None = None) -> BestResponse:
    """Return the best response of a course.

    Parameters
    ----------
    assessed : Assessed
    last_day : int, optional
        Day of a new therapy.
    """
    visits = counted_visits(assessed, last_day)
    progression = first_progression(assessed)
    if not any(visit is progression for visit in visits):
        progression = None
    return BestResponse(_unconfirmed(assessed, visits), _confirmed(assessed, visits), progression)


def _unconfirmed(assessed: Assessed, visits: Sequence[Assessment]) -> BestCall:
    rules = assessed.criterion.file.best
    earliest = assessed.parameters.get("min_sd", 0)
    for call in rules.order:
        for visit in visits:
            is_early = call in rules.stable and visit.visit.day < earliest
            if rules.counts_as.get(visit.overall, visit.overall) == call and not is_early:
                return BestCall(call, visit)
    return BestCall(rules.not_evaluable)


def _confirmed(assessed: Assessed, visits: Sequence[Assessment]) -> BestCall:
    rules = assessed.criterion.file.best
    if not rules.confirmed_by:
        return BestCall("")
    calls = [Call(visit.overall, visit.visit.day, visit.persisted) for visit in visits]
    for response in rules.confirmed_by:
        pair = confirmation(response, calls, rules, assessed.parameters)
        if pair is not None:
            return BestCall(response, visits[pair[0]], visits[pair[1]])
    rest = _weakened(assessed, visits)
    for call in rules.order:
        if call in rest and call not in rules.confirmed_by:
            return BestCall(call, rest[call])
    return BestCall(rules.not_evaluable)


def _weakened(assessed: Assessed, visits: Sequence[Assessment]) -> Mapping[str, Assessment]:
    """Return the first visit of each call, a lone response as what it counts for."""
    rules = assessed.criterion.file.best
    earliest = assessed.parameters.get("min_sd", 0)
    found: dict[str, Assessment] = {}
    for visit in visits:
        call = rules.counts_as.get(visit.overall, visit.overall)
        if call in rules.confirmed_by:
            call = rules.lone_response
        if call in rules.stable and visit.visit.day < earliest:
            continue
        found.setdefault(call, visit)
    return found
