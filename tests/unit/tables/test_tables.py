"""Tables: one float format, sorted, no NaN, read back as written."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from tempfile import TemporaryDirectory

import frictionless
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from biomarker_cli.tables.cells import (
    csv_line,
    csv_text,
    escape_cell,
    format_value,
    number_of,
    unescape_cell,
)
from biomarker_cli.tables.errors import TableError
from biomarker_cli.tables.package import write_datapackage
from biomarker_cli.tables.reading import read_table
from biomarker_cli.tables.schema import (
    CASES,
    CHECKS,
    FACTS,
    FEATURES,
    MEASUREMENTS,
    ROIS,
    TABLES,
)
from biomarker_cli.tables.writing import write_table


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


ANY_TEXT = st.text(st.characters(), max_size=20) | st.text(
    st.sampled_from(list("=+-@\t\r\n'\"\\,;0u \x00\x1b\ud800\udcff\ue000")), max_size=8
)
"""Every string that Python holds: quotes, line ends, NUL and lone surrogates too."""


@pytest.mark.parametrize("first", list("=+-@\t\r'"))
def test_a_cell_that_a_spreadsheet_would_run_gets_one_apostrophe(first):
    text = f"{first}1+1"
    assert escape_cell(text) == f"'{text}"
    assert unescape_cell(f"'{text}") == text


@pytest.mark.parametrize("text", ["-1.5", "+2", "-1e-05", "-.5", "+3.", "0", "-0.0"])
def test_a_number_stays_a_number(text):
    assert escape_cell(text) == text


@pytest.mark.parametrize(
    "text",
    ["-inf", "-nan", "-1e999", "-1_0", "-\u0661", "-1 mm", "-1\\2", "-", "+1+1", "-1.5 .. 3"],
)
def test_what_is_no_finite_number_is_text(text):
    assert escape_cell(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "a=1", " =1", "GTV-1", "a'", "\n=1", "|x", "\\x", "ö"])
def test_other_text_stays_as_it_is(text):
    assert escape_cell(text) == text == unescape_cell(text)


@pytest.mark.parametrize("cell", ["'s-Hertogenbosch", "'"])
def test_an_apostrophe_that_a_person_wrote_stays(cell):
    assert unescape_cell(cell) == cell


@given(ANY_TEXT)
@example("'\\u0000")
@example("\\u0000\x00")
@example("'s")
def test_a_cell_reads_back_as_it_was(text):
    cell = escape_cell(text)
    assert unescape_cell(cell) == text
    assert "\0" not in cell
    assert cell.encode("utf-8").decode("utf-8") == cell
    assert cell[:1] not in set("=+-@\t\r") or not cell or math.isfinite(float(cell))


@given(st.lists(st.lists(ANY_TEXT, min_size=2, max_size=2), min_size=1, max_size=4))
def test_every_reader_of_csv_finds_the_cells(rows):
    text = "".join(csv_line(row) for row in rows)
    found = list(csv.reader(io.StringIO(text, newline="")))
    assert [[unescape_cell(cell) for cell in line] for line in found] == rows


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=12))
def test_quotes_stand_where_the_library_of_python_sets_them(text):
    expected = io.StringIO()
    csv.writer(expected, lineterminator="\n").writerows([[escape_cell(text), "b"]])
    assert csv_line([text, "b"]) == expected.getvalue()


def test_a_line_with_one_empty_cell_is_a_row():
    assert csv_line([""]) == '""\n'
    assert csv_line(["", ""]) == ",\n"


@settings(max_examples=50, deadline=None)
@given(ANY_TEXT, ANY_TEXT)
def test_a_table_reads_back_as_it_was_written(case_id, value):
    row = {"case_id": case_id, "series_uid": "1.2", "fact": "model", "value": value}
    with TemporaryDirectory() as folder:
        path = write_table(FACTS, [row], Path(folder))
        frame = read_table(FACTS, Path(folder))
        assert b"\0" not in path.read_bytes()
    assert [frame["case_id"][0], frame["value"][0]] == [case_id, value]


def test_a_table_of_before_there_was_a_column_is_read_without_it(tmp_path):
    path = write_table(MEASUREMENTS, [{**_row("x"), "usable": "yes"}], tmp_path)
    assert list(read_table(MEASUREMENTS, tmp_path)["usable"]) == ["yes"]
    lines = path.read_text().splitlines()
    path.write_text("".join(f"{line.rpartition(',')[0]}\n" for line in lines))
    assert list(read_table(MEASUREMENTS, tmp_path)["usable"]) == [""]
    path.write_text(path.read_text().replace(",status", ",condition"))
    with pytest.raises(TableError, match="missing: status"):
        read_table(MEASUREMENTS, tmp_path)


@pytest.mark.parametrize("study_id", ["TRIAL_1", "my-trial", "A.b-3"])
def test_hostile_cells_and_any_study_id_make_a_valid_data_package(tmp_path, study_id):
    texts = ["=1+1", '"q", r', "line\nbreak", "\x00", "\udcff", "@x", "'=y", "ö\u202e", "a\\b"]
    roi = {"roi_name": "r", "status": "ok", "n_voxels": 3, "volume_mm3": 1e-05}
    cases = [{"case_id": text, "status": "measured"} for text in texts]
    rois = [{**roi, "case_id": text, "roi_id": text, "cross_series": True} for text in texts]
    keys = [{"case_id": text, "roi_id": text} for text in texts]
    rows = [{**_row("x"), **key, "value": -1e-300, "usable": "no"} for key in keys]
    for table, content in ((CASES, cases), (ROIS, rois), (MEASUREMENTS, rows)):
        write_table(table, content, tmp_path)
    feature = {"analysis_id": "a@1.0.0", "feature_id": "original.intensity.mean"}
    write_table(FEATURES, [{**feature, "ibsi_benchmarked": False}], tmp_path)
    check = {"case_id": "", "series_uid": "", "protocol_id": "p", "protocol_version": "1.0.0"}
    checks = [{**check, "scope": scope, "rule_id": "R"} for scope in ("cohort", "study")]
    write_table(CHECKS, checks, tmp_path)
    tables = (CASES, ROIS, MEASUREMENTS, FEATURES, CHECKS)
    report = frictionless.validate(str(write_datapackage(tables, tmp_path, study_id)))
    assert report.valid, report.flatten(["type", "message"])
    assert len(report.tasks) == len(tables)


def test_keys_are_escaped_alike_in_all_tables(tmp_path):
    key = {"case_id": "=a/b", "roi_id": "@GTV"}
    write_table(MEASUREMENTS, [{**_row("x"), **key, "value": -1.5}], tmp_path)
    write_table(ROIS, [key], tmp_path)
    raw = [(tmp_path / t.file_name).read_text().splitlines()[1] for t in (MEASUREMENTS, ROIS)]
    assert all(line.startswith("'=a/b,'@GTV,") for line in raw)
    joined = read_table(MEASUREMENTS, tmp_path).merge(
        read_table(ROIS, tmp_path), on=["case_id", "roi_id"]
    )
    assert len(joined) == 1
    assert joined["value"][0] == -1.5
    assert joined["case_id"][0] == "=a/b"


def test_rows_outside_of_a_run_are_escaped_alike():
    text = csv_text(("a", "b"), [{"a": "=1", "b": None}, {"a": -0.5, "b": True}])
    assert text == "a,b\n'=1,\n-0.5,true\n"
    with pytest.raises(KeyError):
        csv_text(("a",), [{"b": 1}])
    with pytest.raises(ValueError, match="no NaN"):
        csv_text(("a",), [{"a": math.nan}])


@pytest.mark.parametrize(
    ("cell", "number"), [("1", 1.0), (" -1.5e-3 ", -0.0015), (".5", 0.5), ("+2.", 2.0)]
)
def test_a_cell_reads_as_its_decimal_number(cell, number):
    assert number_of(cell) == number


@pytest.mark.parametrize("cell", ["", "1_0", "١٢", "inf", "nan", "1e999", "1,5", "0x1p3", "1 2"])
def test_what_only_python_takes_for_a_number_is_none(cell):
    assert number_of(cell) is None
