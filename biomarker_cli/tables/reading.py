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
    if not path.is_file():
        raise TableError(
            "TABLE-NOT-FOUND",
            f"no {table.file_name} in {folder}",
            hint="Name the folder that `biomarker run -o` wrote.",
        )
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    missing = [name for name in table.column_names if name not in frame.columns]
    if missing:
        raise TableError(
            "TABLE-COLUMNS", f"columns are missing: {', '.join(missing)}", where=str(path)
        )
    for name in frame.columns:
        if frame[name].str.startswith("'").any():
            # As objects: pandas holds no byte that is no UTF-8 in its own type of text.
            texts = [unescape_cell(cell) for cell in frame[name]]
            frame[name] = pd.Series(texts, index=frame.index, dtype=object)
    for column in table.columns:
        if column.type in {"number", "integer"}:
            frame[column.name] = pd.to_numeric(frame[column.name], errors="coerce")
    return frame


def parse_lines(table: Table, lines: str) -> list[dict[str, str]]:
    """Return the rows of finished lines of a table, as text."""
    names = table.column_names
    return [
        dict(zip(names, map(unescape_cell, cells), strict=True))
        for cells in csv.reader(io.StringIO(lines, newline=""))
    ]
