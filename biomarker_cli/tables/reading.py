"""Read tables back, with the types of their schema."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

from biomarker_cli.tables.cells import unescape_cell
from biomarker_cli.tables.errors import TableError
from biomarker_cli.tables.schema import Table

if TYPE_CHECKING:
    import pandas as pd


def read_table(table: Table, folder: Path) -> pd.DataFrame:
    """Return a table as a data frame.

    Text stays text (an id such as ``001`` keeps its zeros) and empty text is
    empty, not missing; what `tables.cells` escaped is as it was. Numbers are
    float64 with NaN where they are empty.

    Raises
    ------
    TableError
        ``TABLE-NOT-FOUND``, ``TABLE-COLUMNS``.
    """
    import pandas as pd

    path = folder / table.file_name
    frame = read_cells(path)
    for name in table.later:
        if name not in frame.columns:
            frame[name] = ""
    missing = [name for name in table.column_names if name not in frame.columns]
    if missing:
        raise TableError(
            "TABLE-COLUMNS", f"columns are missing: {', '.join(missing)}", where=str(path)
        )
    for column in table.columns:
        if column.type in {"number", "integer"}:
            frame[column.name] = pd.to_numeric(frame[column.name], errors="coerce")
    return frame


def read_cells(path: Path) -> pd.DataFrame:
    """Return any CSV file as a data frame of text; what `tables.cells` escaped is as it was.

    Raises
    ------
    TableError
        ``TABLE-NOT-FOUND``, or ``TABLE-UNREADABLE`` where it is no CSV with a header.
    """
    import pandas as pd

    if not path.is_file():
        raise TableError(
            "TABLE-NOT-FOUND",
            f"no {path.name} in {path.parent}",
            hint="Name the folder that `biomarker run -o` wrote.",
        )
    try:
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise TableError(
            "TABLE-UNREADABLE", f"expected CSV with a header: {error}", where=str(path)
        ) from error
    for name in frame.columns:
        if frame[name].str.startswith("'").any():
            # As objects: pandas holds no byte that is no UTF-8 in its own type of text.
            texts = [unescape_cell(cell) for cell in frame[name]]
            frame[name] = pd.Series(texts, index=frame.index, dtype=object)
    return frame


def parse_lines(table: Table, lines: str) -> list[dict[str, str]]:
    """Return the rows of finished lines of a table, as text."""
    names = table.column_names
    return [
        dict(zip(names, map(unescape_cell, cells), strict=True))
        for cells in csv.reader(io.StringIO(lines, newline=""))
    ]
