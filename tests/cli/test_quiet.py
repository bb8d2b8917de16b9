"""What is said where a command is told to say nothing, or more."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

VISIT = "centre_a/S0001/T1"
PET = ["--image", f"{VISIT}/pet/image", "--mask", f"{VISIT}/pet/seg.dcm", "--analysis", "fdg-suv"]


@pytest.fixture
def told(sample_dir):
    """Run a command beside the sample data; return code, stdout and stderr."""

    def run(*words) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "biomarker_cli", *map(str, words)],
            cwd=sample_dir,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout, done.stderr

    return run


def test_quiet_says_nothing_and_writes_what_was_asked_for(told, tmp_path):
    visit, ct = f"{VISIT}/pet", "centre_b/S0002/T1/ct"
    files = {name: tmp_path / name for name in ("scan.csv", "checks.csv", "checks.xml", "one")}
    rules = ["--protocol", "recist-ct@1.0.0", "--junit", files["checks.xml"]]
    assert told("scan", visit, "-o", files["scan.csv"], "--quiet") == (0, "", "")
    assert told("scan", visit, "--format", "json", "--quiet") == (0, "", "")
    assert told("check", ct, *rules, "-o", files["checks.csv"], "--quiet") == (4, "", "")
    assert told("extract", "suv", *PET, "-o", files["one"], "--quiet") == (0, "", "")
    assert all(path.exists() for path in files.values())
    mask, folder = f"{VISIT}/pet/seg.dcm", tmp_path / "masks"
    imported = told("regions", mask, "--image", f"{visit}/image", "-o", folder, "--quiet")
    assert imported == (0, "", "")
    assert (folder / "regions.csv").is_file()
    assert told("compare", files["one"], files["one"], "--quiet") == (0, "", "")
    assert told("verify", "suv", "--quiet") == (0, "", "")


def test_quiet_says_errors(told):
    code, out, err = told("scan", "nothing_here", "--quiet")
    assert (code, out) == (3, "")
    assert err.startswith("error PATH-NOT-FOUND")


def test_quiet_runs_say_nothing_of_their_report(told, tmp_path):
    study = tmp_path / "study"
    assert told("init", f"{VISIT}/pet", "-o", study)[0] == 0
    run = ("run", study / "study.yaml", "-o", tmp_path / "out", "--report")
    assert told(*run, "--quiet") == (0, "", "")
    assert (tmp_path / "out" / "report.html").is_file()
    again = ("report", tmp_path / "out", "--overwrite", "--quiet")
    assert told(*again) == (0, "", "")
    assert told(*again, "--methods") == (0, "", "")
    # Told again, a run says what it did; the pool of it does as well.
    assert "written: " in told(*run)[2]
    assert told("pool", tmp_path / "out", "-o", tmp_path / "pool", "--quiet") == (0, "", "")


def test_extract_prints_its_measurements_though_quiet(told):
    code, out, err = told("extract", "suv", *PET, "--quiet")
    assert (code, err) == (0, "")
    assert out.startswith("case_id,roi_id,")


def test_verbose_says_what_became_of_each(told):
    mask = "FILE-NOT-DICOM the file is not DICOM [mask.nii.gz]"
    assert mask in told("scan", f"{VISIT}/dwi", "-v")[2]
    assert "FILE-NOT-DICOM" not in told("scan", f"{VISIT}/dwi")[2]

    said = told("check", f"{VISIT}", "--protocol", "base-ct@1.0.0", "-v", "--quiet")[2]
    assert len(re.findall(r"^series 2\.25\.\d+: 4 pass$", said, re.MULTILINE)) == 1
    assert len(re.findall(r"^series 2\.25\.\d+: (?:no rule|\d+ not_appl)", said, re.MULTILINE)) > 1

    said = told("extract", "suv", *PET, "-v", "--quiet")[2]
    assert re.fullmatch(r"local/S0001/T1/pet: measured, \d+\.\d s\n", said)
