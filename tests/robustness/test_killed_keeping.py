"""A run that is killed while it keeps things is taken up by the next one, to the same bytes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from kept_study import ALL, contents, run, write_keep, write_study

CHECKOUT = Path(__file__).resolve().parents[2]
KILLS = 30 if os.environ.get("BIOMARKER_SLOW_TESTS") == "all" else 4


def _start(study: Path, out: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "biomarker_cli", "run", str(study), "-o", str(out), "--jobs", "2"],
        cwd=CHECKOUT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
    )


@pytest.mark.parametrize("when", ["measuring", "later"])
def test_kills_while_things_are_kept_leave_no_trace(tmp_path, when):
    study = write_study(tmp_path / "study", n_cases=12)
    run(study, tmp_path / "whole")
    expected = contents(tmp_path / "whole" / "kept")
    tables = {path.name: path.read_bytes() for path in (tmp_path / "whole").glob("*.csv")}
    out, chance = tmp_path / "out", random.Random(when)
    if when == "later":
        run(write_keep(study.parent, ()), out)
        write_keep(study.parent, ALL)
    for _ in range(KILLS):
        process = _start(study, out)
        # The first files tell that the workers are at it.
        until = time.monotonic() + 60
        while process.poll() is None and not any(out.glob("kept/*/*/*")):
            assert time.monotonic() < until
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.3))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    assert _start(study, out).wait() == 0
    assert contents(out / "kept") == expected
    assert {path.name: path.read_bytes() for path in out.glob("*.csv")} == tables
