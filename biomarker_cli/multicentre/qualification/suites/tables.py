"""Suite ``tables``: synthetic cases to tables, by one worker and by two, and their values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from biomarker_cli.case.plan import CasePlan
from biomarker_cli.case.result import CaseResult
from biomarker_cli.case.running import run_case
from biomarker_cli.multicentre.qualification.bench import Bench
from biomarker_cli.multicentre.qualification.checks import (
    Expected,
    Found,
    SuiteResult,
    compared,
)
from biomarker_cli.multicentre.qualification.shipped import table_values
from biomarker_cli.multicentre.qualification.synthetic_cases import synthetic_plans
from biomarker_cli.regions.result import ROIS_WITH_AUDIT
from biomarker_cli.tables.reading import read_table
from biomarker_cli.tables.schema import CASES, FACTS, FEATURES, MEASUREMENTS, Table
from biomarker_cli.tables.writing import row_lines, write_lines

NAME = "tables"

RELATIVE = 1e-12
"""What values may differ between machines: the order in which sums are taken."""

_ABSOLUTE = 1e-14
_WORKERS = 2
SAME = "the same bytes"

_ROWS: tuple[tuple[Table, Callable[[CaseResult], Iterable[Any]]], ...] = (
    (MEASUREMENTS, lambda result: result.measurements),
    (ROIS_WITH_AUDIT, lambda result: result.rois.values()),
    (CASES, lambda result: [result.case]),
    (FACTS, lambda result: result.facts),
    (FEATURES, lambda result: result.features),
)


def run(bench: Bench) -> SuiteResult:
    """Measure the suite."""
    known = dict(table_values())
    values = [
        Expected(
            name,
            value,
            RELATIVE * abs(value) + _ABSOLUTE,
            (f"a whole run: {name.split()[2]}",),
            is_derived=True,
        )
        for name, value in known.items()
    ]
    rows = Expected(
        "rows of measurements.csv with a value",
        float(len(known)),
        steps=("a whole run: rows that are there",),
        is_derived=True,
    )
    checks = compared(NAME, [rows, *values], lambda: _values(bench.folder, rows.name))
    workers = ("a whole run: one worker against two",)
    alike = [Expected(_of_both(table), SAME, steps=workers, is_derived=True) for table, _ in _ROWS]
    return SuiteResult(NAME, (*checks, *compared(NAME, alike, lambda: _both(bench.folder))))


def measure_cases(folder: Path, workers: int = 1) -> Path:
    """Write the synthetic cases and their tables, and return the folder of the tables.

    Parameters
    ----------
    folder : Path
    workers : int
        1 measures in this process.
    """
    plans = synthetic_plans(folder / "cases")
    output = folder / f"tables_{workers}"
    output.mkdir(parents=True, exist_ok=True)
    results = _measured(plans, workers)
    for table, rows_of in _ROWS:
        rows = [row for result in results for row in rows_of(result)]
        write_lines(table, [row_lines(table, rows)], output)
    return output


def _measured(plans: Sequence[CasePlan], workers: int) -> list[CaseResult]:
    if workers == 1:
        return [run_case(plan) for plan in plans]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return list(pool.map(run_case, plans))


def values_of(folder: Path) -> dict[str, float]:
    """Return the values of a folder of tables by their key, joined by blanks."""
    frame = read_table(MEASUREMENTS, folder)
    frame = frame[frame["value"].notna()]
    keys = zip(*(frame[name] for name in MEASUREMENTS.key), strict=True)
    return {" ".join(key): float(v) for key, v in zip(keys, frame["value"], strict=True)}


def _values(folder: Path, rows: str) -> Mapping[str, Found]:
    found = values_of(measure_cases(folder))
    return {**found, rows: float(len(found))}


def _of_both(table: Table) -> str:
    return f"{table.file_name} by 1 and by {_WORKERS} workers"


def _both(folder: Path) -> Mapping[str, Found]:
    one, other = folder / "tables_1", measure_cases(folder, _WORKERS)
    return {
        _of_both(table): _likeness(one / table.file_name, other / table.file_name)
        for table, _ in _ROWS
    }


def _likeness(one: Path, other: Path) -> str:
    if one.read_bytes() == other.read_bytes():
        return SAME
    pairs = zip(one.read_bytes().splitlines(), other.read_bytes().splitlines(), strict=False)
    lines = (number for number, (a, b) in enumerate(pairs, start=1) if a != b)
    return f"other bytes from line {next(lines, 'of the end')}"
