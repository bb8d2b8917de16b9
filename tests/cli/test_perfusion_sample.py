"""The dynamic series of the sample data: what is measured is its truth."""

from __future__ import annotations

import json

import pandas as pd


def test_every_truth_of_the_dynamic_series_is_met(biomarker, sample_dir, tmp_path, monkeypatch):
    study = sample_dir / "perfusion"
    done = biomarker("run", study / "study.yaml", "-o", tmp_path / "out")
    assert done.returncode == 0, done.stdout + done.stderr
    monkeypatch.syspath_prepend(str(sample_dir))
    from demo import compare

    found = compare(study / "truth.csv", tmp_path / "out")
    assert len(found) == 10
    assert set(found["within"]) == {"yes"}
    rows = pd.read_csv(tmp_path / "out" / "measurements.csv")
    initial = rows[rows["feature_id"].str.startswith("iaugc")]
    assert len(initial) == 4
    assert initial["value"].gt(0).all()


def test_the_series_in_the_middle_of_its_t1_images_is_found(biomarker, sample_dir):
    done = biomarker("timepoints", sample_dir / "perfusion" / "S0004", "--format", "json")
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)["set"]
    assert made["frames"] == 64
    assert made["interval_s"] == 5.0
    assert made["t1_flip_deg"] == [2.0, 5.0, 10.0]
