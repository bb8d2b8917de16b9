"""A batch file of pyradiomics becomes a study that runs."""

from __future__ import annotations

import csv
import sys

import numpy as np
import pytest
import yaml

from biomarker_cli.case.analysis import load_analysis
from biomarker_cli.study.case_list import read_cases
from biomarker_cli.study.errors import StudyError
from biomarker_cli.study.from_batch import Batch, study_of_batch


def made(tmp_path, text, parameters=None, **columns):
    path = tmp_path / "lists" / "batch.csv"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    folder = tmp_path / "study"
    return study_of_batch(Batch(path, "hu", parameters, columns), folder), folder


def test_images_masks_and_further_columns_stand_in_the_study(tmp_path):
    text = "Image,Mask,Reader,Age\na.nii,a1.nii,R1,=1+1\na.nii,a2.nii,R2,\n"
    text += "../study/b.nii,/m.nii,R1,7\n"
    report, folder = made(tmp_path, text)
    assert (report.n_cases, report.n_subjects, report.further) == (3, 2, ("Reader", "Age"))
    roles = yaml.safe_load((folder / "study.yaml").read_text())["roles"]
    assert roles == {
        role: {"analyses": ["pyradiomics-default@1.0.0"]} for role in ("image", "image-2")
    }
    entries = read_cases(folder / "cases.csv", list(roles))
    assert [entry.case_id for entry in entries] == [
        "SITE/S0001/T1/image", "SITE/S0001/T1/image-2", "SITE/S0002/T1/image"
    ]  # fmt: skip
    lists = str(tmp_path / "lists")
    assert [(*e.images, e.mask) for e in entries] == [
        (f"{lists}/a.nii", f"{lists}/a1.nii"), (f"{lists}/a.nii", f"{lists}/a2.nii"),
        ("b.nii", "/m.nii"),
    ]  # fmt: skip
    assert {entry.quantity for entry in entries} == {"hu"}
    with (folder / "batch_columns.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["Reader"] for row in rows] == ["R1", "R2", "R1"]
    # A formula of a spreadsheet stays text.
    assert rows[0]["Age"] == "'=1+1"
    with pytest.raises(StudyError, match="exists"):
        made(tmp_path, text)


def test_columns_name_subject_visit_and_site_and_parameters_are_carried_over(tmp_path):
    parameters = tmp_path / "params.yaml"
    parameters.write_text("setting: {binWidth: 5}")
    text = "Image,Mask,Patient,Visit,site_id\na.nii,m.nii,P1,V1,X\nb.nii,m.nii,P1,V2,X\n"
    columns = {"subject_id": "Patient", "timepoint": "Visit", "site_id": "site_id"}
    report, folder = made(tmp_path, text, parameters, **columns)
    assert (report.n_subjects, report.further) == (1, ())
    assert [e.case_id for e in read_cases(folder / "cases.csv", ["image"])] == [
        "X/P1/V1/image", "X/P1/V2/image"
    ]  # fmt: skip
    assert load_analysis(str(folder / "analysis.yaml")).rules.discretisation.width == 5
    assert not (folder / "batch_columns.csv").exists()


@pytest.mark.parametrize(
    ("text", "columns", "named"),
    [
        ("Image,Maske\na,b\n", {}, "Mask"),
        ("Image,Mask\n", {}, "no image"),
        ("Image,Mask\na.nii,\n", {}, "batch.csv:2"),
        ("Image,Mask\na;b.nii,m.nii\n", {}, "semicolon"),
        ("Image,Mask\na.nii,m\x1b[2J.nii\n", {}, "control"),
        ("Image,Mask,role\na.nii,m.nii,ct\n", {}, "role"),
        ("Image,Mask,P\na.nii,m.nii,../x\n", {"subject_id": "P"}, "letters"),
        ("Image,Mask\na.nii,m.nii\n", {"subject_id": "P"}, "P"),
    ],
)
def test_what_no_study_can_be_made_of_is_refused(tmp_path, text, columns, named):
    with pytest.raises(StudyError) as caught:
        made(tmp_path, text, **columns)
    assert caught.value.code == "STUDY-BATCH"
    assert named in str(caught.value)
    assert not (tmp_path / "study").exists()


def test_the_study_of_a_batch_file_runs(tmp_path, monkeypatch):
    sitk = pytest.importorskip("SimpleITK")
    from biomarker_cli.cli.main import cli

    image = np.random.default_rng(1).integers(0, 300, (6, 12, 12)).astype(np.int16)
    mask = np.zeros(image.shape, np.uint8)
    mask[1:5, 3:9, 3:9] = 1
    for name, array in (("image", image), ("mask", mask)):
        sitk.WriteImage(sitk.GetImageFromArray(array), str(tmp_path / f"{name}.nii.gz"))
    (tmp_path / "batch.csv").write_text("Image,Mask\nimage.nii.gz,mask.nii.gz\n")
    monkeypatch.setattr(sys, "argv", ["biomarker"])
    for line in (
        ["study", "from-csv", "batch.csv", "--quantity", "hu", "-o", "trial"],
        ["run", "trial/study.yaml", "-o", "out", "--jobs", "1", "--quiet"],
    ):
        monkeypatch.chdir(tmp_path)
        assert cli.main(line, standalone_mode=False) in (0, None)
    with (tmp_path / "out" / "measurements.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) > 90
    assert {row["status"] for row in rows} == {"ok"}
