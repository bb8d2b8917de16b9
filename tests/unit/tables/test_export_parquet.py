"""Parquet holds what CSV holds, with types, and text as it was before it was escaped."""

from __future__ import annotations

import pytest
from pyarrow import parquet

from biomarker_cli.tables.columns import read_columns
from biomarker_cli.tables.errors import TableError
from biomarker_cli.tables.export.parquet import export_parquet, parquet_path
from biomarker_cli.tables.package import write_datapackage
from biomarker_cli.tables.packaged import PackagedTable, read_package
from biomarker_cli.tables.schema import MEASUREMENTS, ROIS
from biomarker_cli.tables.writing import write_table

TEXTS = [
    "=1+1",
    '"q", r',
    "line\nbreak",
    "cr\rlf\r\n",
    "@x",
    "'=y",
    "ö\u202e",
    "\x00",
    "a\\b",
    "NA",
]


def _packaged(tmp_path, table, rows) -> PackagedTable:
    write_table(table, rows, tmp_path)
    write_datapackage([table], tmp_path, "trial")
    return read_package(tmp_path)[table.name]


def _rois(texts=TEXTS):
    numbers = [3, None]
    return [
        {
            "case_id": text,
            "roi_id": text,
            "roi_label": text,
            "status": "ok",
            "n_voxels": numbers[n % 2],
            "volume_mm3": [0.1 + 0.2, None, 1e-300][n % 3],
            "cross_series": [True, False, None][n % 3],
        }
        for n, text in enumerate(sorted(texts))
    ]


def test_text_numbers_and_truth_come_back_as_they_were(tmp_path):
    rows = _rois()
    table = _packaged(tmp_path, ROIS, rows)
    assert export_parquet(table, tmp_path) == len(rows)
    found = parquet.read_table(parquet_path(table, tmp_path))
    assert found.schema.names == list(ROIS.column_names)
    kinds = {name: str(found.schema.field(name).type) for name in found.schema.names}
    assert kinds["roi_id"] == "string"
    assert kinds["n_voxels"] == "int64"
    assert kinds["volume_mm3"] == "double"
    assert kinds["cross_series"] == "bool"
    assert [{k: row[k] for k in rows[0]} for row in found.to_pylist()] == rows
    assert set(found["error_code"].to_pylist()) == {""}
    assert set(found["segment_number"].to_pylist()) == {None}
    assert found.schema.metadata[b"primary_key"] == b"case_id,roi_id"
    assert found.schema.field("roi_id").metadata[b"description"]


def test_bytes_that_are_no_utf8_are_written_by_their_number(tmp_path):
    table = _packaged(tmp_path, ROIS, _rois(["gtv\udcff"]))
    export_parquet(table, tmp_path)
    (row,) = parquet.read_table(parquet_path(table, tmp_path)).to_pylist()
    assert row["roi_id"] == "gtv\\xff"


def _measured(n):
    return [
        {
            "case_id": f"A/S{i:05d}/T1/ct",
            "roi_id": "GTV",
            "analysis_id": "a@1.0.0",
            "feature_id": "original.intensity.mean",
            "value": i / 7,
            "unit": "1",
            "status": "ok",
            "usable": "yes",
        }
        for i in range(n)
    ]


def test_many_blocks_and_groups_are_one_table_and_the_same_bytes(tmp_path, monkeypatch):
    from biomarker_cli.tables.export import parquet as module

    monkeypatch.setattr(module, "_BLOCK_BYTES", 4096)
    monkeypatch.setattr(module, "_GROUP_ROWS", 500)
    rows = _measured(2000)
    table = _packaged(tmp_path, MEASUREMENTS, rows)
    assert export_parquet(table, tmp_path) == 2000
    path = parquet_path(table, tmp_path)
    assert parquet.ParquetFile(path).num_row_groups > 2
    assert [row["value"] for row in parquet.read_table(path).to_pylist()] == [
        row["value"] for row in rows
    ]
    first = path.read_bytes()
    export_parquet(table, tmp_path)
    assert path.read_bytes() == first


def test_other_commands_read_it_as_they_read_csv(tmp_path):
    table = _packaged(tmp_path, MEASUREMENTS, _measured(5))
    export_parquet(table, tmp_path)
    wanted = (MEASUREMENTS.key, ("usable",), ["value"])
    one = read_columns(table.path, *wanted)
    other = read_columns(parquet_path(table, tmp_path), *wanted)
    assert list(one.numbers["value"]) == list(other.numbers["value"])
    for name, column in one.texts.items():
        assert list(map(column.__getitem__, range(5))) == [other.texts[name][i] for i in range(5)]


def test_an_empty_table_has_its_columns(tmp_path):
    table = _packaged(tmp_path, ROIS, [])
    assert export_parquet(table, tmp_path) == 0
    found = parquet.read_table(parquet_path(table, tmp_path))
    assert (found.num_rows, found.schema.names) == (0, list(ROIS.column_names))


def test_a_table_that_was_edited_or_is_none_is_refused(tmp_path):
    table = _packaged(tmp_path, ROIS, _rois())
    table.path.write_text(table.path.read_text().replace("NA", "NB"))
    with pytest.raises(TableError) as refused:
        export_parquet(table, tmp_path)
    assert refused.value.code == "TABLE-CHANGED"
    assert not parquet_path(table, tmp_path).exists()


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda text: text.replace(",3,", ",three,"), "TABLE-VALUE"),
        (lambda text: text.replace(",3,", ",3.5,"), "TABLE-VALUE"),
        (lambda text: text.replace(",true\n", ",yes\n"), "TABLE-VALUE"),
        (lambda text: text + "a,b\n", "TABLE-VALUE"),
        (lambda text: text.replace("case_id", "case"), "TABLE-COLUMNS"),
        (lambda text: "", "TABLE-VALUE"),
    ],
)
def test_a_cell_of_another_type_is_refused_and_leaves_nothing(tmp_path, change, code):
    _packaged(tmp_path, ROIS, _rois(["a", "b"]))
    path = tmp_path / "rois.csv"
    path.write_text(change(path.read_text()))
    write_datapackage([ROIS], tmp_path, "trial")
    table = read_package(tmp_path)["rois"]
    with pytest.raises(TableError) as refused:
        export_parquet(table, tmp_path)
    assert refused.value.code == code
    assert not list(tmp_path.glob("*.parquet*"))
