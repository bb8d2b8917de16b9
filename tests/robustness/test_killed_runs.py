"""A run that is killed is taken up by the next one, and ends in the same bytes."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
TABLES = ("measurements", "rois", "cases", "facts", "checks", "features")


def _start(study: Path, out: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "biomarker_cli", "run", str(study), "-o", str(out), "--jobs", "1"],
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


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
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
