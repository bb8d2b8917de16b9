"""``biomarker phantom``: written, filled in, judged, as a site does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from phantom_runs import filled

from biomarker_cli.multicentre.phantoms.kinds import phantom_of

PEAK = "1ml_voxel_centre_inside"
INFO = {
    "program": "Workstation",
    "version": "7.1",
    "settings": "none",
    "operator": "AB",
    "date": "2026-11-20",
    "suvpeak_definition": PEAK,
}


@pytest.fixture(scope="module")
def written(biomarker, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("phantom") / "suv"
    done = biomarker("phantom", "write", "suv", "--dialect", "siemens", "-o", folder)
    assert done.returncode == 0, done.stderr
    assert "phantom judge" in done.stdout
    return folder


def answers(name: str) -> dict[str, str]:
    phantom = phantom_of("suv", "siemens", PEAK)
    chosen = {one.name: one.predictions[0] for one in phantom.mistakes} | {"truth": phantom.truth}
    return {item.name: format(chosen[name][item.name], ".5g") for item in phantom.items}


def sheet(written: Path, target: Path, name: str) -> Path:
    target.write_text((written / "sheet.csv").read_text())
    return filled(target, dict(answers(name)), INFO)


def test_a_right_sheet_exits_0_and_a_wrong_one_7_with_the_mistake(biomarker, written, tmp_path):
    right = sheet(written, tmp_path / "right.csv", "truth")
    done = biomarker("phantom", "judge", right)
    assert done.returncode == 0, done.stdout
    assert "23 pass, 0 fail" in done.stdout
    assert "Workstation 7.1, 2026-11-20, AB" in done.stdout
    wrong = sheet(written, tmp_path / "wrong.csv", "decayed_to_series")
    done = biomarker("phantom", "judge", wrong)
    assert done.returncode == 7
    assert "one known mistake explains all of these numbers" in done.stdout
    assert "decayed_to_series: the program decays" in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_the_json_names_rows_tolerance_clause_and_mistake(biomarker, written, tmp_path):
    wrong = sheet(written, tmp_path / "wrong.csv", "bq_for_kbq")
    kept = tmp_path / "judgement.json"
    done = biomarker("phantom", "judge", wrong, "--format", "json", "-o", kept)
    assert done.returncode == 7
    found = json.loads(done.stdout)
    assert found == json.loads(kept.read_text())
    assert found["format"] == "biomarker-phantom-judgement/1"
    assert found["mistake"] == "bq_for_kbq"
    assert found["passed"] is False
    row = found["rows"][0]
    assert row["outcome"] == "fail"
    # Written as 4000.
    assert (row["tolerance_from"], row["tolerance"]) == ("last digit", 0.5)
    assert row["clause"]
    again = biomarker("phantom", "judge", wrong, "-o", kept)
    assert again.returncode == 2
    assert "OUTPUT-EXISTS" in again.stderr


def test_nothing_is_overwritten_and_nothing_unknown_is_written(biomarker, written, tmp_path):
    done = biomarker("phantom", "write", "suv", "-o", written)
    assert (done.returncode, "OUTPUT-EXISTS" in done.stderr) == (2, True)
    done = biomarker("phantom", "write", "adc", "--dialect", "enhanced", "-o", tmp_path / "x")
    assert (done.returncode, "PHANTOM-DIALECT" in done.stderr) == (2, True)
    assert not (tmp_path / "x").exists()
    assert biomarker("phantom", "write", "mri", "-o", tmp_path / "x").returncode == 2


def test_an_empty_sheet_and_no_sheet_have_their_codes(biomarker, written, tmp_path):
    done = biomarker("phantom", "judge", written / "sheet.csv")
    assert (done.returncode, "SHEET-EMPTY" in done.stderr) == (3, True)
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    done = biomarker("phantom", "judge", other)
    assert (done.returncode, "SHEET-INVALID" in done.stderr) == (2, True)
