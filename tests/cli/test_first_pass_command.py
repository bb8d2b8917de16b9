"""``extract dsc`` by the shipped analysis, as a shell runs it."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from synthetic_dce import SHAPE
from synthetic_dsc import BOXES, FirstPass, write_first_pass

from biomarker_cli.imaging.files import write_nifti
from biomarker_cli.imaging.geometry import Geometry


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dsc")
    write_first_pass(folder / "image", FirstPass(k2_per_s=0.05))
    labels = np.zeros(SHAPE, dtype=np.uint8)
    for number, box in enumerate(BOXES.values(), 1):
        labels[box] = number
    write_nifti(labels, Geometry(SHAPE, (1.0, 2.0, 3.0)), folder / "mask.nii.gz")
    lines = ["value,name", *(f"{n},{name}" for n, name in enumerate(BOXES, 1))]
    (folder / "mask.labels.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_the_shipped_analysis_gives_the_truth(biomarker, case):
    done = biomarker(
        *("extract", "dsc", "--image", case / "image", "--mask", case / "mask.nii.gz"),
        *("--analysis", "dsc-cbv"),
    )
    assert done.returncode == 0, done.stderr
    rows = {(r["roi_id"], r["feature_id"]): r for r in csv.DictReader(io.StringIO(done.stdout))}
    volume = rows["tumour", "cbv.perfusion.region"]
    assert float(volume["value"]) == pytest.approx(4.0, rel=0.01)
    assert volume["unit"] == "mL/(100.mL)"
    assert "draft_protocol" in volume["flags"]
    assert ("artery", "dsc.input.peak_r2star") in rows


def test_maps_are_not_offered(biomarker, case, tmp_path):
    done = biomarker(
        *("extract", "dsc", "--image", case / "image", "--mask", case / "mask.nii.gz"),
        *("--analysis", "dsc-cbv", "--maps", tmp_path / "maps"),
    )
    assert done.returncode == 2
    assert not (tmp_path / "maps").exists()
