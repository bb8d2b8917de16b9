"""Pipes, detached voxels and headers of 20 GB as inputs of a study: rows, never a hang."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest

from biomarker_cli.imaging.files import is_image_file, write_nifti
from biomarker_cli.imaging.geometry import Geometry

GRID = Geometry((6, 12, 10), (1.5, 2.0, 3.0), (-20.0, 7.5, 100.25))
VOXELS = np.random.default_rng(5).integers(0, 200, GRID.shape).astype("<i2")
MASK = np.zeros(GRID.shape, dtype=np.uint8)
MASK[1:5, 3:9, 2:8] = 1

STUDY = """format: biomarker-study/1
id: odd-files
roles:
  ct:
    analyses: [pyradiomics-default@1.0.0]
"""

HEADER = """ObjectType = Image
NDims = 3
BinaryData = True
BinaryDataByteOrderMSB = False
TransformMatrix = 1 0 0 0 1 0 0 0 1
Offset = -20 7.5 100.25
ElementSpacing = 1.5 2 3
DimSize = {sizes}
ElementType = MET_SHORT
ElementDataFile = {named}
"""


def detached(folder, name="image.mhd", named="image.raw", sizes="10 12 6"):
    (folder / name).write_text(HEADER.format(named=named, sizes=sizes))
    (folder / "image.raw").write_bytes(VOXELS.tobytes())
    return name


@pytest.fixture
def study(tmp_path):
    """A folder with an image, a mask and a study that measures whatever is listed."""
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "study.yaml").write_text(STUDY)
    write_nifti(VOXELS, GRID, folder / "image.nii.gz")
    write_nifti(MASK, GRID, folder / "mask.nii.gz")
    return folder


def list_cases(folder, cases):
    rows = [
        f"A,S{n:04},T1,ct,{image},{mask},{'hu' if is_image_file(Path(image)) else ''}"
        for n, (image, mask) in enumerate(cases)
    ]
    head = "site_id,subject_id,timepoint,role,image,mask,quantity"
    (folder / "cases.csv").write_text("\n".join([head, *rows]) + "\n")


def table(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_inputs_that_are_no_files_are_rows_and_the_others_go_on(biomarker, study, tmp_path):
    (tmp_path / "outside.raw").write_bytes(VOXELS.tobytes())
    (study / "zero.nii").symlink_to("/dev/zero")
    for name in ("pipe.nii", "pipe.dcm", "pipe"):
        os.mkfifo(study / name)
    outside = detached(study, "b.mhd", "../outside.raw")
    large = detached(study, "c.mhd", sizes="4096 4096 600")
    cases = [
        ("image.nii.gz", "mask.nii.gz", "measured", ""),
        ("pipe.nii", "mask.nii.gz", "failed", "FILE-NOT-REGULAR"),
        ("image.nii.gz", "pipe.nii", "failed", "FILE-NOT-REGULAR"),
        ("image.nii.gz", "pipe.dcm", "failed", "FILE-NOT-REGULAR"),
        ("image.nii.gz", "zero.nii", "failed", "FILE-NOT-REGULAR"),
        ("pipe", "mask.nii.gz", "failed", "IMAGE-NOT-FOUND"),
        (outside, "mask.nii.gz", "failed", "IMAGE-FILE-DETACHED"),
        (large, "mask.nii.gz", "failed", "IMAGE-FILE-TOO-LARGE"),
        (detached(study), "mask.nii.gz", "measured", ""),
    ]
    list_cases(study, [case[:2] for case in cases])
    done = biomarker("run", study / "study.yaml", "-o", tmp_path / "out", "--jobs", 1)
    assert done.returncode == 5, done.stderr
    rows = table(tmp_path / "out" / "cases.csv")
    assert [(row["status"], row["error_code"]) for row in rows] == [case[2:] for case in cases]
    # Detached or not, the same numbers.
    numbers = {}
    for row in table(tmp_path / "out" / "measurements.csv"):
        numbers.setdefault(row["case_id"], []).append((row["feature_id"], row["value"]))
    first, last = numbers.values()
    assert first == last


def test_detached_voxels_that_change_are_measured_again(biomarker, study, tmp_path):
    list_cases(study, [(detached(study, "image.mha"), "mask.nii.gz")])
    run = ("run", study / "study.yaml", "-o", tmp_path / "out", "--jobs", 1)
    assert biomarker(*run).returncode == 0
    first = (tmp_path / "out" / "measurements.csv").read_bytes()
    raw = study / "image.raw"
    before = raw.stat()
    raw.write_bytes((VOXELS + 7).astype("<i2").tobytes())
    os.utime(raw, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert biomarker(*run).returncode == 0
    assert (tmp_path / "out" / "measurements.csv").read_bytes() != first


@pytest.mark.parametrize("name", ["pipe.nii", "pipe.seg.nrrd", "pipe"])
def test_a_pipe_as_a_segmentation_does_not_hang(biomarker, study, name):
    os.mkfifo(study / name)
    done = biomarker("regions", study / name, "--list")
    assert done.returncode == 6
    assert "FILE-NOT-REGULAR" in done.stderr


def test_no_row_holds_a_path_of_the_machine(biomarker, study, tmp_path):
    (study / "folder").mkdir()
    absolute = detached(study, "a.mhd", str(tmp_path / "elsewhere" / "voxels.raw"))
    cases = [
        ("image.nii.gz", "folder"),
        ("image.nii.gz", absolute),
        (absolute, "mask.nii.gz"),
        (tmp_path / "gone.nii.gz", "mask.nii.gz"),
        ("image.nii.gz", tmp_path / "gone.nii.gz"),
    ]
    list_cases(study, cases)
    done = biomarker("run", study / "study.yaml", "-o", tmp_path / "out", "--jobs", 1)
    assert done.returncode == 6, done.stderr
    for path in (tmp_path / "out").rglob("*"):
        assert not path.is_file() or str(tmp_path).encode() not in path.read_bytes(), path.name
