"""The sample trial: reproducible, small, and valid DICOM."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
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
    assert "0 of 89 truths are missed" in done.stdout


def test_the_sample_trial_is_small(sample_dir):
    assert sum(p.stat().st_size for p in sample_dir.rglob("*") if p.is_file()) < 15e6


@pytest.mark.parametrize(
    ("radius_mm", "spacing_mm"), [(16.0, (2.0, 2.0, 2.5)), (15.0, (1.9, 1.9, 6.0))]
)
def test_the_tolerance_of_volumes_is_what_random_placement_gives(
    sample_dir, monkeypatch, radius_mm, spacing_mm
):
    monkeypatch.syspath_prepend(str(sample_dir))
    from synthetic_trial.phantom import counted_volume_sd, sphere_volume

    rng = np.random.default_rng(0)
    counted = []
    for shift in rng.random((2000, 3)):
        x, y, z = (
            ((np.arange(-12, 13) + part) * spacing) ** 2
            for part, spacing in zip(shift, spacing_mm, strict=True)
        )
        inside = x[:, None, None] + y[:, None] + z <= radius_mm**2
        counted.append(inside.sum() * np.prod(spacing_mm))
    assert np.mean(counted) == pytest.approx(sphere_volume(radius_mm), rel=1e-3)
    assert np.std(counted) == pytest.approx(counted_volume_sd(radius_mm, spacing_mm), rel=0.05)


@pytest.mark.oracle
def test_dciodvfy_reports_no_error(sample_dir, dciodvfy):
    files = sorted(sample_dir.rglob("*.dcm"))
    assert len(files) == 729
    errors, warnings = [], []
    for path in files:
        done = subprocess.run([dciodvfy, str(path)], capture_output=True, text=True, check=False)
        lines = (done.stdout + done.stderr).splitlines()
        errors += [f"{path.name}: {line}" for line in lines if line.startswith("Error")]
        warnings += [line for line in lines if line.startswith("Warning")]
    assert not errors
    assert not [w for w in warnings if not any(known in w for known in KNOWN_WARNINGS)]
