"""A run that is killed is taken up by the next one, and ends in the same bytes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nibabel
import numpy as np
import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
TABLES = ("measurements", "rois", "cases", "facts", "checks", "features")
STUDY = """
format: biomarker-study/1
id: measured
title: Cases that take a moment each
cases: cases.csv
on_violation: flag
integrity: refuse
roles:
  image:
    analyses: [pyradiomics-default@1.0.0, radiomics-ct@1.0.0]
"""
KILLS = 40 if os.environ.get("BIOMARKER_SLOW_TESTS") == "all" else 6


def _start(study: Path, out: Path, *options: str, jobs: int = 1) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "biomarker_cli", "run", str(study), "-o", str(out)]
    return subprocess.Popen(
        [*command, "--jobs", str(jobs), *options],
        cwd=CHECKOUT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        # A shell starts background jobs with SIGINT ignored, and they hand it on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
    )


def _digests(folder: Path) -> dict[str, str]:
    return {t: hashlib.sha256((folder / f"{t}.csv").read_bytes()).hexdigest() for t in TABLES}


def _workers(pid: int) -> list[int]:
    """Return the processes that a pool has made, some of which have not begun yet."""
    found = []
    # Any thread may have made them.
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            command = Path(f"/proc/{child}/cmdline")
            with contextlib.suppress(OSError):
                if b"spawn_main" in command.read_bytes():
                    found.append(int(child))
    return found


@pytest.mark.parametrize("seed", range(3))
def test_kill_at_a_random_time_then_resume_gives_the_same_tables(sample_dir, tmp_path, seed):
    study = sample_dir / "study.yaml"
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    started = time.monotonic()
    assert _start(study, whole).wait() == 0
    duration = time.monotonic() - started
    chance = random.Random(seed)
    for _ in range(2):
        process = _start(study, broken)
        time.sleep(chance.uniform(0.3, 0.95) * duration)
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert _start(study, broken).wait() == 0
    assert _digests(broken) == _digests(whole)


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    """Return a study of twelve cases, each a moment's work: no time passes in planning."""
    folder = tmp_path_factory.mktemp("measured")
    rng = np.random.default_rng(4)
    lines = ["site_id,subject_id,timepoint,role,image,mask,quantity"]
    mask = np.zeros((24, 40, 40), dtype=np.uint8)
    mask[4:20, 6:34, 6:34] = 1
    affine = np.diag([1.0, 1.0, 2.0, 1.0])
    nibabel.save(nibabel.Nifti1Image(mask, affine), folder / "mask.nii.gz")
    for k in range(12):
        image = rng.normal(0, 60, mask.shape).astype(np.float32)
        nibabel.save(nibabel.Nifti1Image(image, affine), folder / f"i{k}.nii.gz")
        lines.append(f"A,S{k:04},T1,image,i{k}.nii.gz,mask.nii.gz,hu")
    (folder / "cases.csv").write_text("\n".join(lines) + "\n")
    (folder / "study.yaml").write_text(STUDY)
    return folder / "study.yaml"


@pytest.fixture(scope="module")
def undisturbed(study, tmp_path_factory) -> tuple[dict[str, str], float]:
    """Return the tables of a run that nobody kills, and how long it measures."""
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    process = _start(study, out, jobs=2)
    _wait_until_measuring(process, out)
    began = time.monotonic()
    assert process.wait() == 0
    return _digests(out), time.monotonic() - began


def _wait_until_measuring(process: subprocess.Popen[bytes], out: Path) -> None:
    while not (out / "results").is_dir():
        assert process.poll() is None
        time.sleep(0.01)


@pytest.mark.skipif(sys.platform != "linux", reason="finds workers in /proc")
@pytest.mark.parametrize("victim", ["run", "worker"])
def test_kills_while_cases_are_measured_leave_no_trace(study, undisturbed, tmp_path, victim):
    expected, duration = undisturbed
    chance, out = random.Random(victim), tmp_path / "out"
    kills = 0
    while kills < KILLS // 2:
        shutil.rmtree(out, ignore_errors=True)
        # Several times in one run's life: what was taken up is killed as well.
        for _ in range(3):
            process = _start(study, out, "--retry-failed", jobs=2)
            _wait_until_measuring(process, out)
            time.sleep(chance.uniform(0, 0.9) * duration)
            kills += _kill(process, victim, chance)
            process.wait()
        last = _start(study, out, "--retry-failed", jobs=2)
        assert last.wait() == 0
        assert _digests(out) == expected


def _kill(process: subprocess.Popen[bytes], victim: str, chance: random.Random) -> int:
    """Kill the run, or one of its workers; return how many died before their time."""
    workers = _workers(process.pid) if process.poll() is None else []
    if victim == "run" and process.poll() is None:
        process.kill()
        process.wait()
        until = time.monotonic() + 5
        while any(map(_lives, workers)):
            assert time.monotonic() < until, "a worker outlived its run"
            time.sleep(0.02)
        return 1
    if victim == "worker" and workers:
        with contextlib.suppress(ProcessLookupError):
            os.kill(chance.choice(workers), signal.SIGKILL)
            return 1
    return 0


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGHUP, 129), (signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
def test_an_interrupted_run_says_so_by_its_exit_code(sample_dir, tmp_path, number, code):
    process = _start(sample_dir / "study.yaml", tmp_path / "out")
    while not (tmp_path / "out" / "results").is_dir():
        time.sleep(0.02)
        assert process.poll() is None
    process.send_signal(number)
    assert process.wait(timeout=60) == code


def test_an_interrupt_inside_code_made_from_text_is_no_death_by_signal(tmp_path):
    # What an import does that defines a dataclass, at the moment of Ctrl-C.
    (tmp_path / "interrupting.py").write_text(
        "import biomarker_cli.cli.main as main\n"
        "def interrupt(**_kwargs):\n"
        "    exec('raise KeyboardInterrupt')\n"
        "main.cli.main = interrupt\n"
        "main.main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "interrupting"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 130
