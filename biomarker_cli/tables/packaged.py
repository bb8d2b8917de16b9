"""Read the tables of a run as its data package describes them, and as the run wrote them.

What is exported stands elsewhere under the name of the run: a table that is not what
``datapackage.json`` says, byte by byte, is refused.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

from biomarker_cli.model.inputs import sha256_of_file
from biomarker_cli.model.wording import quoted
from biomarker_cli.tables.cells import unescape_cell
from biomarker_cli.tables.columns import require_columns
from biomarker_cli.tables.errors import TableError
from biomarker_cli.tables.package import DATA_PACKAGE
from biomarker_cli.tables.rows import Column, FieldType

_NAME = re.compile(r"[a-z][a-z_]*")
_COLUMN = re.compile(r"[a-z][a-z0-9_]*")
_MOST_BYTES = 10_000_000
# The limit of the csv module belongs to the process: another library may have lifted it.
_LONGEST_CELL = 131_072
_ANEW = "Run the same `biomarker run` again, which writes the tables anew."


@dataclass(frozen=True)
class PackagedTable:
    """A table of a run.

    Attributes
    ----------
    name : str
    path : Path
    columns : tuple of Column
    key : tuple of str
        Columns that identify a row.
    sha256 : str
        What the package says of the content.
    """

    name: str
    path: Path
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    sha256: str

    @property
    def column_names(self) -> tuple[str, ...]:
        """Names in the order of the file."""
        return tuple(column.name for column in self.columns)

    def require_unchanged(self) -> None:
        """Refuse a file that is not the one that the run wrote.

        Raises
        ------
        TableError
            ``TABLE-NOT-FOUND``, ``TABLE-CHANGED``.
        """
        if not self.path.is_file():
            raise TableError("TABLE-NOT-FOUND", f"no such table: {self.path}", hint=_ANEW)
        if sha256_of_file(self.path) != self.sha256:
            raise self.changed()

    def changed(self) -> TableError:
        """Return the error of a file that is not the one that the run wrote."""
        return TableError(
            "TABLE-CHANGED",
            f"{self.path.name} is not what {DATA_PACKAGE} says: it was edited or cut",
            where=str(self.path),
            hint=_ANEW,
        )

    def rows(self) -> Iterator[list[str]]:
        """Yield the cells of each row as text, unescaped.

        Raises
        ------
        TableError
            ``TABLE-COLUMNS``, ``TABLE-UNREADABLE``.
        """
        n_columns = len(self.columns)
        try:
            with self.path.open(encoding="utf-8", newline="") as stream:
                lines = csv.reader(stream, strict=True)
                if tuple(next(lines, ())) != self.column_names:
                    raise TableError(
                        "TABLE-COLUMNS",
                        f"the columns are not those of {DATA_PACKAGE}",
                        where=str(self.path),
                        hint=_ANEW,
                    )
                for number, cells in enumerate(lines, start=1):
                    text = "".join(cells)
                    if len(text) > _LONGEST_CELL:
                        _require_short(cells)
                    if len(cells) != n_columns:
                        raise self.bad_row(number, f"it has {len(cells)} cells")
                    # Hardly a cell is escaped.
                    yield list(map(unescape_cell, cells)) if "'" in text else cells
        except (UnicodeDecodeError, csv.Error) as error:
            raise TableError("TABLE-UNREADABLE", str(error), where=str(self.path)) from error

    def named_rows(self) -> Iterator[dict[str, str]]:
        """Yield each row as text by column; see `rows`."""
        names = self.column_names
        for cells in self.rows():
            yield dict(zip(names, cells, strict=True))

    def bad_row(self, number: int, found: str) -> TableError:
        """Return the error of a row that the run cannot have written, counted from 1."""
        return TableError(
            "TABLE-VALUE",
            f"the row cannot be one of a run: {found}",
            where=f"{self.path}, row {number}",
            hint=_ANEW,
        )


def _require_short(cells: list[str]) -> None:
    if max(map(len, cells)) > _LONGEST_CELL:
        raise csv.Error(f"field larger than field limit ({_LONGEST_CELL})")


def required_table(
    tables: Mapping[str, PackagedTable], name: str, *columns: str, hint: str = ""
) -> PackagedTable:
    """Return a table of a package that has some columns, as the package says it is.

    Parameters
    ----------
    tables : mapping
        As `read_package` gives them.
    name : str
    columns : str
        That it must have.
    hint : str
        What to do where there is no such table; empty for the names of those there are.

    Raises
    ------
    TableError
        ``TABLE-NOT-FOUND``, ``TABLE-COLUMNS``, ``TABLE-CHANGED``.
    """
    if name not in tables:
        raise TableError(
            "TABLE-NOT-FOUND",
            f"the data package has no table {name}",
            where=next((str(table.path.parent) for table in tables.values()), ""),
            hint=hint or f"It has {', '.join(sorted(tables)) or 'none'}.",
        )
    table = tables[name]
    require_columns(table.path, columns, table.column_names, hint=_ANEW)
    table.require_unchanged()
    return table


def read_package(folder: Path) -> dict[str, PackagedTable]:
    """Return the tables of a run by name.

    Raises
    ------
    TableError
        ``TABLE-NOT-FOUND``, ``TABLE-PACKAGE``.
    """
    path = folder / DATA_PACKAGE
    if not path.is_file():
        raise TableError(
            "TABLE-NOT-FOUND",
            f"no {DATA_PACKAGE} in {folder}",
            hint="Name the folder that `biomarker run -o` wrote.",
        )
    try:
        with path.open("rb") as stream:
            content = stream.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise ValueError(f"it is larger than {_MOST_BYTES} bytes")  # noqa: TRY301
        tables = [_table(one, folder) for one in json.loads(content)["resources"]]
        if len({table.name for table in tables}) < len(tables):
            raise ValueError("a table stands twice")  # noqa: TRY301
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        why = "it is too deep" if isinstance(error, RecursionError) else quoted(error)
        raise TableError(
            "TABLE-PACKAGE",
            f"the data package cannot be used: {why}",
            where=str(path),
            hint=f"It was edited or cut. {_ANEW}",
        ) from error
    return {table.name: table for table in tables}


def _table(resource: dict[str, Any], folder: Path) -> PackagedTable:
    name, schema = resource["name"], resource["schema"]
    if not _NAME.fullmatch(name) or resource["path"] != f"{name}.csv":
        # A path of somebody else's package may lead anywhere.
        raise ValueError("a table has another name than its file")
    columns = tuple(_column(one) for one in schema["fields"])
    names = [column.name for column in columns]
    if any(one == other for one, other in pairwise(sorted(names))):
        raise ValueError("a column stands twice")
    key = tuple(schema["primaryKey"])
    if not key or not set(key) <= set(names):
        raise ValueError("a key names no column")
    sha256 = resource["hash"].removeprefix("sha256:")
    return PackagedTable(name, folder / f"{name}.csv", columns, key, sha256)


def _column(field: dict[str, Any]) -> Column:
    name, kind = field["name"], field["type"]
    if not _COLUMN.fullmatch(name):
        raise ValueError("a column has a name that none of ours has")
    if kind not in get_args(FieldType):
        raise ValueError("a column has a type that none of ours has")
    return Column(name, kind, str(field["description"]))
