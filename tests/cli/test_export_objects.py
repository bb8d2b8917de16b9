"""``export seg`` and ``export sr`` as a user meets them, on the sample trial."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess

import numpy as np
import pydicom
import pytest

from biomarker_cli.tables.kept import case_folder, read_index, read_mask

PET = "CENTRE_A/S0001/T1/pet"


@pytest.fixture(scope="module")
def trial(biomarker, sample_dir, tmp_path_factory):
    """Study of the sample trial that keeps masks, and beside it the folder of its run."""
    folder = tmp_path_factory.mktemp("outgoing")
    others = shutil.ignore_patterns("*.py", "__pycache__", "response")
    shutil.copytree(sample_dir, folder / "trial", ignore=others)
    study = folder / "trial" / "study.yaml"
    study.write_text(study.read_text() + "keep: [masks]\n")
    cases = study.parent / "cases.csv"
    head, *lines = cases.read_text().splitlines(keepends=True)
    some = [
        line for line in lines if line.startswith(("CENTRE_A,S0001,T1", "CENTRE_B,S0002,T1,pet"))
    ]
    cases.write_text("".join([head, *some]))
    done = biomarker("run", study, "-o", folder / "run", "--jobs", 2)
    assert done.returncode == 0, done.stderr
    return study


@pytest.fixture(scope="module")
def run(trial):
    return trial.parent.parent / "run"


@pytest.fixture(scope="module")
def segs(biomarker, trial, run):
    folder = run.parent / "segs"
    done = biomarker("export", "seg", run, "--study", trial, "-o", folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "4 segmentations of 4 cases\n"
    return folder


def _rows(folder):
    with (folder / "objects.csv").open() as stream:
        return {row["case_id"]: row for row in csv.DictReader(stream)}


def errors_of_dciodvfy(path):
    """Return the errors that dicom3tools finds in an object, where it is installed."""
    if shutil.which("dciodvfy") is None:
        pytest.skip("dicom3tools is not installed")
    done = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
    return [line for line in (done.stdout + done.stderr).splitlines() if "Error" in line]


def test_every_mask_comes_back_voxel_by_voxel(run, segs):
    import highdicom

    n_segments = 0
    for case_id, row in _rows(segs).items():
        written = highdicom.seg.segread(segs / row["file"])
        folder = case_folder(run, case_id)
        files = {one.roi_id: one for one in read_index(folder).of_kind("masks")}
        for number in written.segment_numbers:
            description = written.get_segment_description(number)
            region = read_mask(folder, files.pop(description.tracking_id)).region
            found = written.get_volume(segment_numbers=[number], rescale_fractional=False)
            first = np.linalg.inv(region.geometry.affine) @ np.append(found.position, 1.0)
            x, y, z = np.rint(first[:3]).astype(int)
            whole = np.zeros(region.geometry.shape, bool)
            array = np.asarray(found.array[..., 0], bool)
            step = int(np.sign(found.affine[2, 0]))
            for index, plane in enumerate(array):
                whole[z + step * index, y:, x:] = plane
            np.testing.assert_array_equal(whole, region.mask)
            n_segments += 1
        assert not files
    assert n_segments == 8


def test_the_segments_are_measured_as_the_masks_were(biomarker, trial, run, segs):
    """The importer of the tool itself finds the voxels, in an image under the same UIDs."""
    out = run.parent / "kept_identity"
    done = biomarker(
        "export",
        "seg",
        run,
        "--image",
        trial.parent,
        "--identity",
        "keep",
        "--case",
        PET,
        "-o",
        out,
    )
    assert done.returncode == 0, done.stderr
    assert "(--identity keep)" in done.stderr
    row = _rows(out)[PET]
    image = trial.parent / "centre_a" / "S0001" / "T1" / "pet" / "image"
    done = biomarker("regions", out / row["file"], "--image", image, "--format", "json")
    assert done.returncode == 0, done.stderr
    found = {one["roi_id"]: one["n_voxels"] for one in json.loads(done.stdout)}
    with (run / "rois.csv").open() as stream:
        rois = [one for one in csv.DictReader(stream) if one["case_id"] == PET]
    assert found == {one["roi_id"]: int(one["n_voxels"]) for one in rois}
    source = pydicom.dcmread(next(image.glob("*.dcm")), stop_before_pixels=True)
    written = pydicom.dcmread(out / row["file"])
    for keyword in ("PatientID", "PatientName", "StudyInstanceUID", "FrameOfReferenceUID"):
        assert written[keyword].value == source[keyword].value
    assert written.SOPInstanceUID != _rows(segs)[PET]["sop_instance_uid"]
    tracking = {item.TrackingUID for item in written.SegmentSequence}
    assert tracking >= {one["tracking_uid"] for one in rois if one["tracking_uid"]}


def test_objects_are_valid(segs):
    for path in segs.glob("*.dcm"):
        assert errors_of_dciodvfy(path) == []


def test_the_same_run_gives_the_same_bytes(biomarker, trial, run, segs):
    again = run.parent / "again"
    biomarker("export", "seg", run, "--study", trial, "-o", again)
    names = sorted(path.name for path in segs.iterdir())
    assert names == sorted(path.name for path in again.iterdir())
    for name in names:
        assert (segs / name).read_bytes() == (again / name).read_bytes()


def test_nothing_of_the_source_leaves_under_the_identity_of_the_study(trial, run, segs):
    image = trial.parent / "centre_a" / "S0001" / "T1" / "pet" / "image"
    source = pydicom.dcmread(next(image.glob("*.dcm")), stop_before_pixels=True)
    content = (segs / _rows(segs)[PET]["file"]).read_bytes()
    for element in source.iterall():
        text = str(element.value).encode()
        registered = text.startswith(b"1.2.840.10008.")
        if element.VR in {"UI", "PN", "LO", "SH", "DA"} and len(text) > 5 and not registered:
            assert text not in content, element.keyword
    written = pydicom.dcmread(segs / _rows(segs)[PET]["file"])
    assert written.PatientID == "S0001"
    assert written.StudyInstanceUID == _rows(segs)[PET]["study_uid"]


def test_what_cannot_leave_is_a_row_and_the_others_go_on(biomarker, trial, run, tmp_path):
    broken = tmp_path / "run"
    shutil.copytree(run, broken)
    next((case_folder(broken, PET) / "masks").iterdir()).write_bytes(b"{}")
    shutil.rmtree(case_folder(broken, "CENTRE_A/S0001/T1/ct"))
    out = tmp_path / "out"
    done = biomarker("export", "seg", broken, "--study", trial, "-o", out)
    assert done.returncode == 5
    rows = _rows(out)
    assert rows[PET]["error_code"] == "KEPT-DAMAGED"
    assert rows["CENTRE_A/S0001/T1/ct"]["error_code"] == "KEPT-NOT-FOUND"
    assert sum(row["status"] == "written" for row in rows.values()) == 2
    done = biomarker("export", "seg", broken, "--study", trial, "-o", out)
    assert done.returncode == 2
    assert "OUTPUT-EXISTS" in done.stderr


def test_images_that_are_not_there(biomarker, trial, run, tmp_path):
    only = trial.parent / "centre_b"
    done = biomarker("export", "seg", run, "--study", trial, "--image", only, "-o", tmp_path / "o")
    assert done.returncode == 5
    assert {row["error_code"] for row in _rows(tmp_path / "o").values()} == {"", "EXPORT-NO-IMAGE"}
    none = ("--case", PET, "--image", only, "-o", tmp_path / "p")
    assert biomarker("export", "seg", run, "--study", trial, *none).returncode == 6


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        (lambda run, study: (study.parent / "study.key").write_text("ab" * 32), "EXPORT-OTHER-KEY"),
        (lambda run, study: (study.parent / "study.key").unlink(), "STUDY-NO-KEY"),
        (lambda run, study: (run / "manifest.json").write_text("{}"), "TABLE-MANIFEST"),
        (
            lambda run, study: (run / "manifest.json").write_text(
                re.sub(r'"created": "[^"]*"', '"created": 3', (run / "manifest.json").read_text())
            ),
            "TABLE-MANIFEST",
        ),
        (lambda run, study: (run / "cases.csv").write_text("case_id\n"), "TABLE-CHANGED"),
        (lambda run, study: (run / "datapackage.json").unlink(), "TABLE-NOT-FOUND"),
    ],
    ids=["another key", "no key", "no manifest", "no time", "edited table", "no run"],
)
def test_a_run_that_cannot_be_handed_out(broken, code, biomarker, trial, run, tmp_path):
    folder, study = tmp_path / "run", tmp_path / "trial" / "study.yaml"
    shutil.copytree(run, folder, ignore=shutil.ignore_patterns("kept", "results"))
    study.parent.mkdir()
    shutil.copy(trial, study)
    shutil.copy(trial.parent / "study.key", study.parent)
    broken(folder, study)
    done = biomarker("export", "seg", folder, "--study", study, "-o", tmp_path / "out")
    assert done.returncode in {2, 3}
    assert f"error {code}:" in done.stderr
    assert not (tmp_path / "out").exists()


def test_what_must_be_said(biomarker, run, tmp_path):
    for words in ((), ("--image", run), ("--identity", "keep")):
        done = biomarker("export", "seg", run, "-o", tmp_path / "out", *words)
        assert done.returncode == 2
        assert "say --" in done.stderr
    done = biomarker(
        "export", "seg", run, "--case", "x\x1b[2J", "--identity", "keep", "-o", tmp_path / "out"
    )
    assert (done.returncode, "\x1b" in done.stderr) == (2, False)
    assert "EXPORT-NO-CASE" in done.stderr
