"""The measurements of a run with what their cases and features are, in one frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from biomarker_cli.tables.columns import Columns, Words, csv_columns, require_columns
from biomarker_cli.tables.errors import TableError
from biomarker_cli.tables.packaged import PackagedTable, read_package, required_table
from biomarker_cli.tables.schema import CASES, FEATURES, MEASUREMENTS

if TYPE_CHECKING:
    import pandas as pd

    from biomarker_cli.model.arrays import CountArray

OF_CASE = ("site_id", "subject_id", "timepoint", "modality")
OF_FEATURE = ("family", "aggregation", "ibsi_id")


def joined_measurements(folder: Path) -> pd.DataFrame:
    """Return each measurement with columns of its case and of its feature.

    Parameters
    ----------
    folder : Path
        Of a run or a pool.

    Returns
    -------
    DataFrame
        Text as categoricals; ``value`` as float64, NaN where it is empty.

    Raises
    ------
    TableError
        As `read_package` and `csv_columns` do; ``TABLE-CHANGED``; ``TABLE-VALUE`` where a
        measurement is of no case or feature of the run.
    """
    import pandas as pd

    package = read_package(folder)
    rows = _columns(package, MEASUREMENTS.name, ("value",))
    cases = _columns(package, CASES.name, ())
    features = _columns(package, FEATURES.name, ())
    path = folder / MEASUREMENTS.file_name
    case_of = _rows_of(rows, cases, CASES.key, path)
    feature_of = _rows_of(rows, features, FEATURES.key, path)
    role = Words.of([name.rpartition("/")[2] for name in rows.texts["case_id"].words])
    texts = {
        **rows.texts,
        **{name: cases.texts[name].taken(case_of) for name in OF_CASE},
        "role": role.taken(rows.texts["case_id"].codes),
        **{name: features.texts[name].taken(feature_of) for name in OF_FEATURE},
    }
    order = (*MEASUREMENTS.column_names, *OF_CASE[:3], "role", *OF_CASE[3:], *OF_FEATURE)
    return pd.DataFrame(
        {name: rows.numbers[name] if name == "value" else _category(texts[name]) for name in order}
    )


def _columns(package: Mapping[str, PackagedTable], name: str, numbers: Sequence[str]) -> Columns:
    table = required_table(package, name)
    found = csv_columns(table.path, numbers)
    wanted = {
        MEASUREMENTS.name: MEASUREMENTS.column_names,
        CASES.name: (*CASES.key, *OF_CASE),
        FEATURES.name: (*FEATURES.key, *OF_FEATURE),
    }[name]
    require_columns(table.path, wanted, {*found.texts, *found.numbers})
    return found


def _rows_of(rows: Columns, table: Columns, key: Sequence[str], path: Path) -> CountArray:
    """Return for each measurement the row of a table that its key names."""
    places = {name: place for place, name in enumerate(_named(table, key))}
    columns = [rows.texts[name] for name in key]
    codes = columns[0].codes.astype(np.int64)
    for column in columns[1:]:
        codes = codes * len(column.words) + column.codes
    _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
    found = [places.get(tuple(c[row] for c in columns), -1) for row in first]
    if -1 in found:
        row = int(first[found.index(-1)])
        raise TableError(
            "TABLE-VALUE",
            f"row {row + 1} is of nothing that the run has: "
            + " ".join(column[row] for column in columns),
            where=str(path),
            hint="Run the same `biomarker run` again, which writes the tables anew.",
        )
    return np.asarray(found, dtype=np.int32)[inverse]


def _named(table: Columns, key: Sequence[str]) -> list[tuple[str, ...]]:
    columns = [table.texts[name] for name in key]
    return [tuple(column[row] for column in columns) for row in range(len(table))]


def _category(column: Words) -> pd.Categorical:
    import pandas as pd

    # Sorted, and those that occur alone: what is grouped comes out in one order.
    used, codes = np.unique(column.codes, return_inverse=True)
    words = [column.words[code] for code in used]
    order = sorted(range(len(words)), key=words.__getitem__)
    rank = np.empty(len(words), dtype=np.int32)
    rank[order] = np.arange(len(words), dtype=np.int32)
    names = pd.Index([words[place] for place in order], dtype=object)
    return pd.Categorical.from_codes(rank[codes], categories=names)
