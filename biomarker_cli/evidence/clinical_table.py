"""Read a clinical table: each row with its keys, date and typed values, or what is wrong."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from biomarker_cli.evidence.clinical_cells import CellFault, ClinicalValue, date_of, value_of
from biomarker_cli.evidence.clinical_schema import ClinicalSchema
from biomarker_cli.evidence.errors import ClinicalError
from biomarker_cli.model.wording import quoted
from biomarker_cli.tables.cells import unescape_cell
from biomarker_cli.tables.columns import require_columns
from biomarker_cli.tables.errors import TableError

MOST_BYTES = 100_000_000
"""Bytes of a clinical table."""

LONGEST_CELL = 10_000
"""Characters of a cell; a longer one is a report, or a quote that was never closed."""


@dataclass(frozen=True)
class ClinicalRow:
    """A row of the table.

    Attributes
    ----------
    line : int
        Of the file, of its first character.
    site, subject, timepoint, lesion : str
        Empty where the schema names no such key.
    day : date or None
        Where the schema has a window.
    values : mapping
        Of the columns that are taken.
    fault : str
        Why the row is not taken; empty where it is.
    """

    line: int
    site: str = ""
    subject: str = ""
    timepoint: str = ""
    lesion: str = ""
    day: date | None = None
    values: Mapping[str, ClinicalValue] = field(default_factory=dict)
    fault: str = ""


@dataclass(frozen=True)
class ClinicalTable:
    """A table as its schema reads it.

    Attributes
    ----------
    rows : tuple of ClinicalRow
    cells : mapping of str to tuple of str
        Every column of the file as text, for the leak check.
    sha256 : str
    """

    rows: tuple[ClinicalRow, ...]
    cells: Mapping[str, tuple[str, ...]]
    sha256: str


def read_clinical_table(path: Path, schema: ClinicalSchema) -> ClinicalTable:
    """Read a CSV table by its schema.

    Raises
    ------
    TableError
        ``TABLE-NOT-FOUND``, ``TABLE-UNREADABLE``, ``TABLE-COLUMNS``.
    ClinicalError
        ``CLINICAL-TABLE`` where it has no rows, or a column stands twice.
    """
    content = _content(path)
    lines = _lines(content, path)
    _, header = next(lines, (0, []))
    header = [name.strip() for name in header]
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise ClinicalError(
            "CLINICAL-TABLE", f"two columns are called {quoted(twice[0], 60)}", where=path.name
        )
    require_columns(
        path,
        list(schema.source_columns),
        header,
        "The schema names the columns as the table does; cells are separated by commas.",
    )
    found = list(lines)
    if not found:
        raise ClinicalError("CLINICAL-TABLE", "the table has no rows", where=path.name)
    whole = [cells for _, cells in found if len(cells) == len(header)]
    return ClinicalTable(
        tuple(_row(line, cells, header, schema) for line, cells in found),
        {name: tuple(cells[place] for cells in whole) for place, name in enumerate(header)},
        hashlib.sha256(content).hexdigest(),
    )


def _content(path: Path) -> bytes:
    if not path.is_file():
        raise TableError("TABLE-NOT-FOUND", f"no such table: {path}")
    with path.open("rb") as stream:
        content = stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise TableError(
            "TABLE-UNREADABLE", f"the table is larger than {MOST_BYTES} bytes", where=path.name
        )
    return content


def _lines(content: bytes, path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows with the line where each begins; empty lines are none."""
    try:
        reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        line = 1
        for cells in reader:
            if cells:
                _require_short(cells, line)
                yield line, [unescape_cell(cell).strip() for cell in cells]
            line = reader.line_num + 1
    except (UnicodeDecodeError, csv.Error) as error:
        what = "it is no UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error)
        raise TableError(
            "TABLE-UNREADABLE",
            f"expected CSV with a header: {what}",
            where=path.name,
            hint="Save it as CSV in UTF-8, with commas.",
        ) from error


def _require_short(cells: list[str], line: int) -> None:
    if max(map(len, cells)) > LONGEST_CELL:
        raise csv.Error(f"line {line} has a cell of more than {LONGEST_CELL} characters")


def _row(line: int, cells: list[str], header: list[str], schema: ClinicalSchema) -> ClinicalRow:
    if len(cells) != len(header):
        return ClinicalRow(line, fault=f"it has {len(cells)} cells, the header {len(header)}")
    cell_of = dict(zip(header, cells, strict=True))
    keys = schema.keys
    names = {
        key: cell_of[column] if column else ""
        for key, column in (
            ("site", keys.site),
            ("subject", keys.subject),
            ("timepoint", keys.timepoint),
            ("lesion", keys.lesion),
        )
    }
    faults = [
        f"{quoted(column, 60)} is empty"
        for key, column in keys.model_dump().items()
        if column and not names[key]
    ]
    day = None
    if schema.window:
        day = date_of(cell_of[schema.window.column])
        if day is None:
            faults.append(f"{quoted(schema.window.column, 60)} is no date as YYYY-MM-DD")
    missing = frozenset(schema.missing)
    values: dict[str, ClinicalValue] = {}
    for name, column in schema.columns.items():
        value = value_of(cell_of[column.column or name], column, missing)
        if isinstance(value, CellFault):
            faults.append(f"{name}: {value.reason}")
        else:
            values[name] = value
    return ClinicalRow(line, day=day, values=values, fault="; ".join(faults), **names)
