"""`init`: a study beside or apart from its archive, sites, copies, pinned protocols."""

from __future__ import annotations

import csv
import os
import re
import shutil
import stat

import pytest
from pydicom import dcmread
from pydicom.uid import generate_uid
from synthetic_segmentations import Roi, structure_set
from synthetic_series import axial, write_series

from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.protocol.loading import load_document
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.study.initialise import initialise_study
from biomarker_cli.study.sites import site_ids, site_rule
from biomarker_cli.study.study_file import load_study


@pytest.fixture
def archive(tmp_path):
    return tmp_path / "archive"


@pytest.fixture
def series(archive):
    def write(folder: str, name: str = "", **elements: str):
        study_uid = generate_uid(entropy_srcs=["study", name or folder])

        def change(_index, dataset):
            dataset.StudyInstanceUID = study_uid
            for keyword, value in {"PatientID": "1", **elements}.items():
                setattr(dataset, keyword, value)

        return write_series(
            archive / folder,
            axial(0, 3, 6),
            series=(name or folder).replace("/", "_"),
            change=change,
        )

    return write


def rows_of(study):
    with (study / "cases.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def tree(folder):
    return {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in sorted(folder.rglob("*"))}


def test_an_archive_that_must_not_be_written_stays_as_it_is(archive, series, tmp_path):
    series("a")
    before = tree(archive)
    archive.chmod(0o555)
    try:
        report = initialise_study(archive, output=tmp_path / "deep" / "study")
    finally:
        archive.chmod(0o755)
    assert tree(archive) == before
    study = load_study(tmp_path / "deep" / "study" / "study.yaml")
    assert study.entries[0].images == (str(archive / "a"),)
    names = {p.name for p in (tmp_path / "deep" / "study").iterdir()}
    assert names == {"study.yaml", "cases.csv", "subject_link.csv", "study.key", ".gitignore"}
    assert report.folder == tmp_path / "deep" / "study"
    link = tmp_path / "deep" / "study" / "subject_link.csv"
    assert stat.S_IMODE(link.stat().st_mode) == 0o600


def test_a_study_above_its_archive_names_it_by_relative_paths(archive, series, tmp_path):
    series("a")
    initialise_study(archive, output=tmp_path)
    assert rows_of(tmp_path)[0]["image"] == "archive/a"


def test_a_folder_that_cannot_be_written_is_told_before_reading(archive, series, monkeypatch):
    series("a")
    monkeypatch.setattr("biomarker_cli.study.initialise.scan", None)
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: mode != os.W_OK and real(path, mode))
    with pytest.raises(PermissionError):
        initialise_study(archive)


def test_protocols_are_pinned(archive, series):
    series("a")
    initialise_study(archive)
    text = (archive / "study.yaml").read_text()
    pinned = load_document(ProtocolKind.ACQUISITION, "base-ct").ident
    assert re.fullmatch(r"base-ct@\d+\.\d+\.\d+", pinned)
    assert f"acquisition: {pinned}\n" in text
    role = load_study(archive / "study.yaml").model.roles["ct"]
    assert all("@" in name for name in (role.acquisition, *role.analyses))


def test_sites_by_folder(archive, series):
    series("north/x/ct", PatientID="1")
    series("south/ct", PatientID="2")
    initialise_study(archive, site_from="{site}/*")
    assert {r["subject_id"]: r["site_id"] for r in rows_of(archive)} == {
        "S0001": "north",
        "S0002": "south",
    }


def test_one_patient_id_of_two_sites_is_two_persons_and_told(archive, series):
    series("A/x", PatientID="7")
    series("B/y", PatientID="7", StudyDate="20250601")
    report = initialise_study(archive, site_from="{site}/*")
    assert [(r["site_id"], r["subject_id"], r["timepoint"]) for r in rows_of(archive)] == [
        ("A", "S0001", "T1"),
        ("B", "S0002", "T1"),
    ]
    (doubt,) = report.remarks.doubtful
    assert "S0001 (A) and S0002 (B) have one PatientID" in doubt
    link = (archive / "subject_link.csv").read_text().splitlines()
    assert [line.split(",")[:2] for line in link[1:]] == [["S0001", "7"], ["S0002", "7"]]


def test_sites_by_element(archive, series):
    series("a", InstitutionName="Zentrum Nord", PatientID="1")
    series("b", PatientID="2")
    report = initialise_study(archive, site_from="InstitutionName")
    assert sorted(r["site_id"] for r in rows_of(archive)) == ["SITE", "Zentrum-Nord"]
    assert "no site is told of" in report.remarks.doubtful[-1]


@pytest.mark.parametrize("text", ["0008,0080", "(0008,0080)", "00080080", " InstitutionName "])
def test_a_tag_may_be_written_in_several_ways(text):
    assert site_rule(text).keyword == "InstitutionName"


@pytest.mark.parametrize(
    "text",
    [
        "{site}/{site}",
        "site/*",
        "/{site}",
        "../{site}",
        "{site}//x",
        "NoSuchKeyword",
        "PatientID",
        "0010,0010",
        "ReferencedImageSequence",
        "0009,0001",
        "\x1b[31m",
    ],
)
def test_a_rule_that_tells_no_site_is_refused(archive, series, text):
    series("a")
    with pytest.raises(BiomarkerError) as caught:
        initialise_study(archive, site_from=text)
    assert caught.value.code == "STUDY-SITE-FROM"
    assert caught.value.exit_code == 2
    assert caught.value.message.isprintable()
    assert not (archive / "study.yaml").exists()


@pytest.mark.parametrize(
    ("pattern", "path", "site"),
    [
        ("{site}/*", "A/1.dcm", "A"),
        ("{site}/*", "1.dcm", ""),
        ("{site}", "A/b/c/1.dcm", "A"),
        ("*/site-{site}/x*", "t/site-B.1/xy/1.dcm", "B.1"),
        ("*/site-{site}/x*", "t/B/xy/1.dcm", ""),
        ("data/{site}_old", "data/K_old/1", "K"),
        ("data/{site}_old", "DATA/K_old/1", ""),
        ("{site}", "a\nb/1", "a\nb"),
    ],
)
def test_patterns_go_folder_by_folder_from_the_top(pattern, path, site):
    from pathlib import PurePosixPath

    assert site_rule(pattern).name(PurePosixPath(path), None) == site


@pytest.mark.parametrize("names", [("A B", "A-B"), ("a", "A"), ("K\xf6ln", "K\xe4ln")])
def test_two_sites_never_become_one(names):
    with pytest.raises(BiomarkerError, match="would both be"):
        site_ids(names)


@pytest.mark.parametrize("name", ["CON", "\u6771\u4eac", "..."])
def test_a_site_without_an_identifier_is_refused(name):
    with pytest.raises(BiomarkerError, match="no identifier"):
        site_ids([name])


def test_of_two_copies_the_first_by_its_path_is_taken_and_both_are_named(archive, series):
    paths = series("b/ct")
    shutil.copytree(paths[0].parent, archive / "a" / "copy")
    report = initialise_study(archive)
    (row,) = rows_of(archive)
    assert row["image"] == "a/copy"
    assert report.remarks.copies == [
        f"{row['series_uid']} is stored in a/copy and b/ct: a/copy is taken"
    ]


def test_a_copy_that_is_not_whole_is_never_taken_alone(archive, series):
    paths = series("b/ct")
    (archive / "a").mkdir()
    shutil.copy(paths[0], archive / "a")
    report = initialise_study(archive)
    assert rows_of(archive)[0]["image"] == "b/ct"
    paths[0].unlink()
    for name in ("study.yaml", "cases.csv", "subject_link.csv"):
        (archive / name).unlink()
    shutil.copy(paths[1], archive / "a")
    report = initialise_study(archive)
    assert rows_of(archive)[0]["image"] == "a;b/ct"
    assert "stored twice in part" in report.remarks.copies[0]


def test_copies_that_differ_are_both_named_and_none_is_preferred(archive, series):
    paths = series("a")
    shutil.copytree(archive / "a", archive / "b")
    dataset = dcmread(archive / "b" / paths[0].name)
    dataset.RescaleIntercept = -999
    dataset.save_as(archive / "b" / paths[0].name)
    report = initialise_study(archive)
    assert rows_of(archive)[0]["image"] == "a;b"
    assert any("a and b that differ" in line for line in report.remarks.doubtful)


def test_a_copied_segmentation_is_one(archive, series):
    uid = dcmread(series("ct")[0]).SeriesInstanceUID
    dataset = structure_set([Roi("GTV")], referenced_series=[uid])
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    (archive / "b").mkdir()
    dataset.save_as(archive / "b" / "rt.dcm", enforce_file_format=True)
    (archive / "a").mkdir()
    shutil.copy(archive / "b" / "rt.dcm", archive / "a" / "rt.dcm")
    report = initialise_study(archive)
    assert rows_of(archive)[0]["mask"] == "a/rt.dcm"
    assert "a segmentation is stored in a/rt.dcm and b/rt.dcm" in report.remarks.copies[0]


def test_an_archive_whose_own_name_no_list_can_hold_is_told(tmp_path):
    archive = tmp_path / "a;b"
    write_series(archive / "ct", axial(0, 3, 6))
    with pytest.raises(BiomarkerError) as caught:
        initialise_study(archive, output=tmp_path / "study")
    assert caught.value.code == "NOTHING-FOUND"
    assert "semicolon" in caught.value.message
    assert not (tmp_path / "study" / "study.yaml").exists()
