"""Odd images, masks and transforms of a carried mask: each stops its own case by name."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import carried_study
import kept_study
import numpy as np
import pytest
from carried_study import FIRST, OWN, ROWS, SECOND, carried_row, table, write_list
from synthetic_registration import GRID, body, motion, moved

from biomarker_cli.api.images import read_volume
from biomarker_cli.case.inputs import CaseInputs
from biomarker_cli.dicom.identity import OutgoingIdentity
from biomarker_cli.imaging.files import write_nifti
from biomarker_cli.model.inputs import InputFiles, KnownFile
from biomarker_cli.registration.spatial_objects import write_spatial_registration
from biomarker_cli.registration.transform_files import write_tfm
from biomarker_cli.study.planning import StudyPlanner
from biomarker_cli.study.study_file import load_study, with_key


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Folder of a study whose files nobody changes."""
    folder = tmp_path_factory.mktemp("odd") / "trial"
    carried_study.write_study(folder)
    return folder


@pytest.fixture
def trial(made, tmp_path) -> Path:
    """Folder of a copy of that study."""
    shutil.copytree(made, tmp_path / "trial")
    return tmp_path / "trial"


def _cases(trial: Path, rows=ROWS, more: str = "") -> dict[str, dict[str, str]]:
    path = write_list(trial, rows, more)
    kept_study.run(path, trial.parent / "out")
    return {row["case_id"]: row for row in table(trial.parent / "out", "cases")}


def _voxels(trial: Path, case_id: str = SECOND) -> dict[str, int]:
    rows = table(trial.parent / "out", "rois")
    return {r["roi_id"]: int(r["n_voxels"]) for r in rows if r["case_id"] == case_id}


def test_an_object_of_dicom_leads_the_mask_as_the_file_of_itk(trial):
    fixed, moving = read_volume(trial / "one"), read_volume(trial / "two")
    path = trial / "objects" / "REG001"
    path.parent.mkdir()
    write_spatial_registration(motion(), fixed, moving, path, OutgoingIdentity(), "made:1")
    assert _cases(trial, (OWN, carried_row("objects/REG001")))[SECOND]["status"] == "measured"
    assert _voxels(trial) == {"GTV": 864, "NODE": 210}


def test_a_segmentation_in_place_of_a_registration_is_refused(trial):
    shutil.copy(sorted((trial / "one").iterdir())[0], trial / "slice.dcm")
    found = _cases(trial, (OWN, carried_row("slice.dcm")))
    assert found[SECOND]["error_code"] == "REG-KIND"
    assert found[FIRST]["status"] == "measured"


def test_files_without_a_header_are_carried_between(trial):
    rows = (
        f"{carried_study.HEAD},quantity",
        "A,S1,T1,ct,a.nii.gz,mask.nii.gz,,,hu",
        f"A,S1,T2,ct,b.nii.gz,,{FIRST},there.tfm;quick.yaml,hu",
    )
    second = moved(body(noise_seed=2), motion())
    write_nifti(body().array.astype(np.float32), GRID, trial / "a.nii.gz")
    write_nifti(second.array.astype(np.float32), second.geometry, trial / "b.nii.gz")
    path = write_list(trial, ())
    (trial / "cases.csv").write_text("\n".join(rows) + "\n")
    kept_study.run(path, trial.parent / "out")
    assert {row["status"] for row in table(trial.parent / "out", "cases")} == {"measured"}
    assert _voxels(trial) == {"GTV": 864, "NODE": 210}


def test_two_roles_of_one_image_share_its_mask(trial):
    """The files of the other case are those of the case: none is taken for the mask."""
    late = f"A,S1,T1,late,one,,{FIRST},none@1.0.0"
    path = write_list(trial, (OWN, late))
    path.write_text(carried_study.STUDY + "  late: {analyses: [one.yaml]}\n")
    kept_study.run(path, trial.parent / "out")
    cases = {row["case_id"]: row for row in table(trial.parent / "out", "cases")}
    assert {row["status"] for row in cases.values()} == {"measured"}
    values = {}
    for row in table(trial.parent / "out", "measurements"):
        key = row["roi_id"], row["feature_id"]
        assert values.setdefault(key, row["value"]) == row["value"]
    reused = kept_study.run(path, trial.parent / "out")
    assert {case.action for case in reused.decisions} == {"reuse"}


def test_several_images_of_the_other_case_are_refused_with_its_name(trial):
    third = body(noise_seed=9).array
    carried_study.write_series(trial / "one", "third", third, np.eye(4))
    found = _cases(trial, (OWN, carried_row("there.tfm")))
    assert found[SECOND]["error_code"] == "IMAGE-AMBIGUOUS"
    assert FIRST in found[SECOND]["error_message"]


def test_an_image_of_one_value_stops_its_case(trial):
    shutil.rmtree(trial / "two")
    carried_study.write_series(trial, "two", np.zeros(GRID.shape), motion())
    found = _cases(trial, (OWN, carried_row("quick.yaml")))
    assert found[SECOND]["error_code"] == "REGISTRATION-CONSTANT"
    assert found[FIRST]["status"] == "measured"


def test_an_image_of_another_patient_asks_for_a_person(trial):
    """With integrity: flag nothing else stops it."""
    shutil.rmtree(trial / "two")
    values = body(noise_seed=2).array
    carried_study.write_series(trial, "two", values, motion(), subject="another")
    found = _cases(trial, more="integrity: flag\n")
    assert found[SECOND]["error_code"] == "REGISTRATION-NOT-ACCEPTED"
    assert "patient:review" in found[SECOND]["error_message"]
    assert _cases(trial)[SECOND]["error_code"] == "STUDY-SUBJECT-MISMATCH"


def test_header_geometry_needs_one_frame_of_reference(trial):
    found = _cases(trial, (OWN, carried_row("none@1.0.0")))
    assert found[SECOND]["error_code"] == "REGISTRATION-FRAMES"


@pytest.mark.parametrize("content", [b"", b"\x00" * 50, b"no mask"])
def test_a_damaged_mask_stops_both_cases_each_by_itself(trial, content):
    (trial / "mask.nii.gz").write_bytes(content)
    found = _cases(trial)
    assert {row["status"] for row in found.values()} == {"failed"}
    assert found[SECOND]["error_code"] == found[FIRST]["error_code"] != ""


def test_a_file_of_the_other_case_that_is_cut_short_refuses_both(trial):
    path = sorted((trial / "one").iterdir())[3]
    path.write_bytes(path.read_bytes()[:700])
    found = _cases(trial)
    assert {row["status"] for row in found.values()} == {"failed"}
    assert found[SECOND]["error_code"] == found[FIRST]["error_code"] != ""


def test_a_mask_that_lies_beside_the_image_leaves_no_value(trial):
    rows = (OWN, carried_row("far.tfm"))
    far = np.eye(4)
    far[:3, 3] = 900.0
    write_tfm(far, np.zeros(3), trial / "far.tfm")
    accept = (
        f"registrations: {{accept: [{{case: {SECOND}, reason: all, approver: a, "
        "expires: 2999-12-31}]}\n"
    )
    found = _cases(trial, rows, accept)
    assert found[SECOND]["status"] == "failed"
    rois = [r for r in table(trial.parent / "out", "rois") if r["case_id"] == SECOND]
    assert {row["error_code"] for row in rois} == {"REGION-OUTSIDE"}
    assert _voxels(trial, FIRST) == {"GTV": 864, "NODE": 210}


def test_pixels_of_the_other_image_are_told_apart_whatever_stops_the_case(trial):
    """A digest without them would let a copy of the image pass."""
    study = with_key(load_study(write_list(trial, ROWS)), writes=True)
    plan = StudyPlanner(study).planned(1).plan
    # Nobody has read them: the index knew their headers.
    known = {path: KnownFile(one.signature) for path, one in plan.inputs.known.items()}
    plan = replace(plan, inputs=InputFiles(known))
    read = CaseInputs(plan).read_all()
    images = {path for path in read if path.suffix == ".dcm"}
    assert len(images) == 64
    assert all(read[path].pixels for path in images)
