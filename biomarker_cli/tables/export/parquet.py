"""The tables of a run as Parquet: the same columns, with their types.

Text is the text itself, not as CSV escapes it; an absent number or truth value is null.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from biomarker_cli.model.errors import ConfigurationError
from biomarker_cli.model.outputs import whole_file
from biomarker_cli.model.wording import valid_unicode
from biomarker_cli.tables.cells import unescape_cell
from biomarker_cli.tables.errors import TableError
from biomarker_cli.tables.packaged import PackagedTable

_BLOCK_BYTES = 1_000_000
"""Bytes of CSV that are read at a time; the library reads some dozen blocks ahead."""

_GROUP_ROWS = 100_000
"""Rows of a row group, or some more."""


def require_pyarrow() -> None:
    """Refuse to go on without pyarrow.

    Raises
    ------
    ConfigurationError
        ``OUTPUT-NO-PARQUET``.
    """
    if find_spec("pyarrow") is None:
        raise ConfigurationError(
            "OUTPUT-NO-PARQUET",
            "writing Parquet needs pyarrow, which is not installed",
            hint="pip install 'biomarker-cli[parquet]'",
        )


def parquet_path(table: PackagedTable, folder: Path) -> Path:
    """Return the file that a table becomes in a folder."""
    return folder / f"{table.name}.parquet"


def export_parquet(table: PackagedTable, folder: Path) -> int:
    """Write a table as Parquet and return its number of rows.

    Parameters
    ----------
    table : PackagedTable
    folder : Path
        Must exist; a file of the name is replaced.

    Raises
    ------
    TableError
        ``TABLE-NOT-FOUND``, ``TABLE-CHANGED``, ``TABLE-VALUE``.
    """
    from pyarrow import Table, parquet

    table.require_unchanged()
    schema = _schema(table)
    n_rows = 0
    with (
        whole_file(parquet_path(table, folder)) as stream,
        parquet.ParquetWriter(stream, schema) as writer,
    ):
        for group in _groups(_batches(table, schema)):
            writer.write_table(Table.from_batches(group, schema))
            n_rows += sum(batch.num_rows for batch in group)
    return n_rows


def _groups(batches: Iterable[Any]) -> Iterator[list[Any]]:
    group: list[Any] = []
    for batch in batches:
        group.append(batch)
        if sum(one.num_rows for one in group) >= _GROUP_ROWS:
            yield group
            group = []
    if group:
        yield group


def _schema(table: PackagedTable) -> Any:
    import pyarrow as pa

    types = {
        "string": pa.string(),
        "number": pa.float64(),
        "integer": pa.int64(),
        "boolean": pa.bool_(),
    }
    fields = [
        pa.field(one.name, types[one.type], metadata={"description": one.description})
        for one in table.columns
    ]
    return pa.schema(fields, metadata={"table": table.name, "primary_key": ",".join(table.key)})


def _batches(table: PackagedTable, schema: Any) -> Iterator[Any]:
    """Yield blocks of rows, typed and unescaped."""
    import pyarrow as pa
    from pyarrow import csv

    try:
        reader = csv.open_csv(
            table.path,
            csv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES),
            csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
            csv.ConvertOptions(
                column_types=schema,
                null_values=[""],
                strings_can_be_null=False,
                true_values=["true"],
                false_values=["false"],
            ),
        )
        with reader:
            if tuple(reader.schema.names) != table.column_names:
                raise TableError(
                    "TABLE-COLUMNS",
                    "the columns are not those of the data package",
                    where=str(table.path),
                )
            for batch in reader:
                columns = [_text(column) for column in batch.columns]
                yield pa.record_batch(columns, schema=schema)
    except (pa.ArrowException, OSError) as error:
        raise TableError("TABLE-VALUE", f"not readable: {error}", where=str(table.path)) from error


def _text(column: Any) -> Any:
    """Return a column with its text as it was before CSV escaped it."""
    import pyarrow as pa
    from pyarrow import compute

    is_text = pa.types.is_string(column.type)
    if not is_text or not compute.any(compute.starts_with(column, "'")).as_py():
        return column
    # Text alone that CSV cannot hold can be none of Unicode.
    texts = [valid_unicode(unescape_cell(text)) for text in column.to_pylist()]
    return pa.array(texts, type=pa.string())
