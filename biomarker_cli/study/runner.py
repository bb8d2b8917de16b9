"""Run a study: what is new or changed, in an executor, into the store and the tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from biomarker_cli.case import CaseResult, CaseStatus
from biomarker_cli.case.result import Row
from biomarker_cli.case.rows import case_row, skipped_roi_rows
from biomarker_cli.model import BiomarkerError, CaseError, ExitCode, worst_exit_code
from biomarker_cli.study.assembling import write_tables
from biomarker_cli.study.cohort_checks import judge_cohort
from biomarker_cli.study.executors import Executor, Outcome, PoolExecutor, SerialExecutor
from biomarker_cli.study.locking import exclusive
from biomarker_cli.study.manifest import write_manifest
from biomarker_cli.study.planned import PlannedCase
from biomarker_cli.study.store import ResultStore, StoredResult

Event = Callable[[int, int, str], None]
"""Called with cases done, cases in all, and the case that has just ended."""

Decision = Literal["reuse", "run", "refuse"]

NOT_MET = frozenset({"fail", "not_evaluable", "missing_series"})
"""Outcomes that ``--strict`` does not let pass, in `check` and in `run`."""


@dataclass(frozen=True)
class RunOptions:
    """How a study is run; none of it changes a number.

    Attributes
    ----------
    jobs : int
        Worker processes; 1 runs in this process.
    fresh : bool
        Measure every case anew.
    retry_failed : bool
        Measure failed cases anew although nothing has changed.
    strict : bool
        An acquisition rule that is broken or cannot be judged gives exit code 4.
    timeout_s : float or None
        Longest time for one case.
    key_fingerprint : str
        Names the key of the study in the manifest.
    """

    jobs: int = 1
    fresh: bool = False
    retry_failed: bool = False
    strict: bool = False
    timeout_s: float | None = None
    key_fingerprint: str = ""


@dataclass(frozen=True)
class CaseDecision:
    """Whether a case is run, and why."""

    case: PlannedCase
    action: Decision
    reason: str
    stored: StoredResult | None = None


@dataclass(frozen=True)
class RunReport:
    """What a run gave.

    Attributes
    ----------
    folder : Path
    results : tuple of CaseResult
        In the order of the study.
    wide_checks : tuple of dict
        Rows of ``checks.csv`` above series.
    decisions : tuple of CaseDecision
    exit_code : ExitCode
    """

    folder: Path
    results: tuple[CaseResult, ...]
    wide_checks: tuple[Row, ...]
    decisions: tuple[CaseDecision, ...]
    exit_code: ExitCode


def decide(
    cases: Sequence[PlannedCase], store: ResultStore, options: RunOptions
) -> list[CaseDecision]:
    """Return for each case whether it is run, re-used or refused, and why."""
    return [_decide(case, store.load(case.plan.case_id), options) for case in cases]


def _decide(case: PlannedCase, stored: StoredResult | None, options: RunOptions) -> CaseDecision:
    if case.refusal is not None:
        return CaseDecision(case, "refuse", case.refusal.code)
    if stored is None:
        return CaseDecision(case, "run", "not measured before")
    if options.fresh:
        return CaseDecision(case, "run", "asked to measure anew")
    if stored.key != case.key:
        return CaseDecision(case, "run", "inputs, study entry, protocols or version changed")
    if stored.result.status in {CaseStatus.FAILED, CaseStatus.PARTIAL} and options.retry_failed:
        return CaseDecision(case, "run", f"was {stored.result.status.value}, retried")
    return CaseDecision(case, "reuse", "unchanged", stored)


def run_study(
    study_id: str,
    cases: Sequence[PlannedCase],
    folder: Path,
    options: RunOptions,
    event: Event | None = None,
) -> RunReport:
    """Run what is due and write the tables of the whole study.

    Parameters
    ----------
    study_id : str
    cases : sequence of PlannedCase
    folder : Path
        Made where it does not exist; results in it are taken up.
    options : RunOptions
    event : callable, optional

    Raises
    ------
    StudyError
        ``OUTPUT-EXISTS``, ``RUN-BUSY``.
    """
    store = ResultStore(folder)
    store.open_for(study_id)
    with exclusive(store.results_folder):
        store.list_cases(study_id, [case.plan.case_id for case in cases])
        decisions = decide(cases, store, options)
        unexpected = _run_due(decisions, store, _executor(options), event)
        results = tuple(_result_of(d, store) for d in decisions)
        wide = judge_cohort([d.case for d in decisions])
        write_tables(results, wide, folder, study_id)
        write_manifest(study_id, [d.case for d in decisions], folder, options.key_fingerprint)
        _write_log(decisions, results, unexpected, folder / "run.log")
    code = exit_code(results, wide, options)
    return RunReport(folder, results, tuple(wide), tuple(decisions), code)


def _write_log(
    decisions: Sequence[CaseDecision],
    results: Sequence[CaseResult],
    unexpected: Sequence[str],
    path: Path,
) -> None:
    """Write what was done and why, and the notes of every case, also of those kept."""
    lines = [f"{d.case.plan.case_id}: {d.action}, {d.reason}" for d in decisions]
    lines += [f"{result.case_id}: {note}" for result in results for note in result.notes]
    text = "\n".join([*lines, *unexpected])
    path.write_text(text + "\n", encoding="utf-8", newline="\n")


def _executor(options: RunOptions) -> Executor:
    if options.jobs == 1 and options.timeout_s is None:
        return SerialExecutor()
    return PoolExecutor(options.jobs, options.timeout_s)


def _run_due(
    decisions: Sequence[CaseDecision],
    store: ResultStore,
    executor: Executor,
    event: Event | None,
) -> list[str]:
    """Run what is due and store it; return the tracebacks of unexpected errors."""
    unexpected = []
    due = [d.case for d in decisions if d.action == "run"]
    done = len(decisions) - len(due)
    for outcome in executor.run([case.plan for case in due]) if due else ():
        case = due[outcome.index]
        store_result(store, case, _finished(case, outcome))
        done += 1
        if outcome.log:
            unexpected.append(f"{case.plan.case_id}: {outcome.log}")
        if event is not None:
            event(done, len(decisions), case.plan.case_id)
    for decision in decisions:
        if decision.action == "refuse" and decision.case.refusal is not None:
            # Without a key: a refusal may hang on other cases, so that the case is
            # looked at again as soon as nothing refuses it any more.
            store.save("", refused_result(decision.case, decision.case.refusal))
    return unexpected


def store_result(store: ResultStore, case: PlannedCase, result: CaseResult) -> None:
    """Store a result; one that no file can hold becomes an error of its case alone."""
    try:
        store.save(case.key, result)
    except (TypeError, ValueError) as error:
        defect = CaseError(
            "CASE-INTERNAL",
            f"the result of the case cannot be written: {error}",
            hint="It is a defect of the program: please report it.",
        )
        store.save(case.key, refused_result(case, defect))


def _finished(case: PlannedCase, outcome: Outcome) -> CaseResult:
    if outcome.result is None:
        assert outcome.error is not None  # noqa: S101 - an outcome has one of the two
        return refused_result(case, outcome.error)
    return _keyed(outcome.result, case.key)


def _keyed(result: CaseResult, key: str) -> CaseResult:
    return replace(result, case={**result.case, "result_key": key})


def refused_result(case: PlannedCase, error: BiomarkerError) -> CaseResult:
    """Return the result of a case that never got to be measured."""
    row = {
        **case_row(case.plan),
        "status": CaseStatus.FAILED.value,
        "error_code": error.code,
        "error_message": str(error),
        "result_key": case.key,
    }
    return CaseResult(case=row, rois=skipped_roi_rows(case.plan, error.code, str(error)))


def _result_of(decision: CaseDecision, store: ResultStore) -> CaseResult:
    stored = decision.stored or store.load(decision.case.plan.case_id)
    assert stored is not None  # noqa: S101 - every case was stored above
    return stored.result


def exit_code(
    results: Sequence[CaseResult], wide_checks: Sequence[Row], options: RunOptions
) -> ExitCode:
    """Return the exit code of a run by the contract."""
    codes = {ExitCode.DONE}
    statuses = [result.status for result in results]
    bad = {CaseStatus.FAILED, CaseStatus.PARTIAL, CaseStatus.WAITING}
    if not results:
        codes.add(ExitCode.NOTHING_FOUND)
    elif all(status is CaseStatus.FAILED for status in statuses):
        codes.add(ExitCode.FAILED)
    elif any(status in bad for status in statuses):
        codes.add(ExitCode.PARTIAL)
    checks = [*wide_checks, *(check for result in results for check in result.checks)]
    if options.strict and any(
        check["severity"] == "error" and check["outcome"] in NOT_MET for check in checks
    ):
        codes.add(ExitCode.VIOLATION)
    return worst_exit_code(codes)
