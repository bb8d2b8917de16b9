"""Courses from the tables of a run and a ledger (`response DIR`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from biomarker_cli.model.shifted_dates import SAID
from biomarker_cli.response.courses import (
    CourseOutcome,
    outcome,
    require_no_new,
    require_order,
    set_once,
)
from biomarker_cli.response.criterion import Criterion
from biomarker_cli.response.errors import ResponseError
from biomarker_cli.response.ledger import LedgerRow, require_consistent, typed_row
from biomarker_cli.response.lesion_readings import (
    VisitRows,
    require_plane,
    targets_of,
    unread_targets,
)
from biomarker_cli.response.measured_run import MeasuredRun
from biomarker_cli.response.readings import Course, LesionReading, ReadVisit
from biomarker_cli.response.subjects import SubjectRow
from biomarker_cli.response.tracking import require_recurring
from biomarker_cli.response.visit_readings import (
    inputs_of,
    moved_facts,
    new_lesions_of,
    new_word,
    non_target_word,
    others_of,
    strange_rois,
)
from biomarker_cli.response.words import Extra, read_extra


@dataclass(frozen=True)
class RunSource:
    """A run and what its subjects are.

    Attributes
    ----------
    run : MeasuredRun
    subjects : mapping of str to SubjectRow
    """

    run: MeasuredRun
    subjects: Mapping[str, SubjectRow]

    def first_day(self, subject_id: str, baseline: date) -> date:
        """Return day 0 of a subject: its reference date, else the baseline."""
        row = self.subjects.get(subject_id)
        reference = None if row is None else row.dates["reference_date"]
        return reference if isinstance(reference, date) else baseline

    def require_one_calendar(self, subject_id: str, rows: Sequence[LedgerRow]) -> None:
        """Refuse dates of a subject beside visits whose dates were moved.

        Raises
        ------
        ResponseError
            ``RESPONSE-DATES-SHIFTED``.
        """
        row = self.subjects.get(subject_id)
        dated = [] if row is None else [k for k, v in row.dates.items() if isinstance(v, date)]
        shifted = _shifted_visits(self.run, subject_id)
        if dated and shifted and not all(one in _dated_visits(rows) for one in shifted):
            raise dates_shifted(subject_id, f"{dated[0]} is a date, and {SAID}")


def run_courses(
    source: RunSource, ledger: Iterable[Mapping[str, str]], criterion: Criterion
) -> list[CourseOutcome]:
    """Return the course of every subject and reader of a ledger, or why there is none.

    Parameters
    ----------
    source : RunSource
    ledger : iterable of mapping
        Cells as `read_ledger` gives them.
    criterion : Criterion
    """
    groups: dict[tuple[str, str], list[Mapping[str, str]]] = {}
    for cells in ledger:
        groups.setdefault((cells["subject_id"], cells["reader"]), []).append(cells)
    return [
        outcome(subject, reader, lambda cells=cells: _course(source, cells, criterion))  # type: ignore[misc]
        for (subject, reader), cells in sorted(groups.items())
    ]


def axis_of(source: RunSource, ledger: Iterable[Mapping[str, str]]) -> dict[str, date]:
    """Return day 0 of each subject whose visits have dates."""
    groups: dict[str, list[Mapping[str, str]]] = {}
    for cells in ledger:
        groups.setdefault(cells["subject_id"], []).append(cells)
    found = {}
    for subject, cells_of in groups.items():
        try:
            rows = [typed_row(cells) for cells in cells_of]
            dates = visit_dates(source.run, subject, rows)
            source.require_one_calendar(subject, rows)
        except ResponseError:
            continue  # the course of the subject says why
        found[subject] = source.first_day(subject, min(dates.values()))
    return found


def visit_dates(run: MeasuredRun, subject: str, rows: Sequence[LedgerRow]) -> dict[str, date]:
    """Return the date of each visit of a subject, those of the run without a row as well.

    Raises
    ------
    ResponseError
        ``RESPONSE-DATE-ORDER`` where ledger and StudyDate differ, or neither tells it;
        ``RESPONSE-DATES-SHIFTED`` where both are needed, and one is no calendar.
    """
    timepoints = dict.fromkeys([row.timepoint for row in rows] + run.timepoints(subject))
    shifted = _shifted_visits(run, subject)
    by_ledger = bool(shifted) and bool(_dated_visits(rows))
    if shifted and not by_ledger and shifted != set(run.timepoints(subject)):
        raise dates_shifted(subject, f"of some visits {SAID}, of others not")
    found = {}
    for timepoint in timepoints:
        told = {row.day for row in rows if row.timepoint == timepoint and row.day is not None}
        if by_ledger and not told:
            raise dates_shifted(subject, f"the ledger has no date of {timepoint}, and {SAID}")
        # A date that was moved is not held against one that somebody wrote down.
        measured = None if by_ledger else run.study_date(run.cases_of(subject, timepoint))
        told |= {measured} if measured is not None else set()
        if len(told) != 1:
            days = ", ".join(sorted(str(day) for day in told)) or "none"
            raise ResponseError(
                "RESPONSE-DATE-ORDER",
                f"expected one date of {timepoint}, found {days}",
                where=subject,
                hint="The column date of the ledger tells it where StudyDate does not.",
            )
        (found[timepoint],) = told
    return found


def _shifted_visits(run: MeasuredRun, subject: str) -> set[str]:
    timepoints = run.timepoints(subject)
    return {one for one in timepoints if run.has_shifted_dates(run.cases_of(subject, one))}


def _dated_visits(rows: Sequence[LedgerRow]) -> set[str]:
    return {row.timepoint for row in rows if row.day is not None}


def dates_shifted(subject: str, why: str) -> ResponseError:
    """Return the refusal to hold a date that was moved against a calendar."""
    return ResponseError(
        "RESPONSE-DATES-SHIFTED",
        f"not assessable: {why}",
        where=subject,
        hint="Give every visit its date in the ledger, or days in place of dates everywhere.",
    )


def _course(source: RunSource, cells: Sequence[Mapping[str, str]], criterion: Criterion) -> Course:
    rows = [typed_row(one) for one in cells]
    require_consistent(rows)
    require_recurring(source.run, rows)
    subject, reader = rows[0].subject_id, rows[0].reader
    dates = visit_dates(source.run, subject, rows)
    source.require_one_calendar(subject, rows)
    first = source.first_day(subject, min(dates.values()))
    order = sorted(dates, key=lambda timepoint: dates[timepoint])
    require_order([(timepoint, (dates[timepoint] - first).days) for timepoint in order])
    visits: list[ReadVisit] = []
    told_by: list[Extra] = []
    unread: frozenset[str] = frozenset()
    baseline: VisitRows | None = None
    for timepoint in order:
        cases = source.run.cases_of(subject, timepoint)
        told = VisitRows(timepoint, tuple(r for r in rows if r.timepoint == timepoint), cases)
        here = told.without(unread)
        visit, extra = _visit(source.run, here, baseline, criterion)
        told_by.append(extra)
        strange = strange_rois(source.run, told, criterion) if baseline is not None else False
        flags = visit.flags | ({"roi_without_ledger"} if strange else set())
        visit = replace(visit, day=(dates[timepoint] - first).days, flags=flags)
        if baseline is None:
            new = visit.new_lesions
            require_no_new(new_word(source.run, told, criterion), new, timepoint)
            unread = unread_targets(here, visit.lesions, criterion)
            baseline = here.without(unread)
            left = tuple(one for one in visit.lesions if one.lesion_id not in unread)
            visit = replace(visit, lesions=left)
        else:
            _require_planes(source.run, visits[0].lesions, visit.lesions, criterion)
            visit = replace(visit, lesions=_of_one_analysis(visits[0].lesions, visit.lesions))
        visits.append(visit)
    parameters = set_once(one.parameters for one in told_by)
    policies = set_once(one.policies for one in told_by)
    return Course(subject, tuple(visits), True, reader, parameters, policies)


def _visit(
    run: MeasuredRun, here: VisitRows, baseline: VisitRows | None, criterion: Criterion
) -> tuple[ReadVisit, Extra]:
    lesions = targets_of(run, here, baseline, criterion)
    texts = [row.extra for row in here.rows if row.role == "visit"]
    extra = read_extra(";".join(texts), criterion.file)
    verdicts = moved_facts(run, here, baseline, criterion)
    flags = {f"{name}_differs" for name in verdicts}
    if "NE" in verdicts.values():
        why = ", ".join(name for name, verdict in verdicts.items() if verdict == "NE")
        lesions = tuple(_not_evaluable(one, f"{why} differs from baseline") for one in lesions)
    visit = ReadVisit(
        timepoint=here.timepoint,
        day=0,
        lesions=lesions,
        new_lesions=new_lesions_of(run, here, criterion),
        others=others_of(run, here, criterion),
        non_target=non_target_word(here, baseline),
        new="no" if baseline is None else new_word(run, here, criterion),
        inputs=inputs_of(run, here, criterion) | dict(extra.inputs),
        given=extra.given,
        flags=frozenset(flags),
    )
    return visit, extra


def _not_evaluable(lesion: LesionReading, reason: str) -> LesionReading:
    if lesion.state != "measured":
        return lesion
    return replace(
        lesion, state="not_evaluable", value=None, longest=None, short=None, reason=reason
    )


def _of_one_analysis(
    before: Sequence[LesionReading], now: Sequence[LesionReading]
) -> tuple[LesionReading, ...]:
    """Return lesions, of which one that another analysis measured is not evaluable."""
    first = {lesion.lesion_id: lesion.analysis_id for lesion in before}
    return tuple(
        _not_evaluable(one, f"measured by {one.analysis_id}, the baseline by {known}")
        if one.analysis_id and (known := first.get(one.lesion_id, "")) not in {"", one.analysis_id}
        else one
        for one in now
    )


def _require_planes(
    run: MeasuredRun,
    before: Sequence[LesionReading],
    now: Sequence[LesionReading],
    criterion: Criterion,
) -> None:
    feature = criterion.file.reads.features.get("longest", "")
    first = {lesion.lesion_id: lesion for lesion in before}
    for lesion in now:
        if feature and lesion.lesion_id in first:
            require_plane(run, first[lesion.lesion_id], lesion)
