"""``biomarker suv-explain``: the derivation as data and as text."""

from __future__ import annotations

import json

import pytest


def test_the_derivation_of_a_sample_series(biomarker, sample_dir):
    folder = sample_dir / "centre_a" / "S0001" / "T1" / "pet" / "image"
    done = biomarker("suv-explain", folder, "--format", "json")
    assert done.returncode == 0, done.stderr
    (report,) = json.loads(done.stdout)
    assert report["status"] == "ok"
    assert report["rule"] == "BQML START"
    tags = {item["tag"] for item in report["inputs"]}
    assert {"PatientWeight (0010,1030)", "(0054,0016)>(0018,1074)", "(0054,1102)"} <= tags
    assert sum(c["used"] for c in report["candidates"]) == 1
    assert len(set(report["factor_per_slice"])) == 1


def test_the_text_names_candidates_and_factor(biomarker, sample_dir):
    folder = sample_dir / "centre_a" / "S0001" / "T1" / "pet" / "image"
    done = biomarker("suv-explain", folder)
    assert done.returncode == 0
    for words in ("decay_factor", "series_datetime", "back_computation", "x voxel value"):
        assert words in done.stdout


def test_a_folder_without_pet(biomarker, sample_dir):
    done = biomarker("suv-explain", sample_dir / "centre_a" / "S0001" / "T1" / "ct")
    assert done.returncode == 3
    assert "NOTHING-FOUND" in done.stderr


@pytest.mark.data
def test_a_refusal_is_explained_and_an_override_settles_it(biomarker, data_dir, tmp_path):
    """Counts of a copy without its private elements, then with a unit somebody answers for."""
    from pydicom import dcmread

    source = data_dir / "pet" / "suv_dro" / "DRO_0_0" / "PT"
    for path in sorted(source.glob("*.dcm")):
        dataset = dcmread(path)
        del dataset.DecayCorrection
        dataset.save_as(tmp_path / path.name)
    done = biomarker("suv-explain", tmp_path)
    assert done.returncode == 6
    assert "SUV-NO-DECAY-CORRECTION" in done.stdout
    assert "PatientWeight (0010,1030)" in done.stdout

    overrides = tmp_path / "overrides.yaml"
    overrides.write_text(
        "format: biomarker-overrides/1\noverrides:\n"
        "  - {tag: DecayCorrection, value: START, reason: reconstruction protocol, "
        f"who: physicist, series_uid: {dataset.SeriesInstanceUID}}}\n"
    )
    done = biomarker("suv-explain", tmp_path, "--overrides", overrides, "--format", "json")
    assert done.returncode == 0, done.stderr
    (report,) = json.loads(done.stdout)
    assert report["factor_per_slice"][0] == pytest.approx(2.7778e-4, rel=1e-4)
    assert "suv_override:DecayCorrection" in report["flags"]


def test_an_unknown_analysis_is_a_usage_error(biomarker, sample_dir):
    done = biomarker("suv-explain", sample_dir, "--analysis", "no-such-analysis")
    assert done.returncode == 2
