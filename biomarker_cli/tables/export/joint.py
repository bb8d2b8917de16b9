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

from biomarker_cli.model.outputs import whole_file
from biomarker_cli.model.usability import TAKEN, Least
from biomarker_cli.model.wording import quoted
from biomarker_cli.tables.cells import csv_line
from biomarker_cli.tables.export.column_heads import require_heads, units_path, write_heads
from biomarker_cli.tables.export.joint_cases import (
    JointCase,
    cases_by_visit,
    read_joint_cases,
)
from biomarker_cli.tables.export.joint_layout import (
    OF_QUANTITY,
    JointColumn,
    JointLayout,
    quantity_of,
)
from biomarker_cli.tables.export.joint_row import ABSENT, JointRow
from biomarker_cli.tables.export.open_run import OpenRun, open_run
from biomarker_cli.tables.packaged import PackagedTable

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
        ``TABLE-VALUE``, ``TABLE-UNREADABLE``, ``TABLE-HEADS``.
    InputNotFoundError
        ``NOTHING-FOUND`` where the run has no such analysis or role.
    """
    run = open_run(folder, rules.analyses)
    cases = read_joint_cases(run.package, rules.roles)
    joined = _Joined(run, cases, frozenset(rules.roles))
    layout = JointLayout.of(joined.columns())
    names = (
        *_VISIT,
        *(f"{quantity}.{word}" for quantity in layout.quantities for word in OF_QUANTITY),
        *layout.names,
    )
    require_heads(names, folder)
    summary = JointSummary(columns=len(layout.names))
    with (
        whole_file(units_path(output)) as units,
        whole_file(absent_path(output)) as absent,
        whole_file(output) as table,
    ):
        write_heads(table, units, names, [column.unit for column in layout.columns])
        absent.write(csv_line(ABSENT).encode())
        spoken = joined.visits()
        following = next(spoken, None)
        for key, of_visit in cases_by_visit(cases):
            rows: list[Measured] = []
            if following is not None and following[0] == key:
                rows, following = following[1], next(spoken, None)
            found = _rows(of_visit, rows, layout, TAKEN[rules.usable], run.measurements)
            summary = _write(found, table, absent, summary)
        if following is not None:
            number, case, _ = following[1][0]
            raise run.measurements.bad_row(
                number, f"its case is not in its place: {quoted(case.case_id)}"
            )
    return summary


@dataclass(frozen=True)
class _Joined:
    """The measurements of a run that are joined.

    Attributes
    ----------
    run : OpenRun
    cases : mapping
        Case id -> case, of the roles that are asked for.
    roles : frozenset of str
        Those; empty for all.
    """

    run: OpenRun
    cases: Mapping[str, JointCase]
    roles: frozenset[str]

    def columns(self) -> Iterator[tuple[JointColumn, str]]:
        """Yield each column with a role that has it, some of them more than once."""
        silent: dict[tuple[str, str, str], tuple[JointColumn, str]] = {}
        spoken: set[tuple[str, str, str]] = set()
        for _, case, (_, _, analysis, feature, _, unit, status, *_) in self._measured():
            column = JointColumn(quantity_of(feature, case.modality), analysis, feature, unit)
            if status == "ok":
                spoken.add(column.without_unit)
                yield column, case.role
            else:
                silent.setdefault(column.without_unit, (column, case.role))
        # Without a value nobody may know the unit: such a row makes a column only where none
        # does.
        yield from (found for name, found in sorted(silent.items()) if name not in spoken)

    def visits(self) -> Iterator[tuple[str, list[Measured]]]:
        """Yield the rows of each visit, as `cases_by_visit` names it."""
        for key, found in groupby(self._measured(), lambda row: row[2][0].rpartition("/")[0] + "/"):
            yield key, list(found)

    def _measured(self) -> Iterator[Measured]:
        for number, cells in self.run.rows():
            case = self.cases.get(cells[0])
            if case is not None:
                yield number, case, cells
            elif not self.roles or cells[0].rpartition("/")[2] in self.roles:
                found = f"cases.csv has no {quoted(cells[0])}"
                raise self.run.measurements.bad_row(number, found)


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
