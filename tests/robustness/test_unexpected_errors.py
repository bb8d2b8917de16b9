"""A defect of the program stops a file, a series or a case, and never what stands beside it."""

from __future__ import annotations

import csv
import json

import pytest
from click.testing import CliRunner
from fuzzing.seeds import small_trial
from synthetic_dwi import Spec, write_dwi
from synthetic_series import axial, write_series

from biomarker_cli.catalogue import series_made
from biomarker_cli.catalogue.alike import Alike
from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.catalogue.index import FileIndex
from biomarker_cli.cli.main import cli
from biomarker_cli.dicom import files
from biomarker_cli.dicom.errors import HeaderError
from biomarker_cli.diffusion import volumes
from biomarker_cli.study import planning, proposing
from biomarker_cli.study.initialise import initialise_study
from biomarker_cli.study.planning import StudyPlanner
from biomarker_cli.study.runner import RunOptions, StudyRun, run_study
from biomarker_cli.study.study_file import load_study, with_key

PLACES = axial(0.0, 3.0, 6.0)


def fails_for(monkeypatch, owner, name, is_it):
    """Make a function fail for some of its calls, as a defect would."""
    original = getattr(owner, name)

    def defect(*args, **kwargs):
        if is_it(*args):
            raise ZeroDivisionError("a defect")
        return original(*args, **kwargs)

    monkeypatch.setattr(owner, name, defect)


@pytest.fixture
def two_series(tmp_path):
    write_series(tmp_path / "data", PLACES, series="1")
    write_series(tmp_path / "data", PLACES, series="2")
    return tmp_path / "data"


def test_a_file_that_cannot_be_described_is_a_row_and_is_read_again(
    two_series, tmp_path, monkeypatch
):
    index = FileIndex(tmp_path / "index")
    with monkeypatch.context() as patch:
        fails_for(patch, Alike, "record", lambda _, path, *__: path.endswith("1_000.dcm"))
        found = scan([two_series], index=index)
    assert [c.error_code for c in found.candidates] == ["", "", "FILE-INTERNAL"]
    assert "ZeroDivisionError" in found.candidates[-1].error_message
    assert len(found.volumes) == 2
    assert [c.error_code for c in scan([two_series], index=index).candidates] == ["", ""]


def test_a_series_that_cannot_be_grouped_is_a_refused_row(two_series, monkeypatch):
    fails_for(
        monkeypatch,
        series_made,
        "series_candidates",
        lambda described: described[0][0].description == "series 1",
    )
    found = scan([two_series], index=FileIndex(None))
    refused, fine = sorted(found.volumes, key=lambda c: not c.error_code)
    assert (refused.error_code, refused.status.value) == ("SERIES-INTERNAL", "refused")
    assert (refused.n_files, refused.modality) == (3, "CT")
    assert fine.geometry is not None


@pytest.mark.parametrize("place", ["_catalogue", "_plan_case"])
def test_a_case_that_cannot_be_planned_is_a_row_and_the_others_are_measured(
    tmp_path, monkeypatch, place
):
    small_trial(tmp_path)
    study = with_key(load_study(tmp_path / "study.yaml"), writes=True)
    with monkeypatch.context() as patch:
        fails_for(
            patch,
            planning.StudyPlanner,
            place,
            lambda _planner, entry, *_: entry.images and entry.role == "ct",
        )
        due = StudyRun.of_study(study, StudyPlanner(study, FileIndex(None)))
        run_study(due, tmp_path / "out", RunOptions())
    with (tmp_path / "out" / "cases.csv").open() as stream:
        rows = {row["case_id"]: row for row in csv.DictReader(stream)}
    assert rows["A/S0/T1/ct"]["error_code"] == "CASE-INTERNAL"
    assert {rows[c]["status"] for c in ("A/S1/T1/pet", "A/S2/T1/dwi")} == {"measured"}
    log = (tmp_path / "out" / "run.log").read_text()
    assert "ZeroDivisionError: a defect" in log


def test_a_file_that_stops_its_worker_does_not_stop_the_run_that_reads_it_again(
    tmp_path, monkeypatch
):
    """The run asks for the digests of what a worker cannot say it has read."""
    small_trial(tmp_path)
    study = with_key(load_study(tmp_path / "study.yaml"), writes=True)
    with monkeypatch.context() as patch:
        patch.setattr(planning, "KEPT_BYTES", 0)
        fails_for(patch, files, "_pixel_digest", lambda _, path, __: "ct" in path.parts)
        due = StudyRun.of_study(study, StudyPlanner(study, FileIndex(None)))
        run_study(due, tmp_path / "out", RunOptions())
    with (tmp_path / "out" / "cases.csv").open() as stream:
        rows = {row["case_id"]: row["status"] for row in csv.DictReader(stream)}
    assert rows["A/S0/T1/ct"] == "failed"
    assert {rows[c] for c in ("A/S1/T1/pet", "A/S2/T1/dwi")} == {"measured"}


def test_a_series_that_cannot_be_described_is_left_out_of_a_new_study(two_series, monkeypatch):
    fails_for(
        monkeypatch,
        proposing,
        "_describe",
        lambda candidates, *_: candidates[0].description == "series 1",
    )
    report = initialise_study(two_series)
    assert report.n_cases == 1
    (left_out,) = report.remarks.left_out
    assert "ZeroDivisionError" in left_out


@pytest.mark.parametrize(
    ("error", "code"),
    [(ZeroDivisionError(), "CASE-INTERNAL"), (HeaderError("FILE-ELEMENT", "odd"), "FILE-ELEMENT")],
)
def test_a_volume_without_facts_is_named_beside_the_b_values_of_the_others(
    tmp_path, monkeypatch, error, code
):
    for name in ("1", "2"):
        write_dwi(tmp_path / name, [Spec(0.0), Spec(800.0, (1.0, 0.0, 0.0))], series=name)
    original = volumes.describe_volume

    def describe(candidate, files):
        if candidate.description == "series 2" and candidate.volume_id.endswith("#2"):
            raise error
        return original(candidate, files)

    monkeypatch.setattr(volumes, "describe_volume", describe)
    done = CliRunner().invoke(cli, ["bvalues", str(tmp_path), "--format", "json"])
    told = json.loads(done.stdout)
    assert sorted(row["b_value"] for row in told["volumes"]) == [0.0, 0.0, 800.0]
    assert told["set"]["error_code"] == code
    assert f"not read: {code}" in done.stderr
