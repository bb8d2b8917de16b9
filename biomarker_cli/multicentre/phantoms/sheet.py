"""The sheet of a phantom: what it asks, and how one that came back is read.

One CSV with the columns item, region, quantity, unit, value, note. The first rows, whose
item begins with ``info/``, ask what measured; each other row asks one number. The truth
stands nowhere in it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from biomarker_cli.model.wording import counted, quoted
from biomarker_cli.multicentre.phantoms.errors import SheetError
from biomarker_cli.multicentre.phantoms.suv_reading import PEAKS
from biomarker_cli.multicentre.phantoms.truth import Phantom
from biomarker_cli.tables.cells import csv_line, unescape_cell

COLUMNS = ("item", "region", "quantity", "unit", "value", "note")
_NEEDED = ("item", "value")

INFO = "info/"
PHANTOM_ITEM = "info/phantom"

_ASKED = {
    "program": ("program that measured", "such as its name in the menu"),
    "version": ("version of the program", ""),
    "settings": ("settings that move a number", "interpolation, threshold rule, region tool"),
    "operator": ("who measured", "initials or a role will do"),
    "date": ("date of measuring", "YYYY-MM-DD"),
}

_SEPARATOR_LINE = ("sep=,", "sep=;", "sep=\t")

MOST_BYTES = 2_000_000
MOST_ROWS = 5_000


@dataclass(frozen=True)
class SheetRow:
    """A row that came back.

    Attributes
    ----------
    line : int
        In the file.
    item, unit, value : str
        As they stand there, without spaces around them.
    """

    line: int
    item: str
    unit: str
    value: str


@dataclass(frozen=True)
class Sheet:
    """A sheet that came back.

    Attributes
    ----------
    name : str
        Of the file.
    delimiter : str
    info : mapping
        What measured: program, version, settings, operator, date, suvpeak_definition,
        phantom; only what is filled in.
    rows : tuple of SheetRow
        The numbers.
    """

    name: str
    delimiter: str
    info: Mapping[str, str]
    rows: tuple[SheetRow, ...]


def asked_of(phantom: Phantom) -> dict[str, tuple[str, str]]:
    """Return what a sheet asks of who measured: name -> quantity and note."""
    asked = dict(_ASKED)
    if phantom.kind == "suv":
        asked["suvpeak_definition"] = ("definition of SUVpeak", f"one of: {', '.join(PEAKS)}")
    return asked


def sheet_text(phantom: Phantom) -> str:
    """Return the sheet of a phantom, to be filled in."""
    lines = [csv_line(COLUMNS)]
    lines.append(csv_line([PHANTOM_ITEM, "", "phantom", "", phantom.ident, "leave as it is"]))
    for name, (what, note) in asked_of(phantom).items():
        lines.append(csv_line([f"{INFO}{name}", "", what, "", "", note]))
    lines += [
        csv_line([item.name, item.region, item.what, item.unit, "", ""]) for item in phantom.items
    ]
    return "".join(lines)


def read_sheet(path: Path) -> Sheet:
    """Read a sheet as spreadsheets save it: commas, semicolons or tabs, with or without BOM.

    Parameters
    ----------
    path : Path

    Raises
    ------
    SheetError
        ``SHEET-INVALID`` where it is no such table.
    """
    text = _text(path)
    above = 0
    if text.startswith(_SEPARATOR_LINE):
        # Spreadsheets write a line that names the separator.
        above, text = 1, text.partition("\n")[2]
    delimiter = _delimiter(text, path.name)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        rows = [
            (reader.line_num + above, cells)
            for cells in reader
            if any(cell.strip() for cell in cells)
        ]
    except csv.Error as error:
        raise _invalid(f"no CSV: {error}", path.name) from error
    if len(rows) > MOST_ROWS:
        raise _invalid(f"{counted(len(rows), 'row')}, a sheet has at most {MOST_ROWS}", path.name)
    places = _places(rows[0][1], path.name)
    info: dict[str, str] = {}
    found: list[SheetRow] = []
    for row in _rows(rows[1:], places):
        if not row.item.startswith(INFO):
            found.append(row)
            continue
        name = row.item.removeprefix(INFO)
        if row.value and info.setdefault(name, row.value) != row.value:
            raise _invalid(f"{quoted(row.item)} stands twice", f"{path.name}:{row.line}")
    return Sheet(path.name, delimiter, info, tuple(found))


def _text(path: Path) -> str:
    if not path.is_file():
        raise SheetError(
            "SHEET-INVALID",
            f"no such file: {path}",
            hint="Name the sheet.csv that `biomarker phantom write` made, filled in.",
        )
    with path.open("rb") as stream:
        content = stream.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise _invalid(f"larger than {MOST_BYTES // 1_000_000} MB: it is no sheet", path.name)
    # The "Unicode text" of spreadsheets is UTF-16.
    is_wide = content[:2] in {b"\xff\xfe", b"\xfe\xff"}
    for encoding in ("utf-16",) if is_wide else ("utf-8-sig", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise _invalid("it is no text", path.name)


def _delimiter(text: str, where: str) -> str:
    """Return what separates the cells: what splits the first line into the columns."""
    first = next((line for line in text.splitlines() if line.strip(" ,;\t")), "")
    for delimiter in (",", ";", "\t"):
        cells = [cell.strip().strip('"') for cell in first.split(delimiter)]
        if set(_NEEDED) <= {cell.casefold() for cell in cells}:
            return delimiter
    raise _invalid(f"the first line is {quoted(first, 80)}", where)


def _places(header: list[str], where: str) -> dict[str, int]:
    names = [cell.strip().casefold() for cell in header]
    for name in COLUMNS:
        if names.count(name) > 1:
            raise _invalid(f"the column {name} stands twice", where)
    return {name: names.index(name) for name in COLUMNS if name in names}


def _rows(rows: list[tuple[int, list[str]]], places: Mapping[str, int]) -> Iterator[SheetRow]:
    for line, cells in rows:

        def cell(name: str, cells: list[str] = cells) -> str:
            place = places.get(name, len(cells))
            return unescape_cell(cells[place].strip()).strip() if place < len(cells) else ""

        yield SheetRow(line, cell("item"), cell("unit"), cell("value"))


def _invalid(problem: str, where: str) -> SheetError:
    return SheetError(
        "SHEET-INVALID",
        f"the file is no sheet of a phantom: {problem}",
        where=where,
        hint=f"Its first line names the columns {', '.join(COLUMNS)}; only `value` (and `unit`, "
        "where another one was used) is filled in.",
    )
