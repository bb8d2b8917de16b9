"""Endpoints of a trial: progression-free survival, response rate, its duration and time.

References
----------
FDA, Clinical Trial Endpoints for the Approval of Cancer Drugs (2018), appendices 2
and 3, table A: censoring.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from biomarker_cli.model.wording import counted
from biomarker_cli.response.assessing import Assessed, Assessment
from biomarker_cli.response.best import BestCall, BestResponse
from biomarker_cli.response.subjects import TrialSubject
from biomarker_cli.response.survival import TimeToEvent, median_days
from biomarker_cli.statistics.confidence import exact_limits

MOST_MISSED = 1
"""Visits without an answer before an event; with more it is censored (table A)."""


@dataclass(frozen=True)
class SubjectEndpoints:
    """A course with its best response and what is known of the subject."""

    assessed: Assessed
    best: BestResponse
    subject: TrialSubject

    @property
    def start_day(self) -> int:
        """Day of the reference date, else that of the baseline."""
        if self.subject.reference_day is not None:
            return self.subject.reference_day
        return self.assessed.course.visits[0].day if self.assessed.course.has_baseline else 0


@dataclass(frozen=True)
class Ending:
    """How the observation of a subject ends."""

    day: int
    is_event: bool
    rule: str


def progression_or_death(one: SubjectEndpoints) -> Ending:
    """Return the first of progression and death, or where the subject is censored."""
    answered = [visit for visit in one.assessed.visits if not _is_unanswered(one, visit)]
    therapy = one.subject.new_therapy_day
    event = _event(one)
    seen_until = event.day if event is not None else None
    if therapy is not None and (seen_until is None or therapy < seen_until):
        seen = [visit.visit.day for visit in answered if visit.visit.day <= therapy]
        return Ending(max(seen, default=one.start_day), False, "censored:new_therapy")
    if event is None:
        seen = [visit.visit.day for visit in answered]
        rule = "censored:last_answered_visit" if seen else "censored:no_visit_answered"
        return Ending(max(seen, default=one.start_day), False, rule)
    before = [visit.visit.day for visit in answered if visit.visit.day < event.day]
    last = max(before, default=one.start_day)
    unanswered = [
        visit
        for visit in one.assessed.visits
        if last < visit.visit.day < event.day and _is_unanswered(one, visit)
    ]
    if len(unanswered) > MOST_MISSED:
        return Ending(last, False, "censored:two_visits_missed")
    return event


def _is_unanswered(one: SubjectEndpoints, visit: Assessment) -> bool:
    return visit.overall == one.assessed.criterion.file.best.not_evaluable


def _event(one: SubjectEndpoints) -> Ending | None:
    events = []
    progression = _progression_day(one)
    if progression is not None:
        events.append(Ending(*progression))
    if one.subject.death_day is not None:
        events.append(Ending(one.subject.death_day, True, "event:death"))
    return min(events, key=lambda event: event.day, default=None)


def _progression_day(one: SubjectEndpoints) -> tuple[int, bool, str] | None:
    rules = one.assessed.criterion.file
    calls = rules.best.progression
    found = next((visit for visit in one.assessed.visits if visit.overall in calls), None)
    if found is not None:
        return found.dated_day, True, "event:progression"
    # A progression that waits, and that no later visit answered.
    answered = [visit for visit in one.assessed.visits if not _is_unanswered(one, visit)]
    waiting: list[Assessment] = []
    for visit in reversed(answered):
        if visit.overall not in rules.pending.events:
            break
        waiting.append(visit)
    if waiting:
        return waiting[-1].visit.day, True, "event:progression_not_confirmed"
    return None


Row = dict[str, Any]


def endpoint_rows(
    subjects: Sequence[SubjectEndpoints], reader: str, not_judged: Mapping[str, int] = {}
) -> Iterator[Row]:
    """Yield the rows of ``endpoints.csv`` of one criterion and reader.

    Parameters
    ----------
    subjects : sequence of SubjectEndpoints
        Those outside the analysis set are left out.
    reader : str
    not_judged : mapping of str to int
        Subjects of the analysis set that have no call, by arm: rows of arms say so.
    """
    kept = [one for one in subjects if one.subject.in_analysis]
    if not kept:
        return
    head = {"criterion": kept[0].assessed.criterion.ident, "reader": reader}
    arms = sorted({one.subject.arm for one in kept} | not_judged.keys())
    times: dict[str, list[tuple[str, TimeToEvent]]] = {}
    for one in kept:
        for row in _subject_rows(one):
            yield head | row
            if row["status"] in {"event", "censored"}:
                time = TimeToEvent(row["days"], row["status"] == "event")
                times.setdefault(row["endpoint"], []).append((one.subject.arm, time))
    # Behind the arms all together; who has no arm is there alone.
    for arm in [*filter(None, arms), ""]:
        members = [one for one in kept if arm in {"", one.subject.arm}]
        left = not_judged.get(arm, 0) if arm else sum(not_judged.values())
        for row in _arm_rows(arm, members, times):
            yield head | {"arm": arm} | row | _said_of(row, left)


def _subject_rows(one: SubjectEndpoints) -> Iterator[Row]:
    base = {
        "level": "subject",
        "subject_id": one.assessed.course.subject_id,
        "arm": one.subject.arm,
    }
    start, end = one.start_day, progression_or_death(one)
    yield base | _timed("PFS", start, end)
    rules = one.assessed.criterion.file.best
    for suffix, best in _bests(one):
        is_response = best.call in rules.responses and best.at is not None
        first = _first_response(one, best) if is_response else None
        yield base | {
            "endpoint": f"ORR{suffix}",
            "status": "yes" if is_response else "no",
            "rule": f"best:{best.call}",
        }
        if first is None:
            yield base | {"endpoint": f"DoR{suffix}", "status": "", "reason": "no response"}
        else:
            yield base | _timed(f"DoR{suffix}", first, end)
        if suffix == "" and first is not None:
            yield base | _timed("TTR", start, Ending(first, True, "event:response"))
        elif suffix == "":
            yield base | {"endpoint": "TTR", "status": "", "reason": "no response"}


def _bests(one: SubjectEndpoints) -> list[tuple[str, BestCall]]:
    found = [("", one.best.best)]
    if one.best.confirmed.call:
        found.append(("_confirmed", one.best.confirmed))
    return found


def _first_response(one: SubjectEndpoints, best: BestCall) -> int:
    """Return the day of the first response: a partial one that became complete counts."""
    rules = one.assessed.criterion.file.best
    assert best.at is not None  # noqa: S101 - said by the caller
    if best is one.best.confirmed:
        return best.at.visit.day
    days = [visit.visit.day for visit in one.assessed.visits if visit.overall in rules.responses]
    return min([*days, best.at.visit.day])


def _timed(endpoint: str, start: int, end: Ending) -> Row:
    return {
        "endpoint": endpoint,
        "status": "event" if end.is_event else "censored",
        "start_day": start,
        "end_day": max(end.day, start),
        "days": max(end.day - start, 0),
        "rule": end.rule,
    }


def _said_of(row: Row, n_not_judged: int) -> Row:
    """Return the reason of a row of an arm, with those who are not among its subjects."""
    left = f"{counted(n_not_judged, 'subject')} not judged and left out" if n_not_judged else ""
    return {"reason": "; ".join(filter(None, (row.get("reason", ""), left)))}


def _arm_rows(
    arm: str,
    members: Sequence[SubjectEndpoints],
    times: Mapping[str, Iterable[tuple[str, TimeToEvent]]],
) -> Iterator[Row]:
    for endpoint in ("PFS", "DoR", "DoR_confirmed", "TTR"):
        found = [time for of, time in times.get(endpoint, ()) if arm in {"", of}]
        median, low, high = median_days(found)
        yield {
            "level": "arm",
            "endpoint": endpoint,
            "n": len(found),
            "n_events": sum(time.is_event for time in found),
            "estimate": median,
            "low": low,
            "high": high,
            "rule": "kaplan_meier_median",
            "reason": "" if median is not None else "the median is not reached",
        }
    for suffix in ("", "_confirmed"):
        yield _rate_row(suffix, members)


def _rate_row(suffix: str, members: Sequence[SubjectEndpoints]) -> Row:
    row: Row = {"level": "arm", "endpoint": f"ORR{suffix}", "n": len(members)}
    if not members:
        return row | {"reason": "nobody is judged"}
    calls = [dict(_bests(one)).get(suffix) for one in members]
    if any(call is None for call in calls):
        return row | {"reason": "the criterion has no rule of confirmation"}
    rules = members[0].assessed.criterion.file.best
    n_responders = sum(call is not None and call.call in rules.responses for call in calls)
    low, high = exact_limits(n_responders, len(members))
    return row | {
        "n_events": n_responders,
        "estimate": n_responders / len(members),
        "low": low,
        "high": high,
        "rule": "clopper_pearson",
    }
