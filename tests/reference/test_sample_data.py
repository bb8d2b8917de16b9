"""The sample trial: reproducible, small, and valid DICOM."""

from __future__ import annotations

import subprocess
import sys

import pytest

# What the classic MR IOD does not know of diffusion; scanners write the same.
KNOWN_WARNINGS = ("DIFFUSION", "Diffusion b-value", "Diffusion Directionality", "Standard Extended")


def test_the_committed_files_are_what_the_script_writes_and_true(sample_dir):
    script = sample_dir / "make_sample_data.py"
    done = subprocess.run(
        [sys.executable, str(script), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "0 of the files differ" in done.stdout
    assert "0 of 54 truths are missed" in done.stdout


def test_the_sample_trial_is_small(sample_dir):
    assert sum(p.stat().st_size for p in sample_dir.rglob("*") if p.is_file()) < 15e6


@pytest.mark.oracle
def test_dciodvfy_reports_no_error(sample_dir, dciodvfy):
    files = sorted(sample_dir.rglob("*.dcm"))
    assert len(files) == 364
    errors, warnings = [], []
    for path in files:
        done = subprocess.run([dciodvfy, str(path)], capture_output=True, text=True, check=False)
        lines = (done.stdout + done.stderr).splitlines()
        errors += [f"{path.name}: {line}" for line in lines if line.startswith("Error")]
        warnings += [line for line in lines if line.startswith("Warning")]
    assert not errors
    assert not [w for w in warnings if not any(known in w for known in KNOWN_WARNINGS)]
