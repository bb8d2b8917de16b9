"""What the system refuses: a code, a place, a next step, and never «usage»."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_a_full_disk_exits_6(biomarker, tmp_path):
    """The lock is a link to a device that takes nothing."""
    (tmp_path / "protocols.lock").symlink_to("/dev/full")
    done = biomarker("protocol", "show", "recist-ct", "--lock", cwd=tmp_path)
    assert done.returncode == 6
    assert "DISK-FULL" in done.stderr
    assert "next" in done.stderr


def test_a_file_where_a_folder_is_asked_for(biomarker, sample_dir, tmp_path):
    (tmp_path / "file").write_text("")
    image = sample_dir / "centre_a" / "S0001" / "T1" / "ct"
    output = tmp_path / "file" / "checks.csv"
    done = biomarker("check", image, "--protocol", "recist-ct", "-o", output)
    assert done.returncode == 2
    assert "error PATH-KIND" in done.stderr


def test_a_folder_that_may_not_be_written(biomarker, sample_dir, tmp_path):
    if os.geteuid() == 0:
        folder = Path("/proc/biomarker")  # not even root may make a folder there
    else:
        folder = tmp_path / "closed" / "sub"
        folder.parent.mkdir(mode=0o500)
    image = sample_dir / "centre_a" / "S0001" / "T1" / "ct"
    done = biomarker("check", image, "--protocol", "recist-ct", "-o", folder / "checks.csv")
    assert done.returncode in {3, 6}
    assert "error FILE-" in done.stderr
