"""Read a large table by columns: texts as codes, numbers as float64.

A million rows of text are a few hundred different words; kept once each, two tables of
a large trial stand in memory beside each other.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from biomarker_cli.model.arrays import AnyArray, CountArray, FloatArray
from biomarker_cli.tables.cells import unescape_cell
from biomarker_cli.tables.errors import TableError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Words:
    """A column of text.

    Attributes
    ----------
    words : tuple of str
        Each different text once.
    codes : ndarray of int32, shape (rows,)
        Which of them a row has.
    """

    words: tuple[str, ...]
    codes: CountArray

    @classmethod
    def of(cls, texts: Sequence[str]) -> Words:
        """Return a column of the given texts."""
        index: dict[str, int] = {}
        codes = [index.setdefault(text, len(index)) for text in texts]
        return cls(tuple(index), np.asarray(codes, dtype=np.int32))

    def __getitem__(self, row: int) -> str:
        return self.words[int(self.codes[row])]

    def __len__(self) -> int:
        return len(self.codes)

    def taken(self, rows: AnyArray) -> Words:
        """Return the column with some rows only, chosen by places or by a mask."""
        return Words(self.words, self.codes[rows])


@dataclass(frozen=True)
class Columns:
    """Columns of one table.

    Attributes
    ----------
    texts : mapping of str to Words
        Those that the table has of the ones asked for.
    numbers : mapping of str to ndarray of float64
        NaN where a cell is empty.
    """

    texts: Mapping[str, Words]
    numbers: Mapping[str, FloatArray]

    def __len__(self) -> int:
        return len(next(iter(self.texts.values())))

    def taken(self, rows: AnyArray) -> Columns:
        """Return some rows only, chosen by places or by a mask."""
        return Columns(
            {name: column.taken(rows) for name, column in self.texts.items()},
            {name: column[rows] for name, column in self.numbers.items()},
        )


def read_columns(
    path: Path, required: Sequence[str], optional: Sequence[str], numbers: Sequence[str]
) -> Columns:
    """Return columns of a CSV or Parquet file.

    Parameters
    ----------
    path : Path
        A name that ends in ``.parquet`` is Parquet, another one CSV.
    required, optional : sequence of str
        Columns of text.
    numbers : sequence of str
        Columns of numbers; all are required.

    Raises
    ------
    TableError
        ``TABLE-NOT-FOUND``, ``TABLE-COLUMNS``, ``TABLE-VALUE``, ``TABLE-PARQUET``.
    """
    if not path.is_file():
        raise TableError("TABLE-NOT-FOUND", f"no such table: {path}")
    is_parquet = path.suffix == ".parquet"
    there = _parquet_names(path) if is_parquet else _csv_names(path)
    missing = [name for name in (*required, *numbers) if name not in there]
    if missing:
        raise TableError(
            "TABLE-COLUMNS", f"columns are missing: {', '.join(missing)}", where=str(path)
        )
    texts = [*required, *(name for name in optional if name in there)]
    frame = (_parquet_frame if is_parquet else _csv_frame)(path, texts, numbers)
    return Columns(
        {name: _words(frame[name], escaped=not is_parquet) for name in texts},
        {name: frame[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in numbers},
    )


def _csv_names(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as stream:
        return next(csv.reader(stream), [])


def _csv_frame(path: Path, texts: Sequence[str], numbers: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    try:
        frame: pd.DataFrame = pd.read_csv(
            path,
            # Of chosen columns pandas would not see that a line has too many cells.
            dtype=dict.fromkeys(_csv_names(path), "category") | dict.fromkeys(numbers, "float64"),
            # An id such as NA is text; of a number an empty cell alone is absent.
            keep_default_na=False,
            na_values={name: [""] for name in numbers},
            **_exact(pd.__version__),
        )
    except ValueError as error:
        raise TableError(
            "TABLE-VALUE", f"a line cannot be read: {error}", where=str(path)
        ) from error
    if not isinstance(frame.index, pd.RangeIndex):
        # pandas takes the first cells of such lines for names of the rows.
        raise TableError(
            "TABLE-VALUE", "the lines have more cells than the header", where=str(path)
        )
    for name in numbers:
        if np.isinf(frame[name].to_numpy()).any():
            raise TableError("TABLE-VALUE", f"{name}: a number is not finite", where=str(path))
    return frame[[*texts, *numbers]]


def _exact(version: str) -> dict[str, Any]:
    """Return what makes pandas read a number to the last bit; since 3.1 it always does."""
    major, minor = (int(part) for part in version.split(".")[:2])
    return {} if (major, minor) >= (3, 1) else {"float_precision": "round_trip"}


def _parquet_names(path: Path) -> list[str]:
    if find_spec("pyarrow") is None:
        raise TableError(
            "TABLE-PARQUET",
            "reading Parquet needs pyarrow, which is not installed",
            where=str(path),
            hint="pip install 'biomarker-cli[parquet]', or name a .csv file.",
        )
    from pyarrow import ArrowException, parquet

    try:
        return list(parquet.read_schema(path).names)
    except (ArrowException, OSError) as error:
        raise TableError("TABLE-PARQUET", f"no Parquet: {error}", where=str(path)) from error


def _parquet_frame(path: Path, texts: Sequence[str], numbers: Sequence[str]) -> pd.DataFrame:
    from pyarrow import ArrowException, parquet

    try:
        found = parquet.read_table(path, columns=[*texts, *numbers], read_dictionary=list(texts))
        frame: pd.DataFrame = found.to_pandas()
        for name in numbers:
            frame[name] = frame[name].astype("float64")
    except (ArrowException, OSError, ValueError, TypeError) as error:
        raise TableError("TABLE-VALUE", f"not readable: {error}", where=str(path)) from error
    return frame


def _words(column: Any, *, escaped: bool) -> Words:
    kept = column.astype("category").cat
    words = [str(word) for word in kept.categories]
    codes = kept.codes.to_numpy(dtype=np.int32)
    if escaped:
        words = [unescape_cell(word) for word in words]
    if (codes < 0).any():  # a null of Parquet is an empty text
        words.append("")
        codes = np.where(codes < 0, len(words) - 1, codes).astype(np.int32)
    return Words(tuple(words), codes)
