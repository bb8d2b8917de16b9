"""Names of columns that are made of data, and the file of units beside such a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from biomarker_cli.model.wording import quoted, shown
from biomarker_cli.tables.cells import csv_line
from biomarker_cli.tables.errors import TableError


def units_path(output: Path) -> Path:
    """Return the file of units beside a table: ``wide.units.csv`` beside ``wide.csv``."""
    return output.with_name(f"{output.stem}.units.csv")


def require_heads(names: Sequence[str], folder: Path) -> None:
    """Refuse names of columns that do not tell one column from another.

    Parameters
    ----------
    names : sequence of str
        Of all columns.
    folder : Path
        Of the run whose words they are made of.

    Raises
    ------
    TableError
        ``TABLE-HEADS`` where two columns have one name, or a name has a character that
        nobody sees: a line end, an escape sequence, a bidi override.
    """
    hidden = [name for name in names if shown(name) != name]
    twice = [name for name, n in Counter(names).items() if n > 1]
    if not hidden and not twice:
        return
    said = "has a character without a glyph" if hidden else "would stand twice"
    raise TableError(
        "TABLE-HEADS",
        f"the name of a column, {quoted((hidden or twice)[0])}, {said}",
        where=str(folder),
        hint="Choose other analyses, or other roles, or correct the id in the source of the run.",
    )


def write_heads(
    table: IO[bytes], units: IO[bytes], names: Sequence[str], said: Sequence[str]
) -> None:
    """Write the names of the columns to a table and to its file of units, and the units.

    Parameters
    ----------
    table, units : binary stream
    names : sequence of str
        Of all columns.
    said : sequence of str
        Units of the last columns; those before them have none.
    """
    head = csv_line(names).encode()
    table.write(head)
    units.write(head)
    units.write(csv_line([*[""] * (len(names) - len(said)), *said]).encode())
