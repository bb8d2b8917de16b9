"""Large tables by columns: each double as it was written, each text as it was."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from biomarker_cli.tables.cells import csv_line
from biomarker_cli.tables.columns import _exact, csv_columns, read_columns
from biomarker_cli.tables.errors import TableError
from biomarker_cli.tables.reading import read_cells


def _write(path, rows):
    path.write_text("".join(csv_line(row) for row in [("name", "value"), *rows]))
    return path


def test_a_double_is_read_to_the_last_bit(tmp_path):
    rng = np.random.default_rng(7)
    anything = np.frombuffer(rng.bytes(8 * 20_000), dtype=np.float64)
    values = np.concatenate([anything[np.isfinite(anything)], rng.normal(100, 30, 20_000)])
    path = _write(tmp_path / "t.csv", [("a", repr(float(value))) for value in values])
    read = read_columns(path, ["name"], [], ["value"])
    assert np.array_equal(read.numbers["value"], values)
    assert np.array_equal(read_cells(path, ["value"])["value"], values)


def test_pandas_is_asked_for_exact_numbers_where_it_would_not_give_them():
    assert _exact("2.2.3") == _exact("3.0.1") == {"float_precision": "round_trip"}
    assert _exact("3.1.0") == _exact("4.0.0") == {}
    assert pd.__version__


TEXTS = [
    "NA",
    "",
    "null",
    "001",
    "=1+1",
    "'x",
    "a,b",
    'say "x"',
    "line\nend",
    "\x00",
    "\udcff",
    "ö",
]


def test_a_text_is_read_as_it_was(tmp_path):
    path = _write(tmp_path / "t.csv", [(text, "1") for text in [*TEXTS, *TEXTS]])
    read = read_columns(path, ["name"], ["absent"], ["value"])
    column = read.texts["name"]
    assert [column[row] for row in range(len(column))] == [*TEXTS, *TEXTS]
    assert len(column.words) == len(TEXTS)
    assert set(read.texts) == {"name"}
    assert list(read_cells(path)["name"]) == [*TEXTS, *TEXTS]


def test_an_id_of_digits_keeps_its_zeros(tmp_path):
    path = _write(tmp_path / "t.csv", [("001", "1"), ("1", "2"), ("1.0", "3")])
    column = read_columns(path, ["name"], [], ["value"]).texts["name"]
    assert [column[row] for row in range(3)] == ["001", "1", "1.0"]


def test_a_word_has_one_code_in_all_parts_of_a_file(tmp_path, monkeypatch):
    monkeypatch.setattr("biomarker_cli.tables.columns._ROWS_AT_ONCE", 2)
    rows = [(name, str(n)) for n, name in enumerate("abcbaacd")]
    read = read_columns(_write(tmp_path / "t.csv", rows), ["name"], [], ["value"])
    assert read.texts["name"].words == ("a", "b", "c", "d")
    assert "".join(read.texts["name"][row] for row in range(8)) == "abcbaacd"
    assert list(read.numbers["value"]) == list(range(8))


def test_a_table_of_no_rows_has_its_columns(tmp_path):
    read = read_columns(_write(tmp_path / "t.csv", []), ["name"], [], ["value"])
    assert len(read) == len(read.numbers["value"]) == 0


def test_an_empty_cell_of_a_number_is_absent(tmp_path):
    read = read_columns(_write(tmp_path / "t.csv", [("a", "")]), ["name"], [], ["value"])
    assert np.isnan(read.numbers["value"]).all()


@pytest.mark.parametrize("cell", ["nan", "NaN", "inf", "-inf", "1e999", "one", "1,5", "1_0", "0x1"])
def test_what_is_no_finite_number_is_refused(tmp_path, cell):
    path = _write(tmp_path / "t.csv", [("a", "1"), ("b", cell)])
    with pytest.raises(TableError) as refused:
        read_columns(path, ["name"], [], ["value"])
    assert refused.value.code == "TABLE-VALUE"
    assert refused.value.where.endswith("line 3")


def test_a_null_of_parquet_is_an_empty_text_or_an_absent_number(tmp_path):
    frame = pd.DataFrame({"name": ["b", None, "a", None], "value": [1.5, None, 3.0, 4.0]})
    path = tmp_path / "t.parquet"
    frame.to_parquet(path)
    read = read_columns(path, ["name"], ["absent"], ["value"])
    column = read.texts["name"]
    assert [column[row] for row in range(len(column))] == ["b", "", "a", ""]
    assert column.codes.dtype == np.int32
    np.testing.assert_array_equal(read.numbers["value"], [1.5, np.nan, 3.0, 4.0])
    assert set(read.texts) == {"name"}


def test_what_is_no_number_is_refused_with_its_file_and_line(tmp_path):
    path = _write(tmp_path / "t.csv", [("a", "1"), ("b", "one")])
    with pytest.raises(TableError) as caught:
        read_columns(path, ["name"], [], ["value"])
    assert caught.value.code == "TABLE-VALUE"
    assert "'one'" in caught.value.message
    assert caught.value.where == f"{path}, line 3"


@pytest.mark.parametrize("suffix", [".gz", ".zip", ".bz2", ".xz", ".tar"])
def test_a_table_is_not_unpacked_by_its_name(tmp_path, suffix):
    path = tmp_path / f"table.csv{suffix}"
    path.write_text("a,b\n1,x\n")
    assert list(csv_columns(path).texts["b"].words) == ["x"]
    path.write_bytes(gzip.compress(b"a,b\n" + b"\0" * 100_000))
    with pytest.raises(TableError) as caught:
        csv_columns(path)
    assert caught.value.code == "TABLE-UNREADABLE"


@pytest.mark.parametrize("name", ["name", "value", "note", "NA"])
def test_a_column_that_stands_twice_is_refused(tmp_path, name):
    path = tmp_path / "t.csv"
    path.write_text(f"name,value,note,NA,{name}\na,1,2,3,4\n")
    with pytest.raises(TableError, match=f"columns stand twice: '{name}'") as refused:
        read_cells(path, ["value"])
    assert refused.value.code == "TABLE-COLUMNS"


def test_columns_without_a_name_are_no_matter(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("\nname,value,,\na,1,,\n")
    assert list(read_cells(path, ["value"])["value"]) == [1.0]


def test_a_column_of_parquet_that_stands_twice_is_refused(tmp_path):
    table = pa.Table.from_arrays(
        [pa.array(["a"]), pa.array([1.0]), pa.array([2.0])], ["n", "v", "v"]
    )
    parquet.write_table(table, tmp_path / "t.parquet")
    with pytest.raises(TableError, match="columns stand twice: 'v'") as refused:
        read_columns(tmp_path / "t.parquet", ["n"], [], ["v"])
    assert refused.value.code == "TABLE-COLUMNS"
