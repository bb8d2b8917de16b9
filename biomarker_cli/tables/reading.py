"""Read tables back, with the types of their schema."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from biomarker_cli.tables.cells import unescape_cell
from biomarker_cli.tables.columns import csv_columns, require_columns
from biomarker_cli.tables.schema import Table

if TYPE_CHECKING:
    import pandas as pd


def read_table(table: Table, folder: Path) -> pd.DataFrame:
    """Return a table as a data frame.

    Text stays text (an id such as ``001`` keeps its zeros) and empty text is
    empty, not missing; what `tables.cells` escaped is as it was. Numbers, whole ones
    as well, are float64 with NaN where they are empty.

    Raises
    ------
    TableError
        ``TABLE-COLUMNS``, and as `csv_columns` does.
    """
    path = folder / table.file_name
    is_number = {column.name: column.type in {"number", "integer"} for column in table.columns}
    frame = read_cells(path, [name for name, is_one in is_number.items() if is_one])
    for name in table.later:
        if name not in frame.columns:
            frame[name] = ""
    require_columns(path, table.column_names, frame.columns)
    return frame


def read_cells(path: Path, numbers: Sequence[str] = ()) -> pd.DataFrame:
    """Return any CSV file as a data frame of text; what `tables.cells` escaped is as it was.

    Parameters
    ----------
    path : Path
    numbers : sequence of str
        Columns that are float64 instead, where the file has them.

    Raises
    ------
    TableError
        As `csv_columns` does.
    """
    import pandas as pd

    columns = csv_columns(path, numbers)
    # As objects: pandas holds no byte that is no UTF-8 in its own type of text.
    texts = {
        name: pd.Series(np.array(column.words, dtype=object)[column.codes], dtype=object)
        for name, column in columns.texts.items()
    }
    return pd.DataFrame({**texts, **columns.numbers})


def parse_lines(table: Table, lines: str) -> list[dict[str, str]]:
    """Return the rows of finished lines of a table, as text."""
    names = table.column_names
    return [
        dict(zip(names, map(unescape_cell, cells), strict=True))
        for cells in csv.reader(io.StringIO(lines, newline=""))
    ]
