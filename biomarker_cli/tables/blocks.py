"""Read a table of a run as finished lines, one case at a time, to be copied as they are.

Lines are neither parsed nor formatted again: the millions of rows of a trial pass in the
memory of one case, and a number keeps every digit.
"""

from __future__ import annotations

import csv
import hashlib
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import repeat, takewhile
from typing import NamedTuple

from biomarker_cli.tables.cells import csv_line, unescape_cell
from biomarker_cli.tables.errors import TableError
from biomarker_cli.tables.packaged import PackagedTable

_BYTES_AT_ONCE = 1 << 20

_LONGEST_LINE = 1 << 24
"""Bytes between two line ends; no cell of a run is that long."""

_CELL = r'(?:"(?:[^"]|"")*"|[^",]*),'


class LineBlock(NamedTuple):
    """Lines that stand together, because their first cells are the same.

    Attributes
    ----------
    key : tuple of str
        The first cells, unescaped.
    lines : list of str
        Without their line ends.
    """

    key: tuple[str, ...]
    lines: list[str]


def line_blocks(table: PackagedTable, n_lead: int) -> Iterator[LineBlock]:
    """Yield the lines of a table by their first cells, in the order of the file.

    Parameters
    ----------
    table : PackagedTable
    n_lead : int
        How many cells lead a block.

    Raises
    ------
    TableError
        ``TABLE-COLUMNS``, ``TABLE-UNREADABLE``; ``TABLE-VALUE`` where blocks are not in
        their order; ``TABLE-CHANGED`` at the end, where what was read is not what the
        package says.
    """
    lead = re.compile(_CELL * n_lead)
    block, prefix, number = LineBlock((), []), "", 0
    for rows in _batches(table):
        place = 0
        while place < len(rows):
            end = _end_of(prefix, rows, place) if prefix else place
            block.lines.extend(rows[place:end])
            place = end
            if place == len(rows):
                break
            found = lead.match(rows[place])
            if found is None:
                raise table.bad_row(number + place + 1, "it has no key")
            key = tuple(map(unescape_cell, cells_of(found[0][:-1])))
            if prefix:
                if key <= block.key:
                    raise table.bad_row(number + place + 1, "it is not in its place")
                yield block
            prefix, block = found[0], LineBlock(key, [])
        number += len(rows)
    if prefix:
        yield block


def _end_of(prefix: str, rows: list[str], place: int) -> int:
    """Return where the rows that begin alike end; a loop in Python would take longest here."""
    if rows[-1].startswith(prefix):
        end = len(rows)
    else:
        end = bisect_left(rows, True, lo=place, key=lambda row: not row.startswith(prefix))
    if all(map(str.startswith, rows[place:end], repeat(prefix))):
        return end
    # A table that is not sorted.
    alike = takewhile(lambda row: row.startswith(prefix), rows[place:])
    return place + sum(1 for _ in alike)


def cells_of(line: str) -> list[str]:
    """Return the cells of one finished line, as CSV escapes them."""
    if '"' not in line:
        return line.split(",")
    return next(csv.reader([line], strict=True))


def _batches(table: PackagedTable) -> Iterator[list[str]]:
    """Yield the rows as text, many at a time, without the header."""
    header = csv_line(table.column_names)[:-1]
    try:
        for rows in _whole_rows(_physical_lines(table)):
            if not header:
                yield rows
                continue
            if rows[0] != header:
                raise TableError(
                    "TABLE-COLUMNS",
                    f"the columns of {table.path.name} are not those of its data package",
                    where=str(table.path),
                    hint="Run the same `biomarker run` again, which writes the tables anew.",
                )
            header = ""
            yield rows[1:]
    except (UnicodeDecodeError, csv.Error) as error:
        raise TableError("TABLE-UNREADABLE", str(error), where=str(table.path)) from error


def _whole_rows(texts: Iterable[str]) -> Iterator[list[str]]:
    """Yield rows, of several lines where a quoted cell holds a line end."""
    open_row: list[str] = []
    size = 0
    for text in texts:
        if not open_row and '"' not in text:
            yield text.split("\n")
            continue
        rows = []
        for line in text.split("\n"):
            open_row.append(line)
            size += len(line)
            # The first line of a row is closed by an even number of quotes, its last by an odd.
            is_closed = line.count('"') % 2 == (len(open_row) > 1)
            if is_closed:
                rows.append("\n".join(open_row))
                open_row, size = [], 0
            elif size > _LONGEST_LINE:
                raise csv.Error("a quoted cell has no end")
        if rows:
            yield rows
    if open_row:
        raise csv.Error("a quoted cell has no end")


def _physical_lines(table: PackagedTable) -> Iterator[str]:
    """Yield whole lines, many at a time, and refuse at the end what was edited."""
    if not table.path.is_file():
        table.require_unchanged()
    digest = hashlib.sha256()
    rest = b""
    with table.path.open("rb") as stream:
        while chunk := stream.read(_BYTES_AT_ONCE):
            digest.update(chunk)
            text = rest + chunk
            end = text.rfind(b"\n") + 1
            rest = text[end:]
            if len(rest) > _LONGEST_LINE:
                raise csv.Error(f"a line is longer than {_LONGEST_LINE} bytes")
            if end:
                yield text[: end - 1].decode()
    if rest or digest.hexdigest() != table.sha256:
        raise table.changed()
