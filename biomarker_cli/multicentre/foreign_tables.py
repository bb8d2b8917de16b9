"""Read the tables of another program as cells: image, ROI, column, text."""

from __future__ import annotations

import csv
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from biomarker_cli.model.wording import quoted
from biomarker_cli.multicentre.dialects import Dialect, TableForm
from biomarker_cli.multicentre.errors import ComparisonError
from biomarker_cli.tables.errors import TableError

_LONGEST_CELL = 10_000_000
"""Characters: diagnostics of some programs hold whole settings in one cell."""

_NAMED_AT_MOST = 5


@dataclass(frozen=True)
class ForeignRow:
    """What a program wrote of one image and ROI, from one file.

    Attributes
    ----------
    form : TableForm
    case, roi : str
        As the program names them.
    cells : mapping of str to str
        Text by the name of the column.
    """

    form: TableForm
    case: str
    roi: str
    cells: Mapping[str, str]


def read_foreign_rows(dialect: Dialect, path: Path) -> list[ForeignRow]:
    """Return the rows of a table, or of all tables of a folder.

    Raises
    ------
    TableError
        ``TABLE-NOT-FOUND``.
    ComparisonError
        ``DIALECT-TABLE`` where a file is no table of the dialect.
    """
    rows = [row for file in _files(dialect, path) for row in _rows(dialect, file)]
    if not rows:
        raise ComparisonError(
            "DIALECT-TABLE",
            "the table has no row",
            where=str(path),
            hint="Some programs write an empty file where every ROI was too small.",
        )
    return rows


def _files(dialect: Dialect, path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    patterns = {form.files for form in dialect.tables}
    found = sorted({file for pattern in patterns for file in path.glob(pattern)})
    if not found:
        raise TableError("TABLE-NOT-FOUND", f"no table {' or '.join(sorted(patterns))} in {path}")
    return found


def _rows(dialect: Dialect, file: Path) -> Iterator[ForeignRow]:
    if file.suffix.lower() in {".xlsx", ".xls"}:
        sheet = next((form.sheet for form in dialect.tables if form.sheet), "")
        which = f"the sheet {sheet}" if sheet else "the sheet of features"
        raise ComparisonError(
            "DIALECT-TABLE", "a workbook is not read", where=file.name, hint=f"Save {which} as CSV."
        )
    text = file.read_bytes().decode("utf-8-sig", "surrogateescape")
    if not text.strip():
        return
    for form in dialect.tables:
        lines = _parsed(text, form.delimiter, file)
        if {form.case, form.roi, form.key, form.value} - {""} <= set(lines[0]):
            _require_once(form, lines[0], file)
            yield from (_long if form.layout == "long" else _wide)(form, lines)
            return
    wanted = ", ".join(filter(None, (dialect.tables[0].case, dialect.tables[0].roi)))
    raise ComparisonError(
        "DIALECT-TABLE",
        f"it is no table of {dialect.program.name}: expected the columns {wanted}",
        where=file.name,
        hint=f"The dialect is of {dialect.program.name} {dialect.program.versions}.",
    )


def _require_once(form: TableForm, names: Sequence[str], file: Path) -> None:
    """Refuse two columns of one name where it matters: which is meant, nobody said."""
    keys = {form.case, form.roi, form.key, form.value}
    twice = [
        name
        for name, n in Counter(filter(None, names)).items()
        if n > 1 and (name in keys or (form.layout != "long" and not is_ignored(form, name)))
    ]
    if twice:
        listed = ", ".join(map(quoted, twice[:_NAMED_AT_MOST]))
        raise ComparisonError(
            "DIALECT-TABLE",
            f"columns stand twice: {listed}",
            where=file.name,
            hint="Rename one of them in a copy, or let the dialect ignore both.",
        )


def _parsed(text: str, delimiter: str, file: Path) -> list[list[str]]:
    before = csv.field_size_limit(_LONGEST_CELL)
    try:
        return list(csv.reader(text.splitlines(keepends=True), delimiter=delimiter))
    except csv.Error as error:
        raise ComparisonError("DIALECT-TABLE", f"no CSV: {error}", where=file.name) from error
    finally:
        csv.field_size_limit(before)


def _wide(form: TableForm, lines: Sequence[Sequence[str]]) -> Iterator[ForeignRow]:
    names = lines[0]
    for line in lines[1:]:
        cells = dict(zip(names, line, strict=False))
        if line:
            yield ForeignRow(form, cells.pop(form.case, ""), cells.pop(form.roi, ""), cells)


def _long(form: TableForm, lines: Sequence[Sequence[str]]) -> Iterator[ForeignRow]:
    names = lines[0]
    for line in lines[1:]:
        cells = dict(zip(names, line, strict=False))
        if line and cells.get(form.key):
            found = {cells[form.key]: cells.get(form.value, "")}
            yield ForeignRow(form, cells.get(form.case, ""), cells.get(form.roi, ""), found)


def stripped(form: TableForm, column: str) -> tuple[str, Mapping[str, str]]:
    """Return a column's name without what `strip` finds, and the groups of that."""
    found = re.search(form.strip, column) if form.strip else None
    if found is None:
        return column, {}
    groups = {name: text for name, text in found.groupdict().items() if text is not None}
    return column[: found.start()] + column[found.end() :], groups


def is_ignored(form: TableForm, column: str) -> bool:
    """Tell whether a column is no feature."""
    return any(fnmatchcase(column, pattern) for pattern in form.ignore)


def number(form: TableForm, text: str) -> float:
    """Return a cell as a number; NaN where it holds none that is finite."""
    kept = text.strip()
    if form.decimal == ",":
        kept = kept.replace(",", ".")
    try:
        found = float(kept)
    except ValueError:
        return math.nan
    return found if math.isfinite(found) else math.nan
