"""A run as its tables tell it: what a report is made of, and nothing else."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from biomarker_cli.model.file_names import file_stem
from biomarker_cli.tables.carried_sizes import CarriedFromElsewhere
from biomarker_cli.tables.columns import Columns, csv_columns, require_columns
from biomarker_cli.tables.manifest import DERIVATIONS_FOLDER, case_and_analysis, read_manifest
from biomarker_cli.tables.measured_rows import usable_word, why_left_out
from biomarker_cli.tables.packaged import PackagedTable, read_package, required_table
from biomarker_cli.tables.schema import (
    CASES,
    CHECKS,
    EXCLUSIONS,
    FACTS,
    FEATURES,
    FLAGS_IN_RUN,
    MEASUREMENTS,
    ROIS,
    Table,
)

Row = Mapping[str, str]

_HINT = "Name the folder that `biomarker run -o` or `biomarker pool -o` wrote."

_MOST_DERIVATION_BYTES = 5_000_000


@dataclass(frozen=True)
class ReportedValue:
    """A row of ``measurements.csv``.

    Attributes
    ----------
    case_id, roi_id, analysis_id, feature_id, unit, status, flags, usable : str
    value : float
        NaN where there is none.
    """

    case_id: str
    roi_id: str
    analysis_id: str
    feature_id: str
    unit: str
    status: str
    flags: str
    usable: str
    value: float


@dataclass(frozen=True)
class RunTables:
    """The tables of a run or a pool.

    Attributes
    ----------
    folder : Path
    cases : tuple of mapping
        Rows of ``cases.csv``, in their order; those of the others by case.
    rois, facts : mapping
        Case id -> rows.
    checks, flags, features, exclusions : tuple of mapping
    measurements : Columns
    manifest : mapping
        Empty where there is none.
    """

    folder: Path
    cases: tuple[Row, ...]
    rois: Mapping[str, Sequence[Row]]
    facts: Mapping[str, Sequence[Row]]
    checks: tuple[Row, ...]
    flags: tuple[Row, ...]
    features: tuple[Row, ...]
    exclusions: tuple[Row, ...]
    measurements: Columns
    manifest: Mapping[str, Any]

    @cached_property
    def case_of(self) -> Mapping[str, Row]:
        """Row of a case by its id."""
        return {row["case_id"]: row for row in self.cases}

    @cached_property
    def sites(self) -> tuple[str, ...]:
        """Every centre, sorted."""
        return tuple(sorted({row["site_id"] for row in self.cases}))

    @cached_property
    def _elsewhere(self) -> CarriedFromElsewhere:
        return CarriedFromElsewhere.of_run(self.folder)

    def is_taken(self, one: ReportedValue) -> bool:
        """Tell whether a value may be drawn beside those of other cases."""
        is_carried = self._elsewhere.has_size(one.case_id, one.flags, one.feature_id)
        has_value = one.status == "ok" and bool(np.isfinite(one.value))
        return not why_left_out(one.usable, has_value=has_value, is_carried_size=is_carried)

    @cached_property
    def _rows_of_case(self) -> Mapping[str, Any]:
        codes = self.measurements.texts["case_id"].codes
        order = np.argsort(codes, kind="stable")
        edges = np.flatnonzero(np.diff(codes[order])) + 1
        words = self.measurements.texts["case_id"].words
        return {words[codes[rows[0]]]: rows for rows in np.split(order, edges) if len(rows)}

    def measured(self, case_id: str) -> Iterator[ReportedValue]:
        """Yield the measurements of a case in the order of the table."""
        for row in self._rows_of_case.get(case_id, ()):
            yield self.measurement(int(row))

    def measurement(self, row: int) -> ReportedValue:
        """Return one row of ``measurements.csv``, counted from 0."""
        texts = self.measurements.texts
        words = {"usable": ""} | {name: texts[name][row] for name in _MEASURED if name in texts}
        path = self.folder / MEASUREMENTS.file_name
        told = (words[name] for name in ("status", "flags", "usable"))
        words["usable"] = usable_word(path, row + 2, *told)
        return ReportedValue(**words, value=float(self.measurements.numbers["value"][row]))

    @cached_property
    def _derivation_files(self) -> Mapping[str, list[tuple[str, Path]]]:
        found: dict[str, list[tuple[str, Path]]] = defaultdict(list)
        for path in sorted((self.folder / DERIVATIONS_FOLDER).glob("*.json")):
            case, analysis = case_and_analysis(path.name)
            found[case].append((analysis, path))
        return found

    def derivations(self, case_id: str) -> dict[str, Any]:
        """Return how the quantities of a case were derived, by analysis."""
        found: dict[str, Any] = {}
        for analysis, path in self._derivation_files.get(file_stem(case_id), ()):
            try:
                with path.open("rb") as stream:
                    found[analysis] = json.loads(stream.read(_MOST_DERIVATION_BYTES))
            except (ValueError, RecursionError):
                found[analysis] = {"unreadable": "the file is no JSON: it was edited or cut"}
        return found


_MEASURED = (
    "case_id",
    "roi_id",
    "analysis_id",
    "feature_id",
    "unit",
    "status",
    "flags",
    "usable",
)


def read_run(folder: Path) -> RunTables:
    """Read the tables of a run, each as it was written.

    Parameters
    ----------
    folder : Path
        Of a run or a pool.

    Raises
    ------
    TableError
        ``TABLE-NOT-FOUND``, ``TABLE-CHANGED``, ``TABLE-COLUMNS``, ``TABLE-VALUE``,
        ``TABLE-UNREADABLE``, ``TABLE-PACKAGE``, ``TABLE-MANIFEST``.
    """
    package = read_package(folder)
    measurements = _columns(package, MEASUREMENTS)
    return RunTables(
        folder,
        tuple(_rows(package, CASES)),
        _by_case(_rows(package, ROIS)),
        _by_case(_optional(package, FACTS)),
        tuple(_optional(package, CHECKS)),
        tuple(_optional(package, FLAGS_IN_RUN)),
        tuple(_rows(package, FEATURES)),
        tuple(_optional(package, EXCLUSIONS)),
        measurements,
        read_manifest(folder),
    )


def _columns(package: Mapping[str, PackagedTable], table: Table) -> Columns:
    packaged = required_table(package, table.name, hint=_HINT)
    found = csv_columns(packaged.path, ("value",) if table is MEASUREMENTS else ())
    wanted = [name for name in table.column_names if name not in table.later]
    require_columns(packaged.path, wanted, {*found.texts, *found.numbers})
    return found


def _rows(package: Mapping[str, PackagedTable], table: Table) -> Iterator[Row]:
    columns = _columns(package, table).texts
    names = list(columns)
    for row in range(len(columns[names[0]])):
        yield {name: columns[name][row] for name in names}


def _optional(package: Mapping[str, PackagedTable], table: Table) -> Iterator[Row]:
    if table.name in package:
        yield from _rows(package, table)


def _by_case(rows: Iterator[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["case_id"]].append(row)
    return dict(found)
