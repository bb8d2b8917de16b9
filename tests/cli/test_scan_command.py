"""``biomarker scan``: the table in its formats, and what happens to odd outputs."""

import csv
import json
import os
import re
import shutil
import sqlite3
import time
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from rich.cells import cell_len
from synthetic_segmentations import Roi, structure_set
from synthetic_series import axial, write_series

from biomarker_cli.catalogue.check_sums import check_sum
from biomarker_cli.catalogue.rows import COLUMN_TYPES


@pytest.fixture
def folder(tmp_path):
    write_series(tmp_path / "data", axial(0, 3, 6), series="good")
    write_series(tmp_path / "data", axial(0, 3, 9), series="gap")
    (tmp_path / "data" / "notes.txt").write_text("hello")
    return tmp_path / "data"


def test_csv_and_json_hold_the_columns_of_the_contract(biomarker, folder, tmp_path):
    done = biomarker("scan", folder, "-o", tmp_path / "out" / "a.csv", "--format", "json")
    assert done.returncode == 0
    with (tmp_path / "out" / "a.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    rows = json.loads(done.stdout)
    assert [list(row) for row in rows] == [list(COLUMN_TYPES)] * 3
    assert [row["error_code"] for row in table] == [row["error_code"] for row in rows]
    assert {row["error_code"] for row in rows} == {"", "SERIES-GAP", "FILE-NOT-DICOM"}
    assert {row["status"] for row in rows} == {"ok", "refused", "skipped"}


def test_text_names_the_refusal_with_its_places(biomarker, folder):
    done = biomarker("scan", folder)
    assert done.returncode == 0
    assert "SERIES-GAP" in done.stdout
    assert "1 volume, 1 refused, 1 other object" in done.stdout


def test_parquet_has_the_same_rows(biomarker, folder, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    done = biomarker("scan", folder, "-o", tmp_path / "a.parquet", "--format", "json")
    assert done.returncode == 0
    assert parquet.read_table(tmp_path / "a.parquet").to_pylist() == json.loads(done.stdout)


def test_parquet_without_its_extra_is_told_before_reading(folder, tmp_path, monkeypatch):
    from click.testing import CliRunner

    from biomarker_cli.cli import scan as module
    from biomarker_cli.model.errors import ConfigurationError

    command = getattr(module, "scan", module)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setitem(command.callback.__globals__, "find_spec", lambda name: None)
    done = CliRunner().invoke(command, [str(folder), "-o", str(tmp_path / "a.parquet")])
    assert isinstance(done.exception, ConfigurationError)
    assert done.exception.code == "OUTPUT-NO-PARQUET"


@pytest.mark.parametrize(
    ("name", "code"), [("a.xlsx", "OUTPUT-FORMAT"), ("b.csv", "OUTPUT-EXISTS")]
)
def test_outputs_that_cannot_be_written_are_told_before_reading(
    biomarker, folder, tmp_path, name, code
):
    (tmp_path / "b.csv").write_text("precious")
    done = biomarker("scan", folder, "-o", tmp_path / name)
    assert done.returncode == 2
    assert code in done.stderr
    assert (tmp_path / "b.csv").read_text() == "precious"


def _scan(biomarker, *arguments):
    done = biomarker("scan", *arguments, "--format", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_columns_of_before_keep_their_names_and_order(biomarker, folder):
    assert list(COLUMN_TYPES)[:18] == BEFORE
    assert list(_scan(biomarker, folder)[0])[18:] == [
        "path",
        "patient",
        "references",
        "duplicates",
    ]


BEFORE = [
    *("volume_id", "study_uid", "series_uid", "modality", "kind", "description", "split_by"),
    *("n_files", "n_frames", "rows", "columns", "slices"),
    *("spacing_x_mm", "spacing_y_mm", "spacing_z_mm", "status", "error_code", "error_message"),
]


def test_a_path_is_the_folder_of_all_files_or_the_one_file(biomarker, tmp_path):
    write_series(tmp_path / "a" / "ct", axial(0, 3), series="1")
    write_series(tmp_path / "a" / "more" / "x", axial(6), series="1x")
    for path in (tmp_path / "a" / "more" / "x").iterdir():
        path.rename(path.with_name("y.dcm"))
    write_series(tmp_path / "a", axial(0, 3), series="2")
    (tmp_path / "a" / "notes.txt").write_text("hello")
    rows = _scan(biomarker, tmp_path / "a")
    by_name = {row["description"]: row["path"] for row in rows}
    assert by_name == {
        "series 1": "ct",
        "series 1x": "more/x/y.dcm",
        "series 2": ".",
        "": "notes.txt",
    }
    # Several paths are told from the folder that holds all of them.
    rows = _scan(biomarker, tmp_path / "a" / "ct", tmp_path / "a" / "more")
    assert {row["path"] for row in rows} == {"ct", "more/x/y.dcm"}
    rows = _scan(biomarker, tmp_path / "a" / "more" / "x" / "y.dcm")
    assert [row["path"] for row in rows] == ["y.dcm"]


def _of_patient(**elements):
    def change(_index, dataset):
        for keyword, value in elements.items():
            setattr(dataset, keyword, value)

    return change


def test_a_patient_is_a_digest_with_the_key_of_the_user(biomarker, tmp_path, monkeypatch):
    data = tmp_path / "data"
    same = {"PatientID": "4711", "PatientName": "DOE^JOHN"}
    write_series(data / "a", axial(0, 3), series="1", change=_of_patient(**same))
    write_series(data / "b", axial(0, 3), series="2", change=_of_patient(PatientID=" 4711 "))
    write_series(data / "c", axial(0, 3), series="3", change=_of_patient(PatientID="4712"))
    write_series(data / "d", axial(0, 3), series="4", change=_of_patient(PatientID=""))
    first = {r["path"]: r["patient"] for r in _scan(biomarker, data)}
    assert re.fullmatch("key:[0-9a-f]{12}", first["a"])
    assert first["a"] == first["b"] != first["c"]
    assert first["d"] == ""
    assert {r["path"]: r["patient"] for r in _scan(biomarker, data / "a", data / "b")}["a"] == (
        first["a"]
    )
    monkeypatch.setenv("BIOMARKER_CACHE_DIR", str(tmp_path / "somebody else"))
    assert {r["path"]: r["patient"] for r in _scan(biomarker, data)}["a"] != first["a"]


def test_two_persons_of_one_patient_id_are_told_apart(biomarker, tmp_path):
    for name, person in (("a", "DOE^JOHN"), ("b", "ROE^JANE"), ("c", "")):
        change = _of_patient(PatientID="1", PatientName=person)
        write_series(tmp_path / "data" / name, axial(0, 3), series=name, change=change)
    told = {r["path"]: r["patient"] for r in _scan(biomarker, tmp_path / "data")}
    assert {told["a"][-2:], told["b"][-2:]} == {"-1", "-2"}
    assert told["a"][:-2] == told["b"][:-2]


def test_a_date_is_told_where_it_is_asked_for(biomarker, tmp_path):
    moved = {"LongitudinalTemporalInformationModified": "MODIFIED"}
    change = _of_patient(StudyDate="20250131", **moved)
    write_series(tmp_path / "data", axial(0, 3), change=change)
    (row,) = _scan(biomarker, tmp_path / "data")
    assert "20250131" not in json.dumps(row)
    (row,) = _scan(biomarker, tmp_path / "data", "--dates")
    assert list(row)[-2:] == ["study_date", "dates_modified"]
    assert row["dates_modified"] == "MODIFIED"
    assert row["study_date"] == "20250131"
    assert "20250131" in biomarker("scan", tmp_path / "data", "--dates").stdout
    parquet = pytest.importorskip("pyarrow.parquet")
    assert (
        biomarker("scan", tmp_path / "data", "--dates", "-o", tmp_path / "a.parquet").returncode
        == 0
    )
    assert parquet.read_table(tmp_path / "a.parquet").to_pylist() == [row]


def test_segmentations_name_the_series_that_they_are_of(biomarker, tmp_path):
    (path, *_) = write_series(tmp_path / "data" / "ct", axial(0, 3))
    uid = dcmread(path).SeriesInstanceUID
    rtstruct = structure_set([Roi("GTV")], referenced_series=["1.2.3", uid])
    seg = structure_set([Roi("GTV")])
    seg.SOPClassUID = seg.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.66.4"
    item = Dataset()
    item.SeriesInstanceUID = uid
    seg.ReferencedSeriesSequence = Sequence([item])
    none = structure_set([Roi("GTV")])
    for name, dataset in (("rt", rtstruct), ("seg", seg), ("none", none)):
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.9", f"1.9.{len(name)}"
        dataset.save_as(tmp_path / "data" / f"{name}.dcm", enforce_file_format=True)
    told = {r["path"]: r["references"] for r in _scan(biomarker, tmp_path / "data")}
    assert told == {"ct": "", "rt.dcm": f"1.2.3;{uid}", "seg.dcm": uid, "none.dcm": ""}


def test_copies_are_told_by_their_paths(biomarker, tmp_path):
    paths = write_series(tmp_path / "data" / "a", axial(0, 3))
    (tmp_path / "data" / "b;%c").mkdir()
    for path in paths:
        shutil.copy(path, tmp_path / "data" / "b;%c")
    (row,) = _scan(biomarker, tmp_path / "data")
    assert row["path"] == "a"
    assert row["duplicates"] == "b%3B%25c/1_000.dcm;b%3B%25c/1_001.dcm"
    text = biomarker("scan", tmp_path / "data").stdout
    assert "2 copies left out, b%3B%25c/1_000.dcm and 1 more" in text


def test_names_that_a_spreadsheet_or_a_terminal_would_run_are_text(biomarker, tmp_path):
    names = ("=cmd|'calc'!A1", "a\nb", "\x1b[31mred", "x" * 200)
    for number, name in enumerate(names):
        write_series(tmp_path / "data" / name, axial(0, 3), series=str(number))
    assert {r["path"] for r in _scan(biomarker, tmp_path / "data")} == set(names)
    done = biomarker("scan", tmp_path / "data", "-o", tmp_path / "a.csv")
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    with (tmp_path / "a.csv").open(newline="") as stream:
        cells = {row["path"] for row in csv.DictReader(stream)}
    assert cells == {f"'{names[0]}", *names[1:]}


def test_the_list_fits_80_columns_and_json_holds_uids_whole(biomarker, tmp_path):
    uid = "1.2.826.0.1.3680043.8.498." + "1" * 38

    def change(index, dataset):
        dataset.SeriesInstanceUID = uid
        dataset.SpecificCharacterSet = "ISO_IR 192"
        dataset.SeriesDescription = "\u6771\u4eac " * 10
        dataset.DiffusionBValue = float(index // 2) * 123.456
        dataset.Modality = "MR"

    write_series(tmp_path / "data" / ("deep/" * 30), axial(0, 3, 0, 3), change=change)
    done = biomarker("scan", tmp_path / "data")
    assert "b=123.456" in done.stdout
    for line in done.stdout.splitlines():
        assert cell_len(line) <= 80, line
    assert uid not in done.stdout
    assert {row["series_uid"] for row in _scan(biomarker, tmp_path / "data")} == {uid}


def test_fresh_asks_the_index_nothing(biomarker, folder, monkeypatch, tmp_path):
    """What the index says is made up here: only a scan that asks it can say so."""
    time.sleep(0.3)  # what changed a moment ago is not kept
    before = _scan(biomarker, folder)
    (index,) = Path(os.environ["BIOMARKER_CACHE_DIR"]).glob("*.sqlite")
    with sqlite3.connect(index) as connection:
        connection.execute(
            "UPDATE volumes SET candidates = replace(candidates, 'series gap', 'lies')"
        )
        connection.create_function("check_sum", 3, check_sum)
        connection.execute("UPDATE volumes SET sum = check_sum(series, files, candidates)")
    assert _scan(biomarker, folder) != before
    assert _scan(biomarker, folder, "--fresh") == before
