"""Write tables: sorted rows, one float format, the same bytes every time."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from operator import attrgetter
from pathlib import Path
from typing import Any

from biomarker_cli.model.outputs import replace_file, whole_file
from biomarker_cli.tables.cells import csv_line, format_value
from biomarker_cli.tables.schema import Table


def write_table(table: Table, rows: Iterable[Mapping[str, Any]], folder: Path) -> Path:
    """Write the CSV file of a table, sorted by its key, and return its path.

    Parameters
    ----------
    table : Table
    rows : iterable of mapping
        Column name to value; a column that is absent stays empty.
    folder : Path
        Must exist.

    Raises
    ------
    ValueError
        For a row with an unknown column, or two rows with one key.
    """
    return write_lines(table, [table_lines(table, rows)], folder)


def table_lines(table: Table, rows: Iterable[Mapping[str, Any]]) -> str:
    """Return the lines of a table, sorted by its key, without its header.

    Raises
    ------
    ValueError
        As `write_table` does.
    """
    return sorted_lines(table, mapping_cells(table, rows))


def row_lines(table: Table, rows: Iterable[Any]) -> str:
    """Return the lines of a table from its typed rows, sorted by its key.

    Parameters
    ----------
    table : Table
    rows : iterable
        Of the class whose fields are the columns of the table.

    Raises
    ------
    ValueError
        As `write_table` does.
    """
    return sorted_lines(table, row_cells(table, rows))


def row_cells(table: Table, rows: Iterable[Any]) -> list[list[str]]:
    """Return the cells of typed rows, not yet as CSV escapes them."""
    values_of = attrgetter(*table.column_names)
    return [[format_value(value) for value in values_of(row)] for row in rows]


def mapping_cells(table: Table, rows: Iterable[Mapping[str, Any]]) -> list[list[str]]:
    """Return the cells of rows by column name; a column that is absent stays empty.

    Raises
    ------
    ValueError
        For a row with an unknown column.
    """
    places = {name: place for place, name in enumerate(table.column_names)}
    empty = [""] * len(places)
    found = []
    for row in rows:
        cells = empty.copy()
        for name, value in row.items():
            place = places.get(name)
            if place is None:
                raise ValueError(f"{table.name} has no column {sorted(row.keys() - places.keys())}")
            # Most are text: a call for each would take a third of the time.
            cells[place] = value if type(value) is str else format_value(value)
        found.append(cells)
    return found


def sorted_lines(table: Table, cells: list[list[str]]) -> str:
    """Return lines of CSV, sorted by the key of the table.

    Raises
    ------
    ValueError
        For two rows with one key.
    """
    names = table.column_names
    places = [names.index(column) for column in table.key]
    cells = sorted(cells, key=lambda line: [line[place] for place in places])
    _require_unique(table, cells, places)
    return "".join(map(csv_line, cells))


def write_lines(table: Table, blocks: Iterable[str], folder: Path) -> Path:
    """Write the CSV file of a table from finished lines, and return its path.

    The file appears whole or not at all.

    Parameters
    ----------
    table : Table
    blocks : iterable of str
        Lines as `table_lines` gives them; in the order of the key.
    folder : Path
        Must exist.
    """
    with table_file(table, folder) as write:
        for block in blocks:
            write(block)
    return folder / table.file_name


@contextmanager
def table_file(table: Table, folder: Path) -> Iterator[Callable[[str], None]]:
    """Yield a function that takes finished lines; the file has them when the block ends.

    Parameters
    ----------
    table : Table
    folder : Path
        Must exist.
    """
    with whole_file(folder / table.file_name) as stream:
        stream.write(csv_line(table.column_names).encode())

        def write(lines: str) -> None:
            stream.write(lines.encode())

        yield write


def write_json(content: Any, path: Path) -> Path:
    """Write JSON beside the tables, whole or not at all, and return its path."""
    replace_file(path, (json.dumps(content, indent=2) + "\n").encode())
    return path


def _require_unique(table: Table, lines: list[list[str]], places: list[int]) -> None:
    previous: list[str] | None = None
    for line in lines:
        key = [line[place] for place in places]
        if key == previous:
            raise ValueError(f"two rows of {table.name} have the key {key}")
        previous = key
