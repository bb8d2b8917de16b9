"""Courses from a table of readings that somebody else measured (`response from-table`)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from biomarker_cli.protocol.locator import ProtocolKind, newest_protocols
from biomarker_cli.response.courses import (
    CourseOutcome,
    outcome,
    require_no_new,
    require_order,
    set_once,
)
from biomarker_cli.response.criterion import Criterion, load_criterion
from biomarker_cli.response.errors import ResponseError
from biomarker_cli.response.readings import Course, LesionReading, ReadVisit
from biomarker_cli.response.words import (
    NEW_WORDS,
    NON_TARGET_WORDS,
    bad_input,
    read_extra,
    read_new,
    read_targets,
    read_word,
)

REQUIRED = ("subject_id", "timepoint", "day")
READ = (
    *("criterion", "target", "organ", "non_target", "new_lesion", "new_lesion_sizes"),
    *("extra", "reader"),
)
"""Columns that are read where the table has them; no other one is."""

BASELINE = "BL"

_UNREADABLE = frozenset({"missing", "ne", "not_evaluable"})


@dataclass(frozen=True)
class TableRow:
    """One row of the table, with the line where it begins."""

    line: int
    cells: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.cells.get(name, "")


def read_rows(path: Path) -> list[TableRow]:
    """Return the rows of a table of readings.

    Raises
    ------
    TableError
        ``TABLE-NOT-FOUND``, ``TABLE-UNREADABLE``, ``TABLE-COLUMNS``.
    ResponseError
        ``RESPONSE-BAD-INPUT`` for a table without rows, or a row without subject.
    """
    from biomarker_cli.tables.columns import refuse_misspelt, require_columns
    from biomarker_cli.tables.reading import read_cells

    frame = read_cells(path)
    require_columns(path, REQUIRED, frame.columns)
    refuse_misspelt(path, READ, frame.columns)
    names = [name for name in (*REQUIRED, *READ) if name in frame.columns]
    columns = [frame[name].tolist() for name in names]
    rows = [
        TableRow(line, dict(zip(names, (str(cell).strip() for cell in cells), strict=True)))
        for line, cells in enumerate(zip(*columns, strict=True), start=2)
    ]
    if not rows:
        raise ResponseError("RESPONSE-BAD-INPUT", "the table has no rows", where=str(path))
    for row in rows:
        if not row["subject_id"]:
            raise ResponseError(
                "RESPONSE-BAD-INPUT", "a row names no subject_id", where=f"row {row.line}"
            )
    return rows


def is_of(row: TableRow, criterion: Criterion) -> bool:
    """Tell whether a row is one of a criterion: it names it, or none."""
    word = row["criterion"]
    return word in {"", criterion.ident, criterion.file.id, *criterion.file.labels}


def unknown_criteria(rows: Iterable[TableRow], criteria: Sequence[Criterion]) -> frozenset[str]:
    """Return what the column ``criterion`` names and nobody knows: a typing error, most likely.

    Parameters
    ----------
    rows : iterable of TableRow
    criteria : sequence of Criterion
        Those that were asked for; the shipped ones are known as well.
    """
    others = {row["criterion"] for row in rows if not any(is_of(row, one) for one in criteria)}
    asked = {one.file.id for one in criteria}
    if others:
        for path in newest_protocols(ProtocolKind.RESPONSE):
            shipped = load_criterion(str(path))
            others -= {shipped.file.id, *shipped.file.labels}
            if shipped.file.id not in asked:
                others = {word for word in others if word.partition("@")[0] != shipped.file.id}
    return frozenset(others)


def table_courses(
    rows: Iterable[TableRow], criterion: Criterion, unknown: frozenset[str] = frozenset()
) -> list[CourseOutcome]:
    """Return the course of every subject and reader of a table, or why there is none.

    Parameters
    ----------
    rows : iterable of TableRow
        In any order.
    criterion : Criterion
        Its rows are taken, and those that name no criterion.
    unknown : frozenset of str
        Names of no criterion: a subject that has such a row is not judged, for the row
        may be one of this criterion.
    """
    groups: dict[tuple[str, str], list[TableRow]] = {}
    for row in rows:
        if is_of(row, criterion) or row["criterion"] in unknown:
            groups.setdefault((row["subject_id"], row["reader"]), []).append(row)
    return [
        outcome(subject, reader, lambda group=group: _course(group, criterion))  # type: ignore[misc]
        for (subject, reader), group in sorted(groups.items())
    ]


def _course(rows: Sequence[TableRow], criterion: Criterion) -> Course:
    for row in rows:
        if not is_of(row, criterion):
            raise ResponseError(
                "RESPONSE-BAD-INPUT",
                f"{row['criterion']!r} is the name of no criterion",
                where=f"row {row.line}, {row['subject_id']} {row['timepoint']}",
                hint="Name it as `biomarker protocol list --kind response` does, or by a label.",
            )
    read = [_read_row(row, criterion) for row in rows]
    read.sort(key=lambda one: one.visit.day)
    baselines = [one for one in read if one.visit.timepoint.upper() == BASELINE]
    subject = rows[0]["subject_id"]
    if len(baselines) > 1:
        raise ResponseError(
            "RESPONSE-NO-BASELINE", f"expected one baseline, found {len(baselines)}", where=subject
        )
    require_order([(one.visit.timepoint, one.visit.day) for one in read])
    if baselines and read[0] is not baselines[0]:
        raise ResponseError(
            "RESPONSE-DATE-ORDER",
            f"{read[0].visit.timepoint} is of day {read[0].visit.day}, "
            f"before the baseline of day {baselines[0].visit.day}",
            where=subject,
        )
    parameters = set_once(one.parameters for one in read)
    policies = set_once(one.policies for one in read)
    visits = [one.visit for one in read]
    if baselines:
        require_no_new(visits[0].new, visits[0].new_lesions, visits[0].timepoint)
        visits = [visits[0], *(_after(visits[0], visit) for visit in visits[1:])]
        _require_organs(read)
    return Course(subject, tuple(visits), bool(baselines), rows[0]["reader"], parameters, policies)


@dataclass(frozen=True)
class _ReadRow:
    visit: ReadVisit
    parameters: Mapping[str, int]
    policies: Mapping[str, str]
    organs: Mapping[str, str]


def _read_row(row: TableRow, criterion: Criterion) -> _ReadRow:
    try:
        return _typed(row, criterion)
    except ResponseError as error:
        place = f"row {row.line}, {row['subject_id']} {row['timepoint']}"
        raise ResponseError(error.code, error.message, where=place, hint=error.hint) from error


def _typed(row: TableRow, criterion: Criterion) -> _ReadRow:
    if not re.fullmatch(r"-?[0-9]{1,5}", row["day"]):
        raise bad_input("a whole number of days", row["day"])
    if not row["timepoint"]:
        raise bad_input("a timepoint", "")
    extra = read_extra(row["extra"], criterion.file)
    organs = _organs(row["organ"])
    text = row["target"]
    is_unread = text.lower() in _UNREADABLE
    lesions = () if is_unread else read_targets(text, criterion.file.targets)
    lesions = tuple(replace(one, organ=organs.get(one.lesion_id, "")) for one in lesions)
    flags = {flag for one in lesions for flag in _part_flags(one)}
    is_blank = is_unread or not (text or extra.given)
    new = read_word(row["new_lesion"], NEW_WORDS, "a new lesion")
    new_lesions = read_new(row["new_lesion_sizes"])
    if new == "no" and any(one.state != "absent" and one.value != 0 for one in new_lesions):
        raise bad_input("no sizes where there is no new lesion", row["new_lesion_sizes"])
    visit = ReadVisit(
        timepoint=row["timepoint"],
        day=int(row["day"]),
        lesions=lesions,
        new_lesions=new_lesions,
        non_target=read_word(row["non_target"], NON_TARGET_WORDS, "non-target lesions") or None,
        new=new or None,
        inputs=extra.inputs,
        given=extra.given,
        flags=frozenset(flags | ({"targets_not_read"} if is_blank else set())),
    )
    return _ReadRow(visit, extra.parameters, extra.policies, organs)


def _part_flags(lesion: LesionReading) -> set[str]:
    if not lesion.parts or lesion.state == "absent":
        return set()
    return {"split" if "." in lesion.parts[0] else "merged"}


def _organs(text: str) -> dict[str, str]:
    """Return the organ of each lesion of a cell such as ``T1=liver;T2=lung``."""
    found = {}
    for part in filter(None, (one.strip() for one in text.split(";"))):
        name, equals, organ = (one.strip() for one in part.partition("="))
        if not equals or not organ:
            raise bad_input("the organ of each lesion such as T1=liver", part)
        found[name] = organ.lower()
    return found


def _after(first: ReadVisit, visit: ReadVisit) -> ReadVisit:
    """Return a later visit with what its row leaves out: a lesion without a word is missing."""
    expected = {lesion.lesion_id: lesion for lesion in first.lesions}
    found = {lesion.lesion_id: lesion for lesion in visit.lesions}
    strange = found.keys() - expected.keys()
    if strange:
        raise ResponseError(
            "RESPONSE-LESION-AMBIGUOUS",
            f"{', '.join(sorted(strange))}: no target at baseline",
            where=visit.timepoint,
            hint="A lesion that came later is a new one; one that fell apart is T1.1 and T1.2.",
        )
    lesions = tuple(
        found.get(name, replace(lesion, state="missing", value=None, longest=None, short=None))
        for name, lesion in expected.items()
    )
    flags = visit.flags if expected else visit.flags - {"targets_not_read"}
    non_target = _later_non_target(first.non_target or "none", visit)
    return replace(visit, lesions=lesions, flags=flags, non_target=non_target)


def _later_non_target(first: str, visit: ReadVisit) -> str:
    if visit.non_target is None:
        return "none" if first == "none" else "ne"
    if (first == "none") != (visit.non_target == "none") and visit.non_target != "ne":
        raise ResponseError(
            "RESPONSE-BAD-INPUT",
            f"non-target lesions are {first!r} at baseline and {visit.non_target!r} now",
            where=visit.timepoint,
            hint="Say `present` at baseline where there are any, `none` at each visit where not.",
        )
    return visit.non_target


def _require_organs(read: Iterable[_ReadRow]) -> None:
    known: dict[str, str] = {}
    for one in read:
        for name, organ in one.organs.items():
            if known.setdefault(name, organ) != organ:
                raise ResponseError(
                    "RESPONSE-LESION-AMBIGUOUS",
                    f"{name} lies in {known[name]} and in {organ}",
                    where=one.visit.timepoint,
                )
