"""Signals end native code within a second and leave no child, however the parent dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from synthetic_results import case_result

from biomarker_cli.case.result import CaseResult
from biomarker_cli.study.executors import PoolExecutor

CHECKOUT = Path(__file__).resolve().parents[2]

# What stands for a command: eigenvalues of a matrix that LAPACK returns from after a minute.
NATIVE = """
import os, sys, time
from pathlib import Path
import numpy as np
import biomarker_cli.cli.main as main
from biomarker_cli.study.executors import PoolExecutor, SerialExecutor

def work(folder):
    (Path(folder) / str(os.getpid())).touch()
    np.linalg.eigvals(np.random.default_rng(0).random((4000, 4000)))

def command(**_kwargs):
    folder, executor = sys.argv[1:]
    if executor == "here":
        work(folder)
    list(PoolExecutor(2, None, work).run([folder, folder]))

if __name__ == "__main__":
    main.cli.main = command
    main.main()
"""


STARTED: list[subprocess.Popen] = []


@pytest.fixture(autouse=True)
def _end_what_is_left():
    yield
    while STARTED:
        process = STARTED.pop()
        process.kill()
        process.wait()


def start(tmp_path: Path, executor: str, before: str = "") -> tuple[subprocess.Popen, list[int]]:
    """Start the command; return it and the processes that are in native code."""
    script, folder = tmp_path / "native.py", tmp_path / "busy"
    script.write_text(NATIVE.replace("import os", f"{before}\nimport os", 1))
    folder.mkdir()
    process = subprocess.Popen(
        [sys.executable, script, folder, executor],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        # A shell starts background jobs with SIGINT ignored, and they hand it on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "OPENBLAS_NUM_THREADS": "1"},
    )
    STARTED.append(process)
    wanted = 1 if executor == "here" else 2
    until = time.monotonic() + 60
    while len(list(folder.iterdir())) < wanted:
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.02)
    time.sleep(0.3)
    return process, [int(path.name) for path in folder.iterdir()]


def is_alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def assert_gone(pids: list[int], within_s: float) -> None:
    until = time.monotonic() + within_s
    while any(map(is_alive, pids)):
        assert time.monotonic() < until, pids
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_native_code_and_says_that_it_can_go_on(tmp_path, number, code):
    process, _ = start(tmp_path, "here")
    told = time.monotonic()
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == code
    # A second, and as much for a machine that has other things to do.
    assert time.monotonic() - told < 2.0
    assert said == "interrupted; run the same command again to go on\n"


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_no_worker_outlives_its_parent(tmp_path, number):
    process, workers = start(tmp_path, "pool")
    told = time.monotonic()
    process.send_signal(number)
    process.communicate(timeout=30)
    assert time.monotonic() - told < 2.0
    assert_gone(workers, within_s=1.0)


def test_a_worker_in_native_code_ends_at_sigterm(tmp_path):
    process, workers = start(tmp_path, "pool")
    os.kill(workers[0], signal.SIGTERM)
    assert_gone(workers[:1], within_s=1.0)
    assert process.poll() is None
    process.kill()
    process.communicate()


def test_a_hang_up_that_is_ignored_stays_so(tmp_path):
    # What `nohup` does.
    ignoring = "import signal\nsignal.signal(signal.SIGHUP, signal.SIG_IGN)"
    process, _ = start(tmp_path, "here", ignoring)
    process.send_signal(signal.SIGHUP)
    time.sleep(1.0)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 143


def test_a_temporary_folder_is_gone_after_the_hard_end(tmp_path):
    holding = "import tempfile\nheld = tempfile.TemporaryDirectory()"
    process, _ = start(
        tmp_path, "here", f"{holding}\nprint(held.name, file=open({str(tmp_path / 'name')!r}, 'w'))"
    )
    folder = Path((tmp_path / "name").read_text().strip())
    assert folder.is_dir()
    process.terminate()
    process.communicate(timeout=30)
    assert not folder.exists()


@dataclass(frozen=True)
class Deadly:
    """Kills the process that unpacks it, once or each time: a plan, or the work itself."""

    case_id: str
    marker: str = ""
    always: bool = False

    def __reduce__(self):
        return unpack, (self.case_id, self.marker, self.always)

    def __call__(self, plan: Deadly) -> CaseResult:
        return measure(plan)


def unpack(case_id: str, marker: str, always: bool) -> Deadly:
    if marker and (always or not Path(marker).exists()):
        Path(marker).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return Deadly(case_id, marker, always)


def measure(plan: Deadly) -> CaseResult:
    return case_result(plan.case_id, derivations={"bulk": "x" * 10**6})


def outcomes(work, plans, jobs=1):
    found = {o.index: o for o in PoolExecutor(jobs, None, work).run(plans)}
    return [found[k].error.code if found[k].error else "measured" for k in range(len(plans))]


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_worker_that_dies_over_its_case_costs_no_other(tmp_path, jobs):
    plans = [Deadly("a"), Deadly("b", str(tmp_path / "marker"), always=True), Deadly("c")]
    assert outcomes(measure, plans, jobs) == ["measured", "CASE-WORKER-DIED", "measured"]


def test_a_worker_that_dies_before_it_has_a_case_costs_none(tmp_path):
    once = Deadly("work", str(tmp_path / "marker"))
    assert outcomes(once, [Deadly("a"), Deadly("b")]) == ["measured", "measured"]


def test_workers_that_never_get_ready_cost_their_cases_and_end(tmp_path):
    never = Deadly("work", str(tmp_path / "marker"), always=True)
    assert outcomes(never, [Deadly("a"), Deadly("b")], 2) == ["CASE-WORKER-DIED"] * 2


def dies_while_it_answers(plan: Deadly) -> CaseResult:
    if plan.case_id == "a":
        # Longer than a pipe holds: it is killed with half of it sent.
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGKILL)).start()
        return case_result("a", derivations={"bulk": SlowToPack()})
    return measure(plan)


class SlowToPack:
    def __reduce__(self):
        time.sleep(5)
        return str, ("x",)


def test_a_worker_that_dies_while_it_answers_stops_nobody():
    plans = [Deadly("a"), Deadly("b"), Deadly("c")]
    assert outcomes(dies_while_it_answers, plans, 2) == ["CASE-WORKER-DIED", *["measured"] * 2]


def cannot_be_sent(plan: Deadly) -> CaseResult:
    return case_result(plan.case_id, derivations={"lock": threading.Lock()})


def test_a_result_that_cannot_be_sent_is_a_defect_of_its_case():
    assert outcomes(cannot_be_sent, [Deadly("a")]) == ["CASE-INTERNAL"]
