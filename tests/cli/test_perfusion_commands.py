"""``biomarker timepoints`` and ``extract`` of T1 and DCE as a shell runs them."""

from __future__ import annotations

import csv
import io
import json

import nibabel
import numpy as np
import pytest
from pydicom import dcmread
from synthetic_dce import Truth, Written, siemens, write_dynamic, write_mask, write_vfa

TRUTH = Truth(n=40)

VOXELS = """
format: biomarker-analysis/1
id: voxels
version: 0.1.0
status: draft
title: Maps
source: [{doc: none, section: "-", confirmed: {by: recall}}]
changelog: [{version: 0.1.0, date: 2026-11-29, change: first}]
applies_to: {modality: MR}
measure: dce
regions: {gaps: error, cross_series: allow, other_grid: forbid, empty: row}
dce:
  level: voxel
  statistics: [median]
  baseline: {skip_frames: 1, frames: 4}
  t10: {source: fixed, t1_ms: 1200}
  agent: {name: gadobutrol}
  model:
    name: etofts
    aif: {source: population, name: parker_blood}
    haematocrit: 0.42
    delay: {fit: true}
"""


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dce")
    write_dynamic(folder / "image", TRUTH, Written(change=siemens(TRUTH)))
    write_vfa(folder / "vfa", TRUTH, [2.0, 5.0, 10.0])
    write_mask(folder / "mask.nii.gz")
    (folder / "voxels.yaml").write_text(VOXELS)
    return folder


def test_timepoints_say_when_each_frame_was(biomarker, case):
    done = biomarker("timepoints", case / "image", case / "vfa", "--format", "json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["set"]["frames"] == 40
    assert found["set"]["interval_s"] == pytest.approx(3.0)
    assert found["set"]["t1_flip_deg"] == [2.0, 5.0, 10.0]
    frames = [one for one in found["volumes"] if one["use"] == "frame"]
    assert [one["seconds"] for one in frames] == pytest.approx(list(TRUTH.seconds))
    text = biomarker("timepoints", case / "image").stdout
    assert "one dynamic series: 40 frames, every 3 s" in text
    table = biomarker("timepoints", case / "image", "--format", "csv").stdout
    assert len(list(csv.DictReader(io.StringIO(table)))) == 40


def test_timepoints_say_why_there_is_no_series(biomarker, case, tmp_path):
    done = biomarker("timepoints", case / "vfa" / "vfa2_00.dcm")
    assert done.returncode == 0
    assert "DCE-" in done.stdout or "SERIES-" in done.stdout
    assert biomarker("timepoints", tmp_path).returncode == 3


@pytest.mark.parametrize(
    ("analysis", "feature", "expected"),
    [
        ("dce-etofts-parker", "ktrans_etofts.perfusion.region", 0.2),
        ("dce-iaugc", "t10.perfusion.region", 1200.0),
        ("t1-vfa", "t1.perfusion.median", 1200.0),
    ],
)
def test_the_shipped_analyses_give_the_truth(analysis, feature, expected, biomarker, case):
    measure = analysis.split("-")[0]
    images = [case / "vfa"] if measure == "t1" else [case / "image", case / "vfa"]
    where = [part for image in images for part in ("--image", image)]
    done = biomarker(
        "extract", measure, *where, "--mask", case / "mask.nii.gz", "--analysis", analysis
    )
    assert done.returncode == 0, done.stderr
    rows = {row["feature_id"]: row for row in csv.DictReader(io.StringIO(done.stdout))}
    assert float(rows[feature]["value"]) == pytest.approx(expected, rel=2e-3)


def test_enhancement_needs_no_more_than_the_series(biomarker, case):
    done = biomarker(
        *("extract", "dce", "--image", case / "image", "--mask", case / "mask.nii.gz"),
        *("--analysis", "dce-semiquantitative"),
    )
    assert done.returncode == 0, done.stderr
    assert "time_to_peak.perfusion.region" in done.stdout


def test_maps_of_a_series_leave_as_nifti_and_dicom(biomarker, case, tmp_path):
    done = biomarker(
        *("extract", "dce", "--image", case / "image", "--mask", case / "mask.nii.gz"),
        *("--analysis", case / "voxels.yaml", "--maps", tmp_path / "maps"),
    )
    assert done.returncode == 0, done.stderr
    stored = np.asarray(nibabel.load(tmp_path / "maps" / "ktrans_etofts.nii.gz").dataobj)
    np.testing.assert_allclose(stored, 0.2, rtol=5e-3)
    assert {path.name for path in (tmp_path / "maps").iterdir()} == {
        f"{name}.{end}"
        for name in ("t10", "ktrans_etofts", "ve_etofts", "kep_etofts", "vp_etofts")
        for end in ("nii.gz", "dcm")
    }
    map_file = dcmread(tmp_path / "maps" / "ktrans_etofts.dcm")
    assert map_file.SOPClassUID.name == "Parametric Map Storage"


def test_a_map_of_regions_is_refused(biomarker, case, tmp_path):
    done = biomarker(
        *("extract", "dce", "--image", case / "image", "--image", case / "vfa"),
        *("--mask", case / "mask.nii.gz", "--analysis", "dce-iaugc", "--maps", tmp_path / "maps"),
    )
    assert done.returncode != 0
    assert "DCE-NO-MAPS" in done.stderr
