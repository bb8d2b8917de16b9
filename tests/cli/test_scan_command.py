"""``biomarker scan``: the table in its formats, and what happens to odd outputs."""

import csv
import json

import pytest
from synthetic_series import axial, write_series

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
