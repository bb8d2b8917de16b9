"""Small tables that a person hands in beside a protocol: their form, before their words."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from biomarker_cli.protocol.errors import ProtocolError
from biomarker_cli.protocol.yaml_source import read_text
from biomarker_cli.tables.cells import unescape_cell


@dataclass(frozen=True, slots=True)
class HandedIn:
    """What such a table is.

    Attributes
    ----------
    code : str
        Of the error for all that is wrong with one.
    columns : tuple of str
        All that may stand.
    required : tuple of str
        Those that must, with a text in every row.
    hint : str
    """

    code: str
    columns: tuple[str, ...]
    required: tuple[str, ...]
    hint: str

    def invalid(self, problem: str, where: str, hint: str = "") -> ProtocolError:
        """Return the error for what is wrong with a table."""
        return ProtocolError(self.code, problem, where=where, hint=hint or self.hint)

    def rows(self, path: Path) -> Iterator[tuple[str, dict[str, str]]]:
        """Yield file and line, and the cells of each row by column.

        Raises
        ------
        ProtocolError
            With `code`: no such file, no UTF-8, no CSV, columns that are missing,
            unknown or repeated, a row of another length, an empty cell.
        """
        try:
            reader = csv.DictReader(io.StringIO(read_text(path), newline=""))
            self._require_columns(reader.fieldnames or (), path.name)
            for row in reader:
                where = f"{path.name}:{reader.line_num}"
                if None in row:
                    raise self.invalid("the row has more cells than there are columns", where)
                cells = {name: unescape_cell(cell or "").strip() for name, cell in row.items()}
                for name in self.required:
                    if not cells[name]:
                        raise self.invalid(f"{name} is empty", where)
                yield where, cells
        except csv.Error as error:
            raise self.invalid(f"the file is no CSV table: {error}", path.name) from error
        except ProtocolError as error:
            if error.code == self.code:
                raise
            raise self.invalid(error.message, error.where or path.name, error.hint) from error

    def _require_columns(self, columns: Sequence[str], where: str) -> None:
        problems = [
            (word, names)
            for word, names in (
                ("missing", [name for name in self.required if name not in columns]),
                ("unknown", [name for name in columns if name not in self.columns]),
                ("repeated", sorted({name for name in columns if columns.count(name) > 1})),
            )
            if names
        ]
        if problems:
            told = "; ".join(f"columns are {word}: {', '.join(names)}" for word, names in problems)
            raise self.invalid(told, where)
