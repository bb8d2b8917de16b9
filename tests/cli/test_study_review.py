"""Studies as people write them: shared folders, relative paths, edits between runs."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import generate_uid

from biomarker_cli.case.inputs import image_paths, mask_paths
from biomarker_cli.case.plan import CasePlan, ImagePlan
from biomarker_cli.imaging.errors import ImageFileError
from biomarker_cli.study.errors import StudyError
from biomarker_cli.study.study_file import load_study
from biomarker_cli.tables.dictionary import joined_rows

CHECKOUT = Path(__file__).resolve().parents[2]

STUDY = 'format: biomarker-study/1\nid: "x"\nroles:\n  ct:\n    analyses: [radiomics-ct]\n'
COLUMNS = "site_id,subject_id,timepoint,role,image,mask"


def _read(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def _write(path, rows):
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.parametrize("name", ["2024-05-01", "Größe x", "007"])
def test_init_takes_a_relative_folder_of_any_name(biomarker, sample_dir, tmp_path, name):
    shutil.copytree(sample_dir / "centre_b", tmp_path / name)
    done = biomarker("init", name, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    load_study(tmp_path / name / "study.yaml")
    done = biomarker("run", f"{name}/study.yaml", "--dry-run", cwd=tmp_path)
    assert done.returncode == 0, done.stderr


def test_init_says_what_it_cannot_decide(biomarker, sample_dir, tmp_path):
    folder = shutil.copytree(sample_dir / "centre_b", tmp_path / "trial")
    mask = next(folder.rglob("rtstruct*.dcm"))
    second = pydicom.dcmread(mask)
    second.SOPInstanceUID = second.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    second.SeriesInstanceUID = generate_uid()
    second.save_as(folder / "zz_second.dcm")
    pet = next(path for path in folder.rglob("pet") if path.is_dir())
    pet.rename(pet.with_name("pet;first"))
    done = biomarker("init", folder)
    assert done.returncode == 0, done.stderr
    twice = f"{mask.relative_to(folder).as_posix()}, zz_second.dcm"
    assert f"several segmentations fit, choose one: S0001/T1/ct: {twice}" in done.stdout
    assert "a folder name holds a semicolon" in done.stdout
    rows = {row["role"]: row for row in _read(folder / "cases.csv")}
    assert rows["ct"]["mask"] == ""
    assert set(rows) == {"ct", "dwi"}


def test_a_list_with_semicolons_between_columns_is_named(biomarker, tmp_path):
    (tmp_path / "study.yaml").write_text(STUDY)
    (tmp_path / "cases.csv").write_text(f"{COLUMNS}\nS,1,T1,ct,a,b\n".replace(",", ";"))
    done = biomarker("run", tmp_path / "study.yaml", "--dry-run")
    assert done.returncode == 2
    assert "separated by semicolons" in done.stderr


def test_a_refusal_is_dropped_once_its_cause_is_gone(biomarker, sample_copy, tmp_path):
    cases = sample_copy / "cases.csv"
    right = [r for r in _read(cases) if r["role"] == "pet" and r["site_id"] == "CENTRE_A"]
    assert len(right) == 2
    wrong = [right[0], {**right[1], "image": right[0]["image"], "mask": right[0]["mask"]}]
    arguments = ("run", sample_copy / "study.yaml", "-o", tmp_path / "out", "--jobs", 1)
    _write(cases, wrong)
    assert biomarker(*arguments).returncode == 6
    _write(cases, right)
    done = biomarker(*arguments)
    assert done.returncode == 0, done.stdout


def test_visits_in_one_folder_are_told_apart_by_their_series(biomarker, sample_copy, tmp_path):
    cases = sample_copy / "cases.csv"
    rows = [r for r in _read(cases) if r["site_id"] == "CENTRE_A" and r["role"] in {"ct", "pet"}]
    rows.sort(key=lambda r: (r["role"], r["timepoint"]))  # the second role begins at T1 again
    _write(cases, rows)
    done = biomarker("run", sample_copy / "study.yaml", "-o", tmp_path / "a", "--jobs", 1)
    assert done.returncode == 0, done.stdout
    uids = {r["case_id"]: r["series_uid"] for r in _read(tmp_path / "a" / "cases.csv")}
    for row in rows:
        key = "/".join(row[k] for k in ("site_id", "subject_id", "timepoint", "role"))
        row |= {"series_uid": uids[key], "image": "centre_a"}
    _write(cases, rows)
    done = biomarker("run", sample_copy / "study.yaml", "-o", tmp_path / "b", "--jobs", 1)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"{COLUMNS},mask\nS,1,T1,ct,a,b,c\n", "stand twice"),
        (f"{COLUMNS}\nA__B,C,T1,ct,a,b\nA,B__C,T1,ct,a,b\n", "one result file"),
        (f"{COLUMNS}\nS,1,T1,ct,é,b\n".encode("latin-1"), "UTF-8"),
    ],
)
def test_a_list_of_cases_that_would_be_misread_is_refused(tmp_path, text, told):
    (tmp_path / "study.yaml").write_text(STUDY)
    content = text if isinstance(text, bytes) else text.encode()
    (tmp_path / "cases.csv").write_bytes(content)
    with pytest.raises(StudyError, match=told):
        load_study(tmp_path / "study.yaml")


def test_a_feature_with_two_units_is_one_row_of_the_dictionary():
    rows = [{"analysis_id": "a", "feature_id": "f", "unit_ucum": u} for u in ("[hnsf'U]", "1")]
    assert joined_rows(rows) == {"analysis_id": "a", "feature_id": "f", "unit_ucum": "1;[hnsf'U]"}


def test_an_output_that_cannot_be_written_is_no_internal_error(biomarker, sample_dir, tmp_path):
    (tmp_path / "file").write_text("x")
    done = biomarker("run", sample_dir / "study.yaml", "-o", tmp_path / "file" / "out")
    assert done.returncode == 2
    assert "PATH-KIND" in done.stderr


def test_two_protocols_of_one_name_are_refused(biomarker, tmp_path):
    shipped = CHECKOUT / "protocols/analysis/radiomics-ct/1.0.0.yaml"
    text = shipped.read_text().replace("title: ", "title: changed ", 1)
    (tmp_path / "mine.yaml").write_text(text)
    (tmp_path / "study.yaml").write_text(STUDY + "  b:\n    analyses: [mine.yaml]\n")
    (tmp_path / "cases.csv").write_text(f"{COLUMNS}\nS,1,T1,ct,a,b\n")
    done = biomarker("run", tmp_path / "study.yaml", "--dry-run")
    assert done.returncode == 2
    assert "STUDY-PROTOCOL-CLASH" in done.stderr


def test_the_voxels_of_a_header_that_cannot_be_read_are_not_guessed(tmp_path):
    (tmp_path / "a.mhd").write_text("header")
    (tmp_path / "a.raw").write_bytes(b"voxels")
    image = (tmp_path / "a.mhd",)
    plan = CasePlan("S", "1", "T1", "ct", (ImagePlan("ct", files=image),), None, analyses=())
    with pytest.raises(ImageFileError, match="no ElementDataFile"):
        image_paths(plan)


def test_what_only_begins_like_an_input_is_none(tmp_path):
    names = ("1.2.840.1.dcm", "1.2.840.2.dcm", "1.nii.gz", "1.labels.csv", "1.labels.csv.bak")
    for name in names:
        (tmp_path / name).write_text(name)

    def inputs(mask):
        plan = CasePlan("S", "1", "T1", "ct", (ImagePlan("ct"),), tmp_path / mask, analyses=())
        return {path.name for path in mask_paths(plan.mask)}

    assert inputs("1.2.840.1.dcm") == {"1.2.840.1.dcm"}
    assert inputs("1.nii.gz") == {"1.nii.gz", "1.labels.csv"}


@pytest.mark.parametrize(
    ("header", "line"),
    [
        ("a.mhd", "ElementDataFile = b.raw"),
        ("a.mha", "ElementDataFile = LIST\nb.raw"),
        ("a.nhdr", "NRRD0004\ndata file: b.raw"),
        ("a.nrrd", "NRRD0004\nDATA FILE: LIST\nb.raw"),
    ],
)
def test_the_voxels_that_a_header_names_are_inputs(tmp_path, header, line):
    (tmp_path / header).write_text(f"{line}\n")
    (tmp_path / "b.raw").write_bytes(b"voxels")
    (tmp_path / "a.txt").write_text("not named")
    image = ImagePlan("ct", files=(tmp_path / header,))
    plan = CasePlan("S", "1", "T1", "ct", (image,), None, analyses=())
    assert {path.name for path in image_paths(plan)} == {header, "b.raw"}
