"""The joint table: one row per visit and ROI, all quantities side by side.

Each value is that of its own image under its own mask: no image is moved, and nothing is
registered. Where two cases of a visit have one value, neither is taken, and both are named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import IO

from biomarker_cli.model.errors import InputNotFoundError
from biomarker_cli.model.outputs import whole_file
from biomarker_cli.model.wording import quoted
from biomarker_cli.tables.cells import csv_line
from biomarker_cli.tables.export.joint_layout import (
    OF_QUANTITY,
    JointCase,
    JointColumn,
    JointLayout,
    quantity_of,
)
from biomarker_cli.tables.export.joint_row import ABSENT, JointRow
from biomarker_cli.tables.export.packaged import PackagedTable, read_package
from biomarker_cli.tables.export.wide import (
    FILLED,
    Least,
    chosen_analyses,
    measured_rows,
    required_table,
    units_path,
)
from biomarker_cli.tables.schema import CASES, FEATURES, MEASUREMENTS, ROIS

Measured = tuple[int, JointCase, list[str]]
"""A row of measurements.csv: its number, its case and its cells."""

_VISIT = ("site_id", "subject_id", "timepoint", "roi_id")


@dataclass(frozen=True)
class JointRules:
    """What goes into a joint table.

    Attributes
    ----------
    usable : str
        One of `Least`.
    analyses : tuple of str
        ``id`` or ``id@version``; empty for all of the run.
    roles : tuple of str
        Image roles whose cases are joined; empty for all.
    """

    usable: Least = "caution"
    analyses: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()


@dataclass(frozen=True)
class JointSummary:
    """What was written: rows, value columns, cells that are filled, and what is absent."""

    rows: int = 0
    columns: int = 0
    values: int = 0
    absent: int = 0
    ambiguous: int = 0

    def as_json(self) -> dict[str, int]:
        """Return it for scripts."""
        return asdict(self)


def absent_path(output: Path) -> Path:
    """Return the file that says why cells are empty: ``joint.absent.csv`` of ``joint.csv``."""
    return output.with_name(f"{output.stem}.absent.csv")


def export_joint(folder: Path, output: Path, rules: JointRules) -> JointSummary:
    """Write the joint table of a run, with its units and what is absent beside it.

    Parameters
    ----------
    folder : Path
        Of a run.
    output : Path
        In a folder that exists; replaced where it is there.
    rules : JointRules

    Raises
    ------
    TableError
        ``TABLE-NOT-FOUND``, ``TABLE-PACKAGE``, ``TABLE-CHANGED``, ``TABLE-COLUMNS``,
        ``TABLE-VALUE``, ``TABLE-UNREADABLE``.
    InputNotFoundError
        ``NOTHING-FOUND`` where the run has no such analysis or role.
    """
    package = read_package(folder)
    measurements, features = (
        required_table(package, one.name, folder) for one in (MEASUREMENTS, FEATURES)
    )
    place = features.column_names.index("analysis_id")
    there = sorted({cells[place] for cells in features.rows()})
    analyses = chosen_analyses(there, rules.analyses)
    cases = read_joint_cases(package, folder, rules.roles)
    layout = JointLayout.of(_columns(measurements, analyses, cases))
    head = (
        *_VISIT,
        *(f"{quantity}.{word}" for quantity in layout.quantities for word in OF_QUANTITY),
    )
    summary = JointSummary(columns=len(layout.names))
    with (
        whole_file(units_path(output)) as units,
        whole_file(absent_path(output)) as absent,
        whole_file(output) as table,
    ):
        for stream in (units, table):
            stream.write(csv_line((*head, *layout.names)).encode())
        said = (column.unit for column in layout.columns)
        units.write(csv_line((*("" for _ in head), *said)).encode())
        absent.write(csv_line(ABSENT).encode())
        spoken = _visits(measurements, analyses, cases)
        following = next(spoken, None)
        for key, of_visit in cases_by_visit(cases):
            rows: list[Measured] = []
            if following is not None and following[0] == key:
                rows, following = following[1], next(spoken, None)
            found = _rows(of_visit, rows, layout, FILLED[rules.usable], measurements)
            summary = _write(found, table, absent, summary)
        if following is not None:
            raise measurements.bad_row(1, f"its case is not in its place: {following[0]}")
    return summary


def read_joint_cases(
    package: Mapping[str, PackagedTable], folder: Path, roles: Sequence[str]
) -> dict[str, JointCase]:
    """Return the cases of a run by their ids, with the state of their ROIs.

    Raises
    ------
    InputNotFoundError
        ``NOTHING-FOUND`` where the run has no case of a role.
    TableError
        As `PackagedTable.rows`, and ``TABLE-VALUE`` for a case without four names.
    """
    table = required_table(package, CASES.name, folder)
    rois: dict[str, dict[str, str]] = {}
    for row in required_table(package, ROIS.name, folder).named_rows():
        rois.setdefault(row["case_id"], {})[row["roi_id"]] = row["status"]
    found = {}
    for number, row in enumerate(table.named_rows(), start=1):
        case_id = row["case_id"]
        if case_id.count("/") != 3:
            raise table.bad_row(number, f"its case is {quoted(case_id)}")
        found[case_id] = JointCase(
            case_id,
            case_id.rpartition("/")[2],
            row["modality"],
            row["series_uid"],
            row["frame_of_reference_uid"],
            row["result_key"],
            row["status"],
            rois.get(case_id, {}),
        )
    there = {case.role for case in found.values()}
    for role in roles:
        if role not in there:
            raise InputNotFoundError(
                "NOTHING-FOUND",
                f"the run has no case of role {quoted(role)}",
                hint=f"It has {', '.join(sorted(there)) or 'none'}.",
            )
    return {i: case for i, case in found.items() if not roles or case.role in roles}


def cases_by_visit(cases: Mapping[str, JointCase]) -> list[tuple[str, list[JointCase]]]:
    """Return the cases of each visit under ``site/subject/timepoint/``, as tables are sorted."""
    found: dict[str, list[JointCase]] = {}
    for case_id in sorted(cases):
        found.setdefault(case_id.rpartition("/")[0] + "/", []).append(cases[case_id])
    return sorted(found.items())


def _taken(
    table: PackagedTable, analyses: frozenset[str], cases: Mapping[str, JointCase]
) -> Iterator[Measured]:
    """Yield the rows of measurements.csv that are joined, with their number and case."""
    known = frozenset(cases)
    for number, cells in enumerate(measured_rows(table), start=1):
        if cells[2] in analyses and cells[0] in known:
            yield number, cases[cells[0]], cells


def _columns(
    table: PackagedTable, analyses: frozenset[str], cases: Mapping[str, JointCase]
) -> Iterator[tuple[JointColumn, str]]:
    """Yield each column with a role that has it, some of them more than once."""
    silent: dict[tuple[str, str, str], tuple[JointColumn, str]] = {}
    spoken: set[tuple[str, str, str]] = set()
    for _, case, (_, _, analysis, feature, _, unit, status, *_) in _taken(table, analyses, cases):
        column = JointColumn(quantity_of(feature, case.modality), analysis, feature, unit)
        if status == "ok":
            spoken.add(column.without_unit)
            yield column, case.role
        else:
            silent.setdefault(column.without_unit, (column, case.role))
    # Without a value nobody may know the unit: such a row makes a column only where none does.
    yield from (found for name, found in sorted(silent.items()) if name not in spoken)


def _visits(
    table: PackagedTable, analyses: frozenset[str], cases: Mapping[str, JointCase]
) -> Iterator[tuple[str, list[Measured]]]:
    rows = _taken(table, analyses, cases)
    for key, found in groupby(rows, lambda row: row[2][0].rpartition("/")[0] + "/"):
        yield key, list(found)


def _rows(
    cases: Sequence[JointCase],
    measured: Sequence[Measured],
    layout: JointLayout,
    filled: frozenset[str],
    table: PackagedTable,
) -> list[JointRow]:
    """Return the rows of a visit, one for each ROI that any of its cases has."""
    rois = sorted({roi for case in cases for roi in case.rois})
    rows = {roi: JointRow.of(roi, cases, layout, filled) for roi in rois or [""]}
    for number, case, cells in measured:
        row = rows.get(cells[1])
        fault = row.take(case, cells) if row else f"rois.csv has no {quoted(cells[1])} of it"
        if fault:
            raise table.bad_row(number, fault)
    return list(rows.values())


def _write(
    rows: Sequence[JointRow], table: IO[bytes], absent: IO[bytes], summary: JointSummary
) -> JointSummary:
    for row in rows:
        reasons = list(row.absent())
        for cells in reasons:
            absent.write(csv_line(cells).encode())
        if row.roi_id:
            table.write(csv_line(row.cells()).encode())
        summary = replace(
            summary,
            rows=summary.rows + bool(row.roi_id),
            values=summary.values + row.n_values,
            absent=summary.absent + len(reasons),
            ambiguous=summary.ambiguous + row.n_ambiguous,
        )
    return summary
