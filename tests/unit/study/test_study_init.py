"""`init`: persons told apart, names that a list cannot hold named, all files or none."""

from __future__ import annotations

import csv
import os
import stat
import sys

import pytest
from pydicom.uid import generate_uid
from synthetic_series import axial, write_series

from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.study import initialise, new_files
from biomarker_cli.study.initialise import initialise_study
from biomarker_cli.study.study_file import load_study


@pytest.fixture
def series(tmp_path):
    """Write a CT series of a patient into a folder."""

    def write(folder: str, study: str = "", **elements: str):
        study_uid = generate_uid(entropy_srcs=["study", study or folder])

        def change(_index, dataset):
            dataset.StudyInstanceUID = study_uid
            for keyword, value in {"PatientID": "1", **elements}.items():
                setattr(dataset, keyword, value)

        write_series(tmp_path / folder, axial(0, 3, 6), series=folder, change=change)

    return write


def _subjects(folder):
    with (folder / "cases.csv").open(newline="") as stream:
        return [row["subject_id"] for row in csv.DictReader(stream)]


DOE = {"PatientName": "DOE^JOHN", "PatientBirthDate": "19500101", "PatientSex": "M"}


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"PatientBirthDate": "19880808"}, "PatientBirthDate"),
        ({"PatientName": "ROE^JANE"}, "PatientName"),
        ({"PatientSex": "F"}, "PatientSex"),
    ],
)
def test_two_people_under_one_patient_id_are_two_subjects_and_named(tmp_path, series, other, told):
    series("a", **DOE)
    series("b", **{**DOE, **other})
    report = initialise_study(tmp_path)
    assert sorted(_subjects(tmp_path)) == ["S0001", "S0002"]
    (doubt,) = report.remarks.doubtful
    assert "S0001 and S0002" in doubt
    assert told in doubt
    assert "DOE" not in doubt
    assert "1950" not in doubt


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"PatientName": "Doe John "},
        {"PatientName": "DOE^JOHN^^^"},
        {"PatientName": "", "PatientBirthDate": ""},
        {"PatientID": " 1 "},
    ],
)
def test_one_person_written_differently_is_one_subject(tmp_path, series, other):
    series("a", **DOE)
    series("b", StudyDate="20250601", **{**DOE, **other})
    report = initialise_study(tmp_path)
    assert _subjects(tmp_path) == ["S0001", "S0001"]
    assert report.remarks.doubtful == []
    assert report.n_subjects == 1


def test_several_institutions_under_one_patient_id_are_told(tmp_path, series):
    series("a", InstitutionName="North", **DOE)
    series("b", InstitutionName="South", StudyDate="20250601", **DOE)
    assert "institutions" in initialise_study(tmp_path).remarks.doubtful[0]


def test_series_without_patient_id_are_not_one_patient(tmp_path, series):
    series("a", PatientID="")
    series("b", PatientID=" ")
    report = initialise_study(tmp_path)
    assert sorted(_subjects(tmp_path)) == ["S0001", "S0002"]
    assert len(report.remarks.doubtful) == 2


@pytest.mark.parametrize(
    ("name", "told"),
    [
        pytest.param(
            os.fsdecode(b"M\xfcller"),
            "is not UTF-8, as cases.csv is: M\\xfcller",
            marks=pytest.mark.skipif(sys.platform == "darwin", reason="names are UTF-8 there"),
        ),
        ("x;y", "semicolon"),
        ("x\ny", "control characters: x\\ny"),
        ("x\x1b[31m", "control characters: x\\x1b[31m"),
        ("x ", "blank"),
    ],
)
def test_a_folder_that_a_list_cannot_name_is_left_out_and_named(tmp_path, series, name, told):
    series("good")
    series("plain", PatientID="2")
    (tmp_path / "plain").rename(tmp_path / name)
    report = initialise_study(tmp_path)
    (left_out,) = report.remarks.left_out
    assert told in left_out
    assert left_out.isprintable()
    assert report.n_cases == 1
    assert load_study(tmp_path / "study.yaml").entries[0].images == ("good",)


def test_the_link_is_for_its_owner_alone_and_the_rest_for_all(tmp_path, series):
    series("a", **DOE)
    mask = os.umask(0o022)
    try:
        initialise_study(tmp_path)
    finally:
        os.umask(mask)
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in tmp_path.iterdir() if p.is_file()}
    assert modes["subject_link.csv"] == 0o600
    assert modes["cases.csv"] == modes["study.yaml"] == 0o644
    assert not [name for name in modes if name.endswith(".part")]


def test_gitignore_keeps_what_it_had(tmp_path, series):
    series("a")
    (tmp_path / ".gitignore").write_bytes(b"M\xfcll/\nresults")
    initialise_study(tmp_path)
    assert (
        (tmp_path / ".gitignore").read_bytes().startswith(b"M\xfcll/\nresults\nsubject_link.csv\n")
    )


@pytest.mark.parametrize("number", range(3))
def test_where_one_file_cannot_be_written_none_stays(tmp_path, series, monkeypatch, number):
    series("a")
    real, calls = new_files._place, []

    def place(part, path):
        if len(calls) == number:
            raise OSError(28, "No space left on device")
        calls.append(path)
        real(part, path)

    monkeypatch.setattr(new_files, "_place", place)
    with pytest.raises(OSError, match="No space"):
        initialise_study(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("name", ["study.yaml", "cases.csv", "subject_link.csv"])
def test_nothing_is_overwritten_nor_half_of_the_study_written(tmp_path, series, monkeypatch, name):
    series("a")
    real = initialise.scan

    def scan(*arguments):
        # Somebody else writes it while the headers are read.
        (tmp_path / name).write_text("mine")
        return real(*arguments)

    monkeypatch.setattr(initialise, "scan", scan)
    with pytest.raises(BiomarkerError) as caught:
        initialise_study(tmp_path)
    assert caught.value.code == "OUTPUT-EXISTS"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", name]
    assert (tmp_path / name).read_text() == "mine"


def test_a_study_that_is_there_is_told_how_it_grows(tmp_path):
    (tmp_path / "cases.csv").write_text("mine")
    with pytest.raises(BiomarkerError, match="exists") as caught:
        initialise_study(tmp_path)
    assert "--update" in caught.value.hint
