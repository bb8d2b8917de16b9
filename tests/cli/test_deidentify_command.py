"""``biomarker deidentify``."""

from __future__ import annotations

import csv
import json

import pytest
from synthetic_patients import WORD, pet

from biomarker_cli.model.exit_codes import ExitCode


@pytest.fixture
def archive(tmp_path):
    pet(tmp_path / "in" / "a.dcm", StudyDescription=f"PET {WORD}", PatientName=f"{WORD}^A")
    (tmp_path / "in" / "README.txt").write_text("beside the series")
    return tmp_path / "in"


def test_copies_manifest_and_link(biomarker, archive, tmp_path):
    done = biomarker("deidentify", archive, "--key", tmp_path / "k", "-o", tmp_path / "out")
    assert done.returncode == ExitCode.DONE, done.stderr
    assert "quantitative@0.1.0: 1 file written" in done.stdout
    assert "left behind 1: DEID-NOT-DICOM" in done.stdout
    assert "recognisable_features: kept" in done.stderr
    assert WORD not in done.stdout + done.stderr
    manifest = json.loads((tmp_path / "out" / "deidentification.json").read_text())
    assert manifest["n_written"] == 1
    with (tmp_path / "k.link.csv").open(newline="") as stream:
        rows = [*csv.DictReader(stream)]
    assert [bool(row["written"]) for row in rows] == [False, True]
    assert (tmp_path / "k.link.csv").stat().st_mode & 0o777 == 0o600
    again = biomarker("deidentify", archive, "--key", tmp_path / "k", "-o", tmp_path / "out")
    assert again.returncode == ExitCode.USAGE
    assert "OUTPUT-EXISTS" in again.stderr
    elsewhere = ("deidentify", archive, "--key", tmp_path / "k", "-o", tmp_path / "out2")
    assert "move it to where it is kept" in biomarker(*elsewhere).stderr
    (tmp_path / "k.link.csv").rename(tmp_path / "k.first.csv")
    assert biomarker(*elsewhere).returncode == ExitCode.DONE
    assert next((tmp_path / "out").rglob("*.dcm")).read_bytes() == (
        next((tmp_path / "out2").rglob("*.dcm")).read_bytes()
    )


def test_a_dry_run_names_what_would_become_of_each_attribute(biomarker, archive, tmp_path):
    asked = ("deidentify", archive, "--key", tmp_path / "k", "--dry-run")
    done = biomarker(*asked, "--format", "json")
    said = json.loads(done.stdout)
    becomes = {row["attribute"]: row["becomes"] for row in said["attributes"]}
    assert becomes["PatientWeight"] == "kept"
    assert becomes["SeriesDate"] == becomes["StudyDescription"] == becomes["PatientID"] == "changed"
    assert {path.name for path in tmp_path.iterdir()} == {"in"}
    assert all(len(line) <= 80 for line in biomarker(*asked).stdout.splitlines())


def test_a_list_of_subjects_decides(biomarker, archive, tmp_path):
    subjects = tmp_path / "subjects.csv"
    subjects.write_text("patient_id,subject_id\nsomebody,P1\n")
    asked = ("deidentify", archive, "--key", tmp_path / "k", "--subjects", subjects)
    done = biomarker(*asked, "-o", tmp_path / "out")
    assert done.returncode == ExitCode.FAILED
    assert "DEID-NO-SUBJECT" in done.stdout
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("more", "code", "word"),
    [
        ((), ExitCode.USAGE, "-o DIR"),
        # A dry run that is told where says whether that will do.
        (("-o", "in/out", "--dry-run"), ExitCode.USAGE, "DEID-PLACE"),
        (("-o", "in", "--dry-run"), ExitCode.USAGE, "OUTPUT-EXISTS"),
        (("-o", "in/out"), ExitCode.USAGE, "DEID-PLACE"),
        (("-o", "out", "--profile", "none"), ExitCode.USAGE, "DEID-PROFILE"),
        (("-o", "out", "--subjects", "none.csv"), None, "TABLE-NOT-FOUND"),
        (("-o", "out", "--key", "in"), ExitCode.USAGE, "DEID-KEY"),
        (("-o", "out", "--key", "out/k"), ExitCode.USAGE, "DEID-"),
    ],
)
def test_what_cannot_be_asked_is_named(biomarker, archive, tmp_path, more, code, word):
    key = () if "--key" in more else ("--key", "k")
    done = biomarker("deidentify", "in", *key, *more, cwd=archive.parent)
    assert word in done.stderr
    assert done.returncode == code or (code is None and done.returncode)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("more", [("--dry-run",), ("--dry-run", "--format", "json"), ("-o", "out")])
def test_quiet_says_nothing(biomarker, archive, tmp_path, more):
    words = [tmp_path / word if word == "out" else word for word in more]
    done = biomarker("deidentify", archive, "--key", tmp_path / "k", *words, "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (ExitCode.DONE, "", "")
    assert (tmp_path / "out").exists() == ("-o" in more)
