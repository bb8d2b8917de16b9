"""Tables: one float format, sorted, no NaN, read back as written."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biomarker_cli.tables import (
    CASES,
    MEASUREMENTS,
    TABLES,
    TableError,
    format_value,
    read_table,
    write_datapackage,
    write_table,
)


def _row(case_id: str, value: float | None = 1.5) -> dict[str, object]:
    return {
        "case_id": case_id,
        "roi_id": "GTV",
        "analysis_id": "a@1.0.0",
        "feature_id": "original.intensity.mean",
        "value": value,
        "unit": "1",
        "status": "ok" if value is not None else "undefined",
        "flags": "",
    }


def test_the_bytes_do_not_depend_on_the_order_of_rows(tmp_path):
    rows = [_row(f"c{n}") for n in range(5)]
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    first = write_table(MEASUREMENTS, rows, tmp_path / "a").read_bytes()
    second = write_table(MEASUREMENTS, reversed(rows), tmp_path / "b").read_bytes()
    assert first == second
    assert b"\r" not in first


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_reads_back_to_the_same_double(value):
    assert float(format_value(value)) == value


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_no_table_holds_nan(value):
    with pytest.raises(ValueError, match="no NaN"):
        format_value(value)


def test_an_absent_value_is_empty_and_reads_back_as_none(tmp_path):
    write_table(MEASUREMENTS, [_row("c", None)], tmp_path)
    frame = read_table(MEASUREMENTS, tmp_path)
    assert math.isnan(frame["value"][0])
    assert frame["status"][0] == "undefined"


def test_two_rows_with_one_key_are_refused(tmp_path):
    with pytest.raises(ValueError, match="two rows"):
        write_table(MEASUREMENTS, [_row("c"), _row("c")], tmp_path)


def test_an_unknown_column_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no column"):
        write_table(CASES, [{"case_id": "c", "PatientName": "x"}], tmp_path)


def test_reading_a_folder_without_the_table_says_so(tmp_path):
    with pytest.raises(TableError) as caught:
        read_table(CASES, tmp_path)
    assert caught.value.code == "TABLE-NOT-FOUND"


def test_the_data_package_names_files_keys_and_foreign_keys(tmp_path):
    for table in TABLES:
        write_table(table, [], tmp_path)
    package = json.loads(write_datapackage(TABLES, tmp_path, "trial").read_text())
    by_name = {resource["name"]: resource for resource in package["resources"]}
    assert by_name["measurements"]["schema"]["primaryKey"] == list(MEASUREMENTS.key)
    targets = {k["reference"]["resource"] for k in by_name["measurements"]["schema"]["foreignKeys"]}
    assert targets == {"rois", "features"}
    for resource in package["resources"]:
        assert (tmp_path / resource["path"]).stat().st_size == resource["bytes"]


def test_every_foreign_key_points_at_columns_that_exist():
    by_name = {table.name: table for table in TABLES}
    for table in TABLES:
        for columns, target, target_columns in table.refers_to:
            assert set(columns) <= set(table.column_names)
            assert set(target_columns) <= set(by_name[target].column_names)


def test_no_column_could_hold_a_person():
    names = {column.name.lower() for table in TABLES for column in table.columns}
    assert not any("patient" in name or "birth" in name for name in names)
