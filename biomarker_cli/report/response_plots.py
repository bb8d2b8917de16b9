"""Waterfall, spider and swimmer plots of the tables of response assessment."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from biomarker_cli.drawing.responses import (
    Bar,
    Lane,
    Point,
    spider_svg,
    swimmer_svg,
    waterfall_svg,
)
from biomarker_cli.model.wording import quoted
from biomarker_cli.report.errors import ReportError
from biomarker_cli.tables.columns import Columns, read_columns
from biomarker_cli.tables.packaged import read_package

KINDS = ("waterfall", "spider", "swimmer")

_SIZE = (-30.0, 20.0)
_PRODUCT = (-50.0, 25.0)
LIMITS: Mapping[str, tuple[float, ...]] = MappingProxyType(
    {
        "recist-1.1": _SIZE,
        "irecist": _SIZE,
        "recil-2017": _SIZE,
        "mrecist-hcc": _SIZE,
        "who": _PRODUCT,
        "irrc": _PRODUCT,
        "rano": _PRODUCT,
        "rano-lgg": _PRODUCT,
        "choi": (-10.0, 10.0),
        "choi-modified": (-10.0, 10.0),
        "percist-1.0": (-30.0, 30.0),
    }
)
"""Criterion -> response from baseline and progression from the nadir, in percent."""

_WHO = ("criterion", "subject_id", "reader")


@dataclass(frozen=True)
class Wanted:
    """Which rows a picture is of.

    Attributes
    ----------
    criterion : str
        Id, or id@version; empty where there is one.
    reader : str or None
        None where there is one.
    """

    criterion: str = ""
    reader: str | None = None


@dataclass(frozen=True)
class Picture:
    """A picture, and of what it is.

    Attributes
    ----------
    svg : str
    criterion, reader : str
    n_subjects : int
        That are shown.
    left_out : tuple of str
        Subjects of the table that have nothing to show.
    """

    svg: str
    criterion: str
    reader: str
    n_subjects: int
    left_out: tuple[str, ...]


def response_picture(kind: str, folder: Path, wanted: Wanted) -> Picture:
    """Return a picture of the tables in a folder.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    folder : Path
        With ``best.csv`` (waterfall), ``response.csv`` (spider), and ``endpoints.csv``
        beside it (swimmer).
    wanted : Wanted

    Raises
    ------
    ReportError
        ``PLOT-NO-RESPONSE``, ``PLOT-AMBIGUOUS``, ``PLOT-NOTHING``.
    TableError
        ``TABLE-NOT-FOUND``, ``TABLE-CHANGED``, ``TABLE-COLUMNS``, ``TABLE-VALUE``,
        ``TABLE-UNREADABLE``, ``TABLE-PACKAGE``.
    """
    if kind == "waterfall":
        return _waterfall(folder, wanted)
    return _over_time(kind, folder, wanted)


def _written(folder: Path, name: str) -> Path:
    """Return the file of a table, which is as it was written."""
    table = read_package(folder).get(name)
    if table is None:
        raise ReportError(
            "PLOT-NO-RESPONSE",
            f"{folder} has no table {name}.csv",
            hint="Name the folder that `biomarker response -o` wrote.",
        )
    table.require_unchanged()
    return table.path


def _waterfall(folder: Path, wanted: Wanted) -> Picture:
    path = _written(folder, "best")
    table = read_columns(path, (*_WHO, "best"), (), ("best_change_percent",))
    criterion, reader, rows = _chosen(table, wanted)
    change = table.numbers["best_change_percent"]
    bars = [
        Bar(table.texts["subject_id"][row], float(change[row]), table.texts["best"][row])
        for row in rows
        if math.isfinite(change[row])
    ]
    shown = {bar.subject for bar in bars}
    left_out = _left_out(table, rows, shown, "no follow-up with a change from baseline")
    svg = waterfall_svg(bars, _title("Best response", criterion, reader), _limits(criterion))
    return Picture(svg, criterion, reader, len(shown), left_out)


def _over_time(kind: str, folder: Path, wanted: Wanted) -> Picture:
    texts = (*_WHO, "timepoint", "overall", "new_lesion")
    numbers = ("day", "change_from_baseline_percent")
    table = read_columns(_written(folder, "response"), texts, (), numbers)
    criterion, reader, rows = _chosen(table, wanted)
    needs_change = kind == "spider"
    courses = {
        subject: points
        for subject, points in _courses(table, rows, needs_change=needs_change).items()
        if len(points) > 1 or not needs_change
    }
    reason = "no change from baseline at a known day" if needs_change else "no day of a visit"
    left_out = _left_out(table, rows, courses.keys(), reason)
    title = _title("Change over time" if needs_change else "Course", criterion, reader)
    if needs_change:
        lanes = [Lane(subject, points) for subject, points in courses.items()]
        svg = spider_svg(lanes, title, _limits(criterion))
    else:
        ends = _ends(_written(folder, "endpoints"), criterion, reader)
        lanes = [
            Lane(subject, points, *ends.get(subject, ("", points[-1].day)))
            for subject, points in courses.items()
        ]
        svg = swimmer_svg(lanes, title)
    return Picture(svg, criterion, reader, len(lanes), left_out)


def _courses(
    table: Columns, rows: Sequence[int], *, needs_change: bool
) -> dict[str, tuple[Point, ...]]:
    """Return the visits of each subject that have a day, in their order.

    The first one is the baseline: its change is 0.
    """
    day, change = table.numbers["day"], table.numbers["change_from_baseline_percent"]
    found: dict[str, list[Point]] = defaultdict(list)
    for row in sorted((r for r in rows if math.isfinite(day[r])), key=lambda r: day[r]):
        subject = table.texts["subject_id"][row]
        value = float(change[row])
        if not found[subject] and not math.isfinite(value):
            value = 0.0
        if needs_change and not math.isfinite(value):
            continue
        point = Point(
            float(day[row]),
            value if needs_change else 0.0,
            table.texts["overall"][row],
            table.texts["timepoint"][row],
            table.texts["new_lesion"][row] == "yes",
        )
        found[subject].append(point)
    return {subject: tuple(points) for subject, points in found.items() if points}


def _ends(path: Path, criterion: str, reader: str) -> dict[str, tuple[str, float]]:
    """Return event or censoring of the progression-free survival by subject, where it is known."""
    texts = ("criterion", "reader", "endpoint", "level", "subject_id", "status")
    table = read_columns(path, texts, (), ("end_day",))
    end_day = table.numbers["end_day"]
    wanted = (criterion, reader, "PFS", "subject")
    return {
        table.texts["subject_id"][row]: (table.texts["status"][row], float(end_day[row]))
        for row in range(len(table))
        if tuple(table.texts[name][row] for name in texts[:4]) == wanted
        and math.isfinite(end_day[row])
    }


def _chosen(table: Columns, wanted: Wanted) -> tuple[str, str, list[int]]:
    """Return criterion, reader and rows of what is shown."""
    criteria = table.texts["criterion"]
    rows = [
        row
        for row in range(len(table))
        if not wanted.criterion or wanted.criterion in _names_of(criteria[row])
    ]
    criterion = _only("criterion", (criteria[row] for row in rows), "--criterion ID")
    readers = table.texts["reader"]
    if wanted.reader is not None:
        rows = [row for row in rows if readers[row] == wanted.reader]
    reader = _only("reader", (readers[row] for row in rows), "--reader NAME")
    return criterion, reader, rows


def _names_of(criterion: str) -> tuple[str, str]:
    return criterion, criterion.partition("@")[0]


def _only(what: str, values: Iterator[str], option: str) -> str:
    found = sorted(set(values))
    if not found:
        raise ReportError(
            "PLOT-NOTHING",
            f"the table has no row of this {what}",
            hint="Look at the column of that name.",
        )
    if len(found) > 1:
        listed = ", ".join(map(quoted, found))
        raise ReportError(
            "PLOT-AMBIGUOUS",
            f"a picture is of one {what}, the table has {listed}",
            hint=f"Say which one: {option}.",
        )
    return found[0]


def _left_out(
    table: Columns, rows: Sequence[int], shown: Collection[str], reason: str
) -> tuple[str, ...]:
    """Return the subjects that are not shown; none shown is an error."""
    subjects = {table.texts["subject_id"][row] for row in rows}
    if not shown:
        raise ReportError(
            "PLOT-NOTHING",
            f"no subject can be shown: {reason}",
            hint="The column `reason` of response.csv says why visits have no value.",
        )
    return tuple(sorted(subjects.difference(shown)))


def _limits(criterion: str) -> tuple[float, ...]:
    return LIMITS.get(criterion.partition("@")[0], ())


def _title(what: str, criterion: str, reader: str) -> str:
    return f"{what}, {criterion}" + (f", {reader}" if reader else "")
