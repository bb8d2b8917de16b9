"""A worker that dies, hangs or raises costs its own case and no other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

import pytest
from synthetic_results import case_result, check_row

from biomarker_cli.case.result import CaseResult
from biomarker_cli.model.exit_codes import ExitCode
from biomarker_cli.study.executors import PoolExecutor, SerialExecutor
from biomarker_cli.study.finished import finished
from biomarker_cli.study.judged import is_violation
from biomarker_cli.study.packed import pack
from biomarker_cli.study.runner import exit_code
from biomarker_cli.tables.schema import CHECKS


@dataclass(frozen=True)
class FakePlan:
    """Stands for a case: what its worker is to do."""

    case_id: str
    fate: str
    keep: None = None
    store: None = None


def work(plan: FakePlan) -> CaseResult:
    if plan.fate == "dies":
        os.kill(os.getpid(), signal.SIGKILL)
    if plan.fate == "hangs":
        time.sleep(60)
    if plan.fate == "raises":
        raise ZeroDivisionError("a defect")
    return case_result(plan.case_id)


@pytest.mark.parametrize(
    ("fate", "code", "timeout_s"),
    [
        ("dies", "CASE-WORKER-DIED", None),
        ("hangs", "CASE-TIMEOUT", 2.0),
        ("raises", "CASE-INTERNAL", None),
    ],
)
def test_only_the_bad_case_is_lost(fate, code, timeout_s):
    plans = [FakePlan(f"c{n}", fate if n == 3 else "works") for n in range(8)]
    outcomes = sorted(PoolExecutor(2, timeout_s, work).run(plans), key=lambda o: o.index)
    assert [o.index for o in outcomes] == list(range(8))
    assert [o.result.case.case_id for o in outcomes if o.result] == [
        f"c{n}" for n in range(8) if n != 3
    ]
    assert outcomes[3].error.code == code
    assert ("ZeroDivisionError" in outcomes[3].log) == (fate == "raises")


def test_a_slow_case_does_not_hold_back_the_others():
    plans = [FakePlan("slow", "hangs"), FakePlan("fast", "works")]
    outcomes = [o.index for o in PoolExecutor(2, 4.0, work).run(plans)]
    assert outcomes == [1, 0]


def test_a_defect_in_the_serial_executor_costs_one_case(monkeypatch):
    monkeypatch.setattr("biomarker_cli.study.executors.run_case", work)
    outcomes = list(SerialExecutor().run([FakePlan("a", "raises"), FakePlan("b", "works")]))
    assert outcomes[0].error.code == "CASE-INTERNAL"
    assert outcomes[1].result.case.case_id == "b"


def _result(status, outcome="pass"):
    result = case_result(status=status, checks=[check_row(outcome)])
    return pack(finished(result), "study", {"a": 1}, "names")[0]


@pytest.mark.parametrize(
    ("results", "strict", "code"),
    [
        ([_result("measured"), _result("excluded")], False, ExitCode.DONE),
        ([_result("measured"), _result("failed")], False, ExitCode.PARTIAL),
        ([_result("measured"), _result("partial")], False, ExitCode.PARTIAL),
        ([_result("measured"), _result("waiting")], False, ExitCode.PARTIAL),
        ([_result("failed"), _result("failed")], False, ExitCode.FAILED),
        ([_result("measured", "fail")], False, ExitCode.DONE),
        ([_result("measured", "fail")], True, ExitCode.VIOLATION),
        ([_result("measured", "fail"), _result("failed")], True, ExitCode.PARTIAL),
        ([], False, ExitCode.NOTHING_FOUND),
    ],
)
def test_exit_codes_of_a_run(results, strict, code):
    rows = [row for result in results for row in result.rows(CHECKS)]
    violated = any(is_violation(row["severity"], row["outcome"]) for row in rows)
    statuses = [result.status for result in results]
    assert exit_code(statuses, violated=strict and violated) is code


@pytest.mark.parametrize("loaded_before", [True, False])
def test_a_case_computes_with_one_thread_of_itk(loaded_before):
    first = "import SimpleITK\n" if loaded_before else ""
    code = first + (
        "from biomarker_cli.study import executors\n"
        "with executors._one_thread():\n"
        "    from SimpleITK import ProcessObject\n"
        "    print(ProcessObject.GetGlobalDefaultNumberOfThreads())\n"
    )
    kept = {k: v for k, v in os.environ.items() if not k.startswith("ITK_")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=kept, capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "1", done.stderr


def test_planning_obeys_the_time_of_a_case(sample_dir, tmp_path):
    """A file on which the index would hang costs its case, and the tables are written."""
    arguments = ["run", sample_dir / "study.yaml", "-o", tmp_path / "out", "--jobs", 2]
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "biomarker_cli",
            *map(str, arguments),
            "--timeout-per-case",
            "0.001",
        ],
        capture_output=True,
        text=True,
        env={**os.environ, "BIOMARKER_CACHE_DIR": str(tmp_path / "cache")},
        check=False,
    )
    assert done.returncode == ExitCode.FAILED, done.stderr
    text = (tmp_path / "out" / "cases.csv").read_text()
    assert text.count("CASE-TIMEOUT") == 9
    assert "could not be indexed within the time" in text
