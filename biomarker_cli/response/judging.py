"""Judge every subject by every criterion, and make the rows of the tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from biomarker_cli.collector import collector_paused
from biomarker_cli.response.assessing import Assessed, assess
from biomarker_cli.response.best import best_response
from biomarker_cli.response.courses import CourseOutcome
from biomarker_cli.response.criterion import Criterion
from biomarker_cli.response.endpoints import SubjectEndpoints, endpoint_rows
from biomarker_cli.response.errors import ResponseError
from biomarker_cli.response.policies import policies_of
from biomarker_cli.response.rows import (
    best_row,
    failed_row,
    lesion_rows,
    reading_key,
    response_rows,
)
from biomarker_cli.response.subjects import SubjectRow, TrialSubject, require_possible

Row = dict[str, Any]

Annotate = Callable[[Assessed], Mapping[str, Row]]
"""Gives cells for the rows of a course, by timepoint."""


@dataclass(frozen=True)
class Choices:
    """What a study chose beside the criteria.

    Attributes
    ----------
    policies : mapping of str to str
        Of each criterion those that it has.
    parameters : mapping of str to int
    subjects : mapping of str to SubjectRow
    axis : mapping of str to date
        Day 0 of each subject, where visits have dates.
    annotate : callable or None
        Adds the uncertainty of each call.
    keep : bool
        Whether the assessed courses are kept behind their rows.
    """

    policies: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, int] = field(default_factory=dict)
    subjects: Mapping[str, SubjectRow] = field(default_factory=dict)
    axis: Mapping[str, date] = field(default_factory=dict)
    annotate: Annotate | None = None
    keep: bool = False


@dataclass(frozen=True)
class LesionsAlike:
    """Rows of lesions without their criterion, and the criteria that share them."""

    criteria: list[str]
    rows: list[Row]


@dataclass
class Judged:
    """Rows of every table, and the courses they came from.

    Attributes
    ----------
    response, best, endpoints : list of dict
    by_reading : dict
        Rows of lesions that were read and summed alike.
    n_judged : int
        Subjects with calls, of each criterion and reader.
    assessed : list of Assessed
        Kept where the study asked for it, or has several readers.
    last_days : dict of str to int or None
        Day of a new therapy by subject.
    errors : list of (str, ResponseError)
        TrialSubject and why it cannot be judged.
    """

    response: list[Row] = field(default_factory=list)
    by_reading: dict[tuple[object, ...], LesionsAlike] = field(default_factory=dict)
    best: list[Row] = field(default_factory=list)
    endpoints: list[Row] = field(default_factory=list)
    n_judged: int = 0
    assessed: list[Assessed] = field(default_factory=list)
    last_days: dict[str, int | None] = field(default_factory=dict)
    errors: list[tuple[str, ResponseError]] = field(default_factory=list)

    @property
    def lesions(self) -> list[Row]:
        """Rows of the lesions, once for all criteria that read and sum them alike."""
        return [
            {"criteria": ";".join(alike.criteria), **row}
            for alike in self.by_reading.values()
            for row in alike.rows
        ]

    def add_lesions(self, assessed: Assessed) -> None:
        """Add the lesions of a course, or its criterion to those that read them alike."""
        key = reading_key(assessed)
        if key not in self.by_reading:
            self.by_reading[key] = LesionsAlike([], lesion_rows(assessed))
        self.by_reading[key].criteria.append(assessed.criterion.ident)


@collector_paused()
def judge(
    outcomes: Iterable[tuple[Criterion, Sequence[CourseOutcome]]], choices: Choices
) -> Judged:
    """Return what every criterion calls every course.

    Parameters
    ----------
    outcomes : iterable of (Criterion, sequence of CourseOutcome)
    choices : Choices

    Raises
    ------
    ResponseError
        ``RESPONSE-POLICY-UNSET`` for a policy that no criterion has.
    """
    pairs = list(outcomes)
    require_known([criterion for criterion, _ in pairs], choices)
    judged = Judged()
    n_readers = len({one.reader for _, courses in pairs for one in courses})
    choices = replace(choices, keep=choices.keep or n_readers > 1)
    for criterion, courses in pairs:
        own = _of_criterion(criterion, choices)
        by_reader: dict[str, list[SubjectEndpoints]] = {}
        for one in courses:
            found = _judge_one(one, criterion, own, judged)
            if found is not None:
                by_reader.setdefault(one.reader, []).append(found)
        for reader, subjects in sorted(by_reader.items()):
            names = [one.assessed.course.subject_id for one in subjects]
            left = _not_judged(courses, reader, names, own)
            judged.endpoints += endpoint_rows(subjects, reader, left)
    return judged


def require_known(criteria: Sequence[Criterion], choices: Choices) -> None:
    """Refuse a policy or parameter that none of the criteria has, or a choice of none.

    Raises
    ------
    ResponseError
        ``RESPONSE-POLICY-UNSET``.
    """
    known = {name for one in criteria for name in (*one.file.policies, *one.file.parameters)}
    for name in (*choices.policies, *choices.parameters):
        if name not in known:
            raise ResponseError(
                "RESPONSE-POLICY-UNSET",
                f"no criterion has a policy or parameter {name!r}",
                hint=f"They have: {', '.join(sorted(known)) or 'none'}.",
            )
    for one in criteria:
        policies_of(one, _of_criterion(one, choices).policies)


def _of_criterion(criterion: Criterion, choices: Choices) -> Choices:
    file = criterion.file
    return replace(
        choices,
        policies={k: v for k, v in choices.policies.items() if k in file.policies},
        parameters={k: v for k, v in choices.parameters.items() if k in file.parameters},
    )


def _judge_one(
    outcome: CourseOutcome, criterion: Criterion, choices: Choices, judged: Judged
) -> SubjectEndpoints | None:
    """Add the rows of one subject; None where it cannot be judged."""
    try:
        if outcome.error is not None:
            raise outcome.error
        assert outcome.course is not None  # noqa: S101 - an outcome has one of both
        subject = _subject(outcome.subject_id, choices)
        require_possible(subject, [(one.timepoint, one.day) for one in outcome.course.visits])
        assessed = assess(outcome.course, criterion, choices.policies, choices.parameters)
        rows = list(response_rows(assessed, alternatives(assessed, choices)))
        best = best_response(assessed, subject.new_therapy_day)
    except ResponseError as error:
        failed = failed_row(replace(outcome, course=None, error=error), criterion)
        judged.response.append(failed)
        judged.best.append(failed)
        judged.errors.append((outcome.subject_id, error))
        return None
    if choices.annotate is not None:
        cells = choices.annotate(assessed)
        rows = [row | cells.get(row["timepoint"], {}) for row in rows]
    judged.response += rows
    judged.add_lesions(assessed)
    judged.best.append(best_row(assessed, best, subject.new_therapy_day))
    judged.n_judged += 1
    judged.last_days[outcome.subject_id] = subject.new_therapy_day
    if choices.keep:
        judged.assessed.append(assessed)
    return SubjectEndpoints(assessed, best, subject)


def _subject(subject_id: str, choices: Choices) -> TrialSubject:
    row = choices.subjects.get(subject_id)
    if row is not None:
        return row.on_axis(choices.axis.get(subject_id))
    if choices.subjects:
        # Without its row a death would be none.
        raise ResponseError(
            "RESPONSE-NO-SUBJECT",
            "subjects.csv has no row of the subject",
            hint="Write it as the readings do; its other cells may be empty.",
        )
    return TrialSubject()


def _not_judged(
    courses: Sequence[CourseOutcome], reader: str, judged: Sequence[str], choices: Choices
) -> Counter[str]:
    """Return how many of the analysis set have no call of a reader, by arm."""
    known = choices.subjects
    expected = {one.subject_id for one in courses if one.reader == reader} | known.keys()
    left = [known.get(subject) for subject in expected - set(judged)]
    return Counter("" if row is None else row.arm for row in left if row is None or row.in_analysis)


def alternatives(assessed: Assessed, choices: Choices) -> dict[str, str]:
    """Return by timepoint what other choices of the policies would have called.

    Only those that the calls came to hang on are tried; each alone.
    """
    found: dict[str, list[str]] = {}
    for name in sorted(assessed.policies_read):
        for choice in assessed.criterion.file.policies[name].choices:
            if choice == assessed.policies[name]:
                continue
            other = assess(
                replace(assessed.course, policies={**assessed.course.policies, name: choice}),
                assessed.criterion,
                choices.policies,
                choices.parameters,
            )
            for before, after in zip(assessed.visits, other.visits, strict=True):
                if before.overall != after.overall:
                    said = f"{name}={choice}:{after.overall}"
                    found.setdefault(before.visit.timepoint, []).append(said)
    return {timepoint: ";".join(said) for timepoint, said in found.items()}
