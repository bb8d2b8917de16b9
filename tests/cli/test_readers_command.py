"""``biomarker readers``, as a user runs it."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from biomarker_cli.imaging.files import write_nifti
from biomarker_cli.imaging.geometry import Geometry
from tests.synthetic_tables import MEDIAN, write_run

GRID = Geometry((8, 10, 12), (1.0, 1.0, 2.0))


@pytest.fixture
def masks(tmp_path):
    paths = []
    for name, start in (("a", 2), ("b", 3), ("c", 2)):
        mask = np.zeros(GRID.shape, dtype=np.uint8)
        mask[2:6, 2:8, start : start + 6] = 1
        path = tmp_path / name / "gtv.nii.gz"
        path.parent.mkdir()
        write_nifti(mask, GRID, path)
        paths.append(f"{name}={path}")
    return paths


def test_pairs_and_the_majority_in_a_table(biomarker, tmp_path, masks):
    done = biomarker("readers", *masks, "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    with (tmp_path / "out" / "reader_pairs.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["reader_a"], row["reader_b"]) for row in rows] == [
        ("a", "b"), ("a", "c"), ("a", "majority"), ("b", "c"), ("b", "majority"),
        ("c", "majority"),
    ]  # fmt: skip
    assert [round(float(row["dice"]), 4) for row in rows] == [0.8333, 1, 1, 0.8333, 0.8333, 1]
    first = (tmp_path / "out" / "reader_pairs.csv").read_bytes()
    assert biomarker("readers", *masks, "-o", tmp_path / "out").returncode == 2
    assert biomarker("readers", *masks[::-1], "-o", tmp_path / "again").returncode == 0
    assert (tmp_path / "again" / "reader_pairs.csv").read_bytes() == first


def test_another_grid_fails_its_rows_and_no_others(biomarker, tmp_path, masks):
    other = Geometry(GRID.shape, (1.0, 1.0, 2.5))
    mask = np.zeros(GRID.shape, dtype=np.uint8)
    mask[2:6, 2:8, 2:8] = 1
    write_nifti(mask, other, tmp_path / "d.nii.gz")
    done = biomarker("readers", *masks[:2], tmp_path / "d.nii.gz", "--format", "json")
    assert done.returncode == 5
    rows = json.loads(done.stdout)
    assert [row["status"] for row in rows] == ["ok", "failed", "failed"]
    assert biomarker("readers", masks[0], tmp_path / "d.nii.gz").returncode == 6


def test_the_contours_of_the_sample_on_its_image(biomarker, sample_dir):
    folder = sample_dir / "centre_a" / "S0001" / "T1" / "ct"
    contours = folder / "rtstruct.dcm"
    done = biomarker(
        *("readers", f"one={contours}", f"two={contours}", "--image", folder / "image"),
        *("--format", "json"),
    )
    assert done.returncode == 0, done.stderr
    found = {row["status"]: row["dice"] for row in json.loads(done.stdout)}
    assert found == {"ok": 1.0, "missing": None}, "points are no region of anybody"
    done = biomarker("readers", f"one={contours}", f"two={contours}")
    assert done.returncode == 2
    assert "READERS-NO-GRID" in done.stderr


def test_runs_of_two_readers_give_an_icc(biomarker, tmp_path, masks):
    runs = [
        write_run(
            tmp_path / name,
            [("A", f"S{i}", "T1", "GTV", MEDIAN, str(i + shift)) for i in range(5)],
        )
        for name, shift in (("x", 0.0), ("y", 0.5))
    ]
    done = biomarker("readers", *runs, "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "0.952" in done.stdout
    assert (tmp_path / "out" / "reader_features.csv").is_file()
    assert biomarker("readers", runs[0], masks[0]).returncode == 2
    for words, said in [
        ((*runs, "--image", masks[0]), "--image is of segmentations"),
        ((*masks, "--feature", "adc.*"), "--feature is of runs"),
    ]:
        done = biomarker("readers", *words)
        assert done.returncode == 2
        assert said in done.stderr
