"""Run a study: what is new or changed, in an executor, into the store and the tables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from biomarker_cli.acquisition.results import NOT_MET
from biomarker_cli.case.inputs import CaseInputs, digests_of_parts, known_or_read, pixels_of
from biomarker_cli.case.result import CaseResult, CaseStatus
from biomarker_cli.case.rows import case_row, skipped_roi_rows
from biomarker_cli.model.errors import BiomarkerError, CaseError
from biomarker_cli.model.exit_codes import ExitCode, worst_exit_code
from biomarker_cli.model.inputs import CHANGED
from biomarker_cli.model.outputs import replace_file
from biomarker_cli.model.usability import DEFAULT_POLICY, UsablePolicy
from biomarker_cli.model.wording import shown
from biomarker_cli.study.assembling import write_tables
from biomarker_cli.study.cohort_checks import judge_cohort
from biomarker_cli.study.executors import CaseOutcome, Executor, PoolExecutor, SerialExecutor
from biomarker_cli.study.keys import names_key, result_key
from biomarker_cli.study.locking import exclusive
from biomarker_cli.study.manifest import write_manifest
from biomarker_cli.study.packed import PackedResult, pack
from biomarker_cli.study.planned import IntegrityPolicy, PlannedCase, flag_of
from biomarker_cli.study.store import ResultStore, UnusableResultError
from biomarker_cli.study.twins import twins_by_pixels
from biomarker_cli.tables.schema import CHECKS

if TYPE_CHECKING:
    from biomarker_cli.catalogue.index import FileIndex
    from biomarker_cli.model.inputs import FileRead
    from biomarker_cli.tables.rows import CheckRow

Event = Callable[[int, int, str], None]
"""Called with cases done, cases in all, and the case that has just ended."""

Decision = Literal["reuse", "run", "refuse"]


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
    """

    jobs: int = 1
    fresh: bool = False
    retry_failed: bool = False
    strict: bool = False
    timeout_s: float | None = None


@dataclass(frozen=True)
class StudyRun:
    """What is run.

    Attributes
    ----------
    study_id : str
    cases : sequence of PlannedCase
    integrity : str
        Whether what the cohort finds on a case refuses or flags it.
    index : FileIndex or None
        Learns what was read of the files.
    key_fingerprint : str
        What names the key of the study.
    policy : UsablePolicy
        What flags weigh when rows are pooled.
    """

    study_id: str
    cases: Sequence[PlannedCase]
    integrity: IntegrityPolicy = "refuse"
    index: FileIndex | None = None
    key_fingerprint: str = ""
    policy: UsablePolicy = DEFAULT_POLICY


@dataclass(frozen=True)
class CaseDecision:
    """Whether a case is run, and why.

    Attributes
    ----------
    case : PlannedCase
    action, reason : str
    stored : PackedResult or None
        What is kept.
    distrusted : bool
        Whether a result is there that is not used, since it is not as it was written.
    """

    case: PlannedCase
    action: Decision
    reason: str
    stored: PackedResult | None = None
    distrusted: bool = False


@dataclass(frozen=True)
class RunReport:
    """What a run gave.

    Attributes
    ----------
    folder : Path
    results : tuple of PackedResult
        In the order of the study.
    wide_checks : tuple of CheckRow
        Rows of ``checks.csv`` above series.
    decisions : tuple of CaseDecision
    exit_code : ExitCode
    remarks : tuple of str
        What was found wrong with the folder, and mended.
    """

    folder: Path
    results: tuple[PackedResult, ...]
    wide_checks: tuple[CheckRow, ...]
    decisions: tuple[CaseDecision, ...]
    exit_code: ExitCode
    remarks: tuple[str, ...] = ()


def decide(study: StudyRun, store: ResultStore, options: RunOptions) -> list[CaseDecision]:
    """Return for each case whether it is run, re-used or refused, and why.

    Files whose digests nobody knows are read where a result may be kept for them.
    """
    return [_decide(case, study.study_id, store, options) for case in study.cases]


def _decide(
    case: PlannedCase, study_id: str, store: ResultStore, options: RunOptions
) -> CaseDecision:
    if case.refusal is not None:
        return CaseDecision(case, "refuse", case.refusal.code)
    if options.fresh:
        return CaseDecision(case, "run", "asked to measure anew")
    try:
        stored = store.load(case.plan.case_id, study_id)
    except UnusableResultError as error:
        return CaseDecision(case, "run", str(error), distrusted=True)
    if stored is None:
        return CaseDecision(case, "run", "not measured before")
    if not stored.head.key:
        return CaseDecision(case, "run", "its files had changed while it was measured")
    if stored.head.key != result_key(case.plan, known_or_read(case.plan)):
        return CaseDecision(case, "run", "inputs, study entry, protocols or version changed")
    if stored.head.names != names_key(case.plan):
        return CaseDecision(case, "run", "files were renamed")
    if stored.status in {CaseStatus.FAILED, CaseStatus.PARTIAL} and options.retry_failed:
        return CaseDecision(case, "run", f"was {stored.status.value}, retried")
    return CaseDecision(case, "reuse", "unchanged", stored)


def run_study(
    study: StudyRun, folder: Path, options: RunOptions, event: Event | None = None
) -> RunReport:
    """Run what is due and write the tables of the whole study.

    Parameters
    ----------
    study : StudyRun
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
    mended = store.open_for(study.study_id)
    with exclusive(store.results_folder):
        case_ids = [case.plan.case_id for case in study.cases]
        store.list_cases(study.study_id, case_ids)
        decisions = decide(study, store, options)
        run = _Run(study, store)
        run.measure(decisions, _executor(options), event)
        results, refusals = _judged_by_cohort(study, decisions, run.results)
        wide = judge_cohort(
            [
                (case.plan, result.readings)
                for case, result in zip(study.cases, results, strict=True)
            ]
        )
        write_tables(results, wide, store.dictionary, folder, study.study_id, study.policy)
        fingerprint = study.key_fingerprint
        write_manifest(study.study_id, study.cases, results, folder, fingerprint, study.policy)
        store.list_cases(study.study_id, case_ids, refusals)
        remarks = [*filter(None, [mended])]
        unexpected = [f"{c.plan.case_id}: {c.log}" for c in study.cases if c.log]
        unexpected += run.unexpected
        _write_log(decisions, results, [*remarks, *unexpected], folder / "run.log")
    code = exit_code(results, wide, options)
    return RunReport(folder, tuple(results), tuple(wide), tuple(decisions), code, tuple(remarks))


class _Run:
    """What is measured now, and what is kept.

    Attributes
    ----------
    results : dict
        Case id -> result.
    unexpected : list of str
        Tracebacks of unexpected errors.
    """

    def __init__(self, study: StudyRun, store: ResultStore) -> None:
        self._study = study
        self._store = store
        self.results: dict[str, PackedResult] = {}
        self.unexpected: list[str] = []

    def measure(
        self, decisions: Sequence[CaseDecision], executor: Executor, event: Event | None
    ) -> None:
        """Run what is due and store it."""
        for decision in decisions:
            if decision.stored is not None:
                self.results[decision.case.plan.case_id] = decision.stored
        due = [d.case for d in decisions if d.action == "run"]
        done = len(decisions) - len(due)
        read: dict[Path, FileRead] = {}
        doubtful: list[Path] = []
        try:
            for outcome in executor.run([case.plan for case in due]) if due else ():
                case = due[outcome.index]
                case.plan.inputs.let_all_go()
                if outcome.result is not None:
                    read |= outcome.result.inputs
                    doubtful += case.plan.input_paths if _was_changed(outcome.result) else ()
                self._keep(case, outcome)
                done += 1
                if event is not None:
                    event(done, len(decisions), case.plan.case_id)
        finally:
            if self._study.index is not None:
                self._study.index.remember_digests(read)
                # What is known of a file may be wrong although its signature is the same.
                self._study.index.doubt(doubtful)

    def _keep(self, case: PlannedCase, outcome: CaseOutcome) -> None:
        if outcome.log:
            self.unexpected.append(f"{case.plan.case_id}: {outcome.log}")
        if outcome.result is None:
            assert outcome.error is not None  # noqa: S101 - an outcome has one of the two
            # Its worker cannot say what it read; the case is not run again for nothing.
            read = CaseInputs(case.plan).read_all()
            refused = refused_result(case, outcome.error)
            result = replace(refused, inputs=read, pixels=pixels_of(case.plan, read))
            key = result_key(case.plan, read)
        else:
            result = outcome.result
            key = "" if _was_changed(result) else result_key(case.plan, result.inputs)
        packed = store_result(self._store, self._study.study_id, case, result, key)
        self.results[case.plan.case_id] = packed


def _was_changed(result: CaseResult) -> bool:
    return CHANGED in {result.case.error_code, *(roi.error_code for roi in result.rois.values())}


def store_result(
    store: ResultStore, study_id: str, case: PlannedCase, result: CaseResult, key: str
) -> PackedResult:
    """Store a result and return it; one that no file can hold becomes an error of its case."""
    names = names_key(case.plan)
    parts = digests_of_parts(case.plan, result.inputs)
    try:
        packed, dictionaries = pack(result, study_id, key, names, parts)
    except (TypeError, ValueError) as error:
        defect = CaseError(
            "CASE-INTERNAL",
            f"the result of the case cannot be written: {error}",
            hint="It is a defect of the program: please report it.",
        )
        refused = refused_result(case, defect)
        refused = replace(refused, inputs=result.inputs, pixels=result.pixels)
        packed, dictionaries = pack(refused, study_id, key, names, parts)
    store.save(packed, dictionaries)
    return packed


def _judged_by_cohort(
    study: StudyRun, decisions: Sequence[CaseDecision], measured: dict[str, PackedResult]
) -> tuple[list[PackedResult], dict[str, tuple[str, str]]]:
    """Return the results as the cohort lets them pass, and the refusals by case.

    What is stored stays as it was measured: a case that is refused for another one is
    there again as soon as nothing refuses it any more.
    """
    twins = twins_by_pixels(result.head for result in measured.values())
    results: list[PackedResult] = []
    refusals: dict[str, tuple[str, str]] = {}
    for decision in decisions:
        case = decision.case
        findings = twins.get(case.plan.case_id, [])
        error: BiomarkerError | None = case.refusal
        if error is None and findings and study.integrity == "refuse":
            error = findings[0]
        if error is not None:
            refusals[case.plan.case_id] = error.code, str(error)
            names = names_key(case.plan)
            results.append(pack(refused_result(case, error), study.study_id, "", names)[0])
            continue
        flags = case.flags | {flag_of(finding) for finding in findings}
        results.append(measured[case.plan.case_id].flagged(flags))
    return results, refusals


def _write_log(
    decisions: Sequence[CaseDecision],
    results: Sequence[PackedResult],
    remarks: Sequence[str],
    path: Path,
) -> None:
    """Write what was done and why, and the notes of every case, also of those kept."""
    lines = [f"{d.case.plan.case_id}: {d.action}, {d.reason}" for d in decisions]
    lines += [f"{result.case_id}: {note}" for result in results for note in result.notes]
    tracebacks = [line for text in remarks for line in text.splitlines()]
    # People read it on a terminal, and names and messages of libraries stand in it.
    text = "\n".join(shown(line) for line in [*lines, *tracebacks])
    replace_file(path, f"{text}\n".encode())


def _executor(options: RunOptions) -> Executor:
    if options.jobs == 1 and options.timeout_s is None:
        return SerialExecutor()
    return PoolExecutor(options.jobs, options.timeout_s)


def refused_result(case: PlannedCase, error: BiomarkerError) -> CaseResult:
    """Return the result of a case that never got to be measured."""
    row = replace(
        case_row(case.plan),
        status=CaseStatus.FAILED.value,
        error_code=error.code,
        error_message=str(error),
    )
    rois = skipped_roi_rows(case.plan, error.code, str(error))
    return CaseResult(case.plan.role, row, rois)


def exit_code(
    results: Sequence[PackedResult], wide_checks: Sequence[CheckRow], options: RunOptions
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
    if options.strict and not _all_met(results, wide_checks):
        codes.add(ExitCode.VIOLATION)
    return worst_exit_code(codes)


def _all_met(results: Sequence[PackedResult], wide_checks: Sequence[CheckRow]) -> bool:
    found = [(check.severity, check.outcome) for check in wide_checks]
    found += [(row["severity"], row["outcome"]) for r in results for row in r.rows(CHECKS)]
    return not any(severity == "error" and outcome in NOT_MET for severity, outcome in found)
