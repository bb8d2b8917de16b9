"""The table of `biomarker import sr`: ``measurements.csv``, and where each number came from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from biomarker_cli.exchange.errors import ReportRefusedError
from biomarker_cli.exchange.importing.report_content import read_report
from biomarker_cli.exchange.importing.report_rows import report_rows
from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.tables.rows import Column
from biomarker_cli.tables.schema import MEASUREMENTS
from biomarker_cli.tables.writing import write_table

IMPORTED = replace(
    MEASUREMENTS,
    columns=(
        *MEASUREMENTS.columns,
        Column("concept", "string", "what the report calls it, value:scheme:meaning"),
        Column("derivation", "string", "which statistic of it, likewise"),
        Column("problem", "string", "why a value that stands there was not taken"),
        Column("tracking_uid", "string", "TrackingUID of the finding"),
        Column("source_sop_uid", "string", "SOPInstanceUID of the report"),
    ),
    refers_to=(),
)
"""``measurements.csv`` of reports: columns behind those of a run say what was read."""


@dataclass
class Imported:
    """What reports gave.

    Attributes
    ----------
    rows : list of dict
        By the columns of `IMPORTED`.
    n_reports : int
        Of which rows were made.
    refused : list of (Path, BiomarkerError)
    """

    rows: list[dict[str, Any]] = field(default_factory=list)
    n_reports: int = 0
    refused: list[tuple[Path, BiomarkerError]] = field(default_factory=list)


def import_reports(paths: Iterable[Path]) -> Imported:
    """Read structured reports; one that cannot be used stands among the refused.

    A report that gives a number anew which an earlier one gave is refused whole: which
    of the two holds is not ours to say.

    Parameters
    ----------
    paths : iterable of Path
    """
    found = Imported()
    taken: set[tuple[str, ...]] = set()
    for path in paths:
        try:
            rows = report_rows(read_report(path))
            _require_new(rows, taken, path)
        except BiomarkerError as error:
            found.refused.append((path, error))
            continue
        taken.update(map(_key, rows))
        found.rows += rows
        found.n_reports += 1
    return found


def write_imported(imported: Imported, path: Path) -> None:
    """Write the rows as one CSV file, whose name ends in ``.csv``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_table(replace(IMPORTED, name=path.stem), imported.rows, path.parent)


def _require_new(rows: list[dict[str, Any]], taken: set[tuple[str, ...]], path: Path) -> None:
    twice = next((row for row in rows if _key(row) in taken), None)
    if twice is not None:
        raise ReportRefusedError(
            "SR-REPEATED",
            f"an earlier report holds the same number: {' '.join(_key(twice))}",
            where=path.name,
            hint="Import the two into tables of their own and compare them.",
        )


def _key(row: dict[str, Any]) -> tuple[str, ...]:
    return tuple(row[name] for name in IMPORTED.key)
