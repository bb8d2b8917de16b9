"""A reader that takes a line and goes (``| head -1``) makes no command fail."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from biomarker_cli.model.errors import FileSystemError

VISIT = "centre_a/S0001/T1"
COMMANDS = {
    "scan": (0, ["scan", VISIT]),
    "scan --format json": (0, ["scan", VISIT, "--format", "json"]),
    "bvalues": (0, ["bvalues", f"{VISIT}/dwi/image"]),
    "suv-explain": (0, ["suv-explain", f"{VISIT}/pet/image"]),
    "timepoints": (0, ["timepoints", VISIT]),
    "protocol list": (0, ["protocol", "list"]),
    "protocol facts": (0, ["protocol", "facts", f"{VISIT}/ct"]),
    "regions --list": (0, ["regions", f"{VISIT}/ct/rtstruct.dcm", "--list"]),
    "--help": (0, ["--help"]),
    # The code is that of the findings, whoever reads them.
    "check": (4, ["check", "centre_b/S0002/T1/ct", "--protocol", "recist-ct@1.0.0"]),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_ends_quietly_with_its_own_code_on_a_closed_pipe(name, sample_dir):
    code, words = COMMANDS[name]
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "biomarker_cli", *words],
        cwd=sample_dir,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (code, "")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_a_command_ends_with_its_own_code_where_nobody_can_be_told(closed, sample_dir):
    for words, code in ((f"scan {VISIT}/pet", 0), ("scan nothing_here", 3)):
        command = f"{sys.executable} -m biomarker_cli {words} {closed}"
        done = subprocess.run(["bash", "-c", command], cwd=sample_dir, check=False)
        assert done.returncode == code


def test_a_full_disk_behind_stdout_is_one_error(sample_dir):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "biomarker_cli", "scan", f"{VISIT}/pet"],
            cwd=sample_dir,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.stderr.startswith("error DISK-FULL: ")
    assert len(done.stderr.splitlines()) == 2
    assert done.returncode == FileSystemError("DISK-FULL", "").exit_code
