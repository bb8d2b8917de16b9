"""Read a large table by columns: texts as codes, numbers as float64.

A million rows of text are a few hundred different words; kept once each, two tables of
a large trial stand in memory beside each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from biomarker_cli.model.arrays import AnyArray, CountArray, FloatArray
from biomarker_cli.model.wording import quoted
from biomarker_cli.tables.cells import is_finite_number, unescape_cell
from biomarker_cli.tables.errors import TableError

if TYPE_CHECKING:
    import pandas as pd

_ROWS_AT_ONCE = 100_000
"""Whose texts stand in memory before each is a code."""


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
        ``TABLE-COLUMNS``, ``TABLE-PARQUET``, and as `csv_columns` does.
    """
    if path.suffix == ".parquet" and path.is_file():
        return _parquet_columns(path, required, optional, numbers)
    whole = csv_columns(path, numbers)
    require_columns(path, required, whole.texts)
    require_columns(path, numbers, whole.numbers)
    kept = {*required, *optional}
    return Columns({n: column for n, column in whole.texts.items() if n in kept}, whole.numbers)


def require_columns(
    path: Path, required: Iterable[str], there: Collection[str], hint: str = ""
) -> None:
    """Refuse a table that lacks columns.

    Raises
    ------
    TableError
        ``TABLE-COLUMNS``.
    """
    missing = [name for name in required if name not in there]
    if missing:
        raise TableError(
            "TABLE-COLUMNS",
            f"columns are missing: {', '.join(missing)}",
            where=str(path),
            hint=hint,
        )


_MISSPELT = 0.85
"""Likeness of two names, by their letters and digits alone, from which one may be the other."""


def refuse_misspelt(path: Path, optional: Iterable[str], there: Collection[str]) -> None:
    """Refuse a table with a column that may be meant for one that may be left out.

    A column that is not read is no mistake; ``deathdate`` in place of ``death_date`` is
    one that nobody would notice.

    Raises
    ------
    TableError
        ``TABLE-COLUMNS``.
    """
    optional = list(optional)
    others = [name for name in there if name not in optional]
    for wanted in (name for name in optional if name not in there):
        for name in others:
            if SequenceMatcher(None, _plain(name), _plain(wanted)).ratio() >= _MISSPELT:
                raise TableError(
                    "TABLE-COLUMNS",
                    f"the column {quoted(name, 60)} is not read; {wanted} is",
                    where=str(path),
                    hint=f"Call it {wanted}, or by a name that is less like it.",
                )


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name.casefold()))


def _require_once(path: Path, names: Iterable[object]) -> None:
    """Refuse a header with one name twice: which of both columns is meant, nobody said."""
    counts = Counter(name for name in names if isinstance(name, str) and name)
    twice = [name for name, n in counts.items() if n > 1]
    if twice:
        listed = ", ".join(map(quoted, twice))
        raise TableError("TABLE-COLUMNS", f"columns stand twice: {listed}", where=str(path))


def csv_columns(path: Path, numbers: Sequence[str] = ()) -> Columns:
    """Return every column of a CSV file.

    Parameters
    ----------
    path : Path
    numbers : sequence of str
        Columns that are numbers where the file has them, to the last bit; others are text.

    Raises
    ------
    TableError
        ``TABLE-NOT-FOUND``; ``TABLE-UNREADABLE`` where it is no CSV with a header;
        ``TABLE-COLUMNS`` where a column stands twice;
        ``TABLE-VALUE`` for text, NaN or infinity among numbers.
    """
    import pandas as pd

    if not path.is_file():
        raise TableError(
            "TABLE-NOT-FOUND",
            f"no {path.name} in {path.parent}",
            hint="Name the folder that `biomarker run -o` wrote.",
        )
    try:
        # By its name alone pandas would unpack a file, to whatever size.
        how: dict[str, Any] = {"encoding": "utf-8-sig", "compression": None}
        as_text: dict[str, Any] = {"header": None, "dtype": str, "keep_default_na": False}
        # As a header pandas would call the second of two value.1, and take the first.
        _require_once(path, pd.read_csv(path, nrows=1, **as_text, **how).iloc[0])
        names = list(pd.read_csv(path, nrows=0, **how).columns)
        with pd.read_csv(
            path,
            # Not as categories: pandas makes numbers of ids such as 001 then.
            dtype=dict.fromkeys(names, object) | dict.fromkeys(numbers, "float64"),
            # An id such as NA is text; of a number an empty cell alone is absent.
            keep_default_na=False,
            na_values={name: [""] for name in numbers},
            chunksize=_ROWS_AT_ONCE,
            **how,
            **_exact(pd.__version__),
        ) as parts:
            return _gathered(parts, names, frozenset(numbers))
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise TableError(
            "TABLE-UNREADABLE", f"expected CSV with a header: {error}", where=str(path)
        ) from error
    except ValueError as error:
        raise _no_number(path, numbers) from error


def _exact(version: str) -> dict[str, Any]:
    """Return what makes pandas read a number to the last bit; since 3.1 it always does."""
    major, minor = (int(part) for part in version.split(".")[:2])
    return {} if (major, minor) >= (3, 1) else {"float_precision": "round_trip"}


def _gathered(
    parts: Iterable[pd.DataFrame], names: Sequence[str], numbers: frozenset[str]
) -> Columns:
    """Return columns of parts of a file; ValueError where a number is not finite."""
    import pandas as pd

    words: dict[str, dict[str, int]] = {name: {} for name in names if name not in numbers}
    codes = {name: [np.zeros(0, dtype=np.int32)] for name in words}
    values = {name: [np.zeros(0)] for name in names if name in numbers}
    for part in parts:
        if not isinstance(part.index, pd.RangeIndex):
            # pandas takes the first cells of such lines for names of the rows.
            raise pd.errors.ParserError("the lines have more cells than the header")
        for name, known in words.items():
            found, cells = pd.factorize(part[name].to_numpy())
            places = [known.setdefault(unescape_cell(cell), len(known)) for cell in cells]
            codes[name].append(np.asarray(places, dtype=np.int32)[found])
        for name, kept in values.items():
            kept.append(part[name].to_numpy())
            if np.isinf(kept[-1]).any():
                raise ValueError(name)
    return Columns(
        {name: Words(tuple(known), np.concatenate(codes[name])) for name, known in words.items()},
        {name: np.concatenate(kept) for name, kept in values.items()},
    )


def _no_number(path: Path, numbers: Sequence[str]) -> TableError:
    """Return the error of the first cell that is no number."""
    cells = csv_columns(path).texts
    lines = (
        (row + 2, column[row])
        for column in map(cells.get, numbers)
        if column is not None
        for row in range(len(column))
        if column[row] and not is_finite_number(column[row])
    )
    line, cell = next(lines, (0, "another thing"))
    return bad_value(path, line, quoted(cell))


def bad_value(path: Path, line: int, found: str) -> TableError:
    """Return the error of a cell that holds no number."""
    return TableError(
        "TABLE-VALUE",
        f"expected a number, or nothing where there is none, found {found}",
        where=f"{path}, line {line}",
        hint="Write an absent value as an empty cell.",
    )


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


def _parquet_columns(
    path: Path, required: Sequence[str], optional: Sequence[str], numbers: Sequence[str]
) -> Columns:
    there = _parquet_names(path)
    _require_once(path, there)
    require_columns(path, [*required, *numbers], there)
    texts = [*required, *(name for name in optional if name in there)]
    from pyarrow import ArrowException, parquet

    try:
        found = parquet.read_table(path, columns=[*texts, *numbers], read_dictionary=texts)
        frame: pd.DataFrame = found.to_pandas()
        kept: dict[str, FloatArray] = {
            name: frame[name].to_numpy(dtype=np.float64, na_value=np.nan) for name in numbers
        }
    except (ArrowException, OSError, ValueError, TypeError) as error:
        raise TableError("TABLE-VALUE", f"not readable: {error}", where=str(path)) from error
    return Columns({name: _words(frame[name]) for name in texts}, kept)


def _words(column: Any) -> Words:
    kept = column.astype("category").cat
    words = [str(word) for word in kept.categories]
    codes = kept.codes.to_numpy(dtype=np.int32)
    if (codes < 0).any():  # a null is an empty text
        words.append("")
        codes = np.where(codes < 0, len(words) - 1, codes).astype(np.int32)
    return Words(tuple(words), codes)
