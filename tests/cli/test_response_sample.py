"""The subject over time of the sample data: what is measured is the truth, and gives the calls."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pandas as pd
import pydicom
import pytest


@pytest.fixture(scope="module")
def run(biomarker, sample_dir, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("response") / "out"
    done = biomarker("run", sample_dir / "response" / "study.yaml", "-o", folder, "--jobs", 2)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_every_truth_is_met_and_every_length_has_its_line(run, sample_dir, monkeypatch):
    monkeypatch.syspath_prepend(str(sample_dir))
    from demo import compare, lines_of

    found = compare(sample_dir / "response" / "truth.csv", run)
    lines = list(lines_of(found))
    assert len(lines) == 25 + 2 * found["feature"].nunique()
    assert max(map(len, lines)) <= 80
    assert len(found) == 25
    assert set(found["within"]) == {"yes"}
    lines = pd.read_csv(run / "diameters.csv")
    assert len(lines) == 7 * 4
    assert lines.groupby(["case_id", "roi_id"])["mask_sha256"].nunique().eq(1).all()


def test_sums_of_what_is_measured_respond_and_a_new_lesion_progresses(run, sample_dir):
    rows = pd.read_csv(run / "measurements.csv").set_index(["case_id", "roi_id", "feature_id"])
    calls = pd.read_csv(sample_dir / "response" / "calls.csv", keep_default_na=False)

    def value(case: str, roi: str, feature: str) -> Decimal:
        """Return a value as criteria take it: decimals of 0.1."""
        return Decimal(f"{rows.loc[(f'CENTRE_A/S0003/{case}', roi, feature), 'value']:.1f}")

    sums = {
        timepoint: value(f"{timepoint}/ct", "LIVER_1", "mask.size.longest_diameter")
        + value(f"{timepoint}/ct", "NODE_1", "mask.size.short_axis")
        for timepoint in ("BL", "TP1", "TP2")
    }
    for call in calls[calls.criterion == "recist-1.1"].itertuples():
        told, tolerance = float(call.sum_mm), float(call.tolerance_abs)
        assert float(sums[call.timepoint]) == pytest.approx(told, abs=tolerance)
    assert sums["TP1"] <= Decimal("0.7") * sums["BL"]
    assert sums["TP2"] < Decimal("1.2") * sums["TP1"]
    with_new = {case for case, roi, _ in rows.index if roi == "LUNG_1"}
    assert with_new == {"CENTRE_A/S0003/TP2/ct"}
    assert value("TP2/ct", "LUNG_1", "mask.size.longest_diameter") >= 10
    peak = "sul_janma.uptake.peak.1ml_partial_volume_global"
    before, after = (value(f"{timepoint}/pet", "LIVER_1", peak) for timepoint in ("BL", "TP1"))
    assert after <= Decimal("0.7") * before
    assert after <= before - Decimal("0.8")
    assert dict(zip(calls.criterion + calls.timepoint, calls.overall, strict=True)) == {
        "recist-1.1BL": "",
        "recist-1.1TP1": "PR",
        "recist-1.1TP2": "PD",
        "percist-1.0BL": "",
        "percist-1.0TP1": "PMR",
    }


def test_a_lesion_keeps_its_tracking_uid_and_others_have_their_own(sample_dir):
    uids: dict[str, set[str]] = {}
    for path in sorted((sample_dir / "response" / "S0003").glob("*/ct/seg.dcm")):
        for segment in pydicom.dcmread(path).SegmentSequence:
            uids.setdefault(segment.SegmentLabel, set()).add(segment.TrackingUID)
    assert sorted(uids) == ["LIVER_1", "LUNG_1", "NODE_1"]
    assert all(len(own) == 1 for own in uids.values())
    assert len(set.union(*uids.values())) == 3
