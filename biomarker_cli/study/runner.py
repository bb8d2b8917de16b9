"""Run a study: what is new or changed, in an executor, into the store and the tables."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from biomarker_cli.case.result import CaseStatus
from biomarker_cli.model.exit_codes import ExitCode, worst_exit_code
from biomarker_cli.study.cohort import Cohort
from biomarker_cli.study.decisions import DecisionRules, decide_cases
from biomarker_cli.study.executors import Executor, PoolExecutor, SerialExecutor
from biomarker_cli.study.finishing import finish
from biomarker_cli.study.integrity import examine_cohort
from biomarker_cli.study.judged import JudgedResults
from biomarker_cli.study.keeping import Keeping
from biomarker_cli.study.locking import exclusive
from biomarker_cli.study.measuring import Measuring
from biomarker_cli.study.run_log import JSON_LINES, RunLog
from biomarker_cli.study.store import ResultStore
from biomarker_cli.study.surveying import survey_study
from biomarker_cli.study.terms import StudyTerms

if TYPE_CHECKING:
    from biomarker_cli.study.cohort_case import CohortCase
    from biomarker_cli.study.packed import PackedResult, ResultHead
    from biomarker_cli.study.planning import StudyPlanner
    from biomarker_cli.study.sources import CaseSource
    from biomarker_cli.study.study_file import Study
    from biomarker_cli.tables.rows import CheckRow


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
    executor : Executor or None
        What measures instead of worker processes here.
    """

    jobs: int = 1
    fresh: bool = False
    retry_failed: bool = False
    strict: bool = False
    timeout_s: float | None = None
    executor: Executor | None = None

    @property
    def rules(self) -> DecisionRules:
        """What the user asks for beside what has changed."""
        return DecisionRules(fresh=self.fresh, retry_failed=self.retry_failed)


@dataclass(frozen=True)
class StudyRun:
    """What is run.

    Attributes
    ----------
    terms : StudyTerms
        What holds for all cases.
    source : CaseSource
        The cases.
    """

    terms: StudyTerms
    source: CaseSource

    @classmethod
    def of_study(cls, study: Study, planner: StudyPlanner) -> StudyRun:
        """Return the run of a study."""
        return cls(StudyTerms.of(study, planner.protocols, planner.waivers), planner)

    def index_open(self) -> AbstractContextManager[None]:
        """Hold the index of the files open."""
        index = self.source.index
        return nullcontext() if index is None else index.held_open()

    def cohort(self, folder: Path, *, writes: bool = True) -> Cohort:
        """Return the cohort of the folder of a run."""
        index = self.source.index
        cache = None if index is None else index.folder
        return Cohort.of_folder(folder, cache, refuses=self.terms.refuses, writes=writes)


@dataclass(frozen=True)
class RunProgress:
    """Whom a run tells how far it is.

    Attributes
    ----------
    planned, measured : callable, optional
        Called with cases done and in all.
    ended : callable, optional
        Called with what a case gave, and the seconds that it took where they are known.
    """

    planned: Callable[[int, int], None] | None = None
    measured: Callable[[int, int], None] | None = None
    ended: Callable[[ResultHead, float | None], None] | None = None


@dataclass(frozen=True)
class RunReport:
    """What a run gave.

    Attributes
    ----------
    folder : Path
    judged : JudgedResults
        The result of each case, one at a time.
    wide_checks : tuple of CheckRow
        Rows of ``checks.csv`` above series.
    exit_code : ExitCode
    remarks : tuple of str
        What was found wrong with the folder, and mended.
    n_kept : int
        Cases whose results were there before.
    not_kept : tuple of str
        Cases beside whose results something could not be kept, and why.
    """

    folder: Path
    judged: JudgedResults
    wide_checks: tuple[CheckRow, ...]
    exit_code: ExitCode
    remarks: tuple[str, ...] = ()
    n_kept: int = 0
    not_kept: tuple[str, ...] = ()

    def without(self, not_kept: Sequence[str]) -> RunReport:
        """Return the report of a run that could not keep all that it should have."""
        if not not_kept:
            return self
        code = worst_exit_code({self.exit_code, ExitCode.PARTIAL})
        return replace(self, exit_code=code, not_kept=tuple(not_kept))

    @property
    def results(self) -> tuple[PackedResult, ...]:
        """All results at once, in the order of the study."""
        return tuple(self.judged.in_order("place"))

    @property
    def decisions(self) -> tuple[CohortCase, ...]:
        """What was done with each case, in the order of the study."""
        return tuple(self.judged.cohort.cases())


def plan_run(
    study: StudyRun, folder: Path, options: RunOptions, progress: RunProgress | None = None
) -> tuple[CohortCase, ...]:
    """Return what a run would do with each case, and why; nothing is written.

    Raises
    ------
    StudyError
        ``OVERRIDE-UNUSED``.
    """
    progress = progress or RunProgress()
    with study.index_open(), study.cohort(folder, writes=False) as cohort:
        survey_study(study.source, cohort, progress.planned)
        examine_cohort(cohort)
        store = ResultStore(folder)
        keeping = Keeping(folder, study.terms.keep)
        decide_cases(cohort, study.source, store, study.terms.study_id, options.rules, keeping)
        return tuple(cohort.cases())


def run_study(
    study: StudyRun, folder: Path, options: RunOptions, progress: RunProgress | None = None
) -> RunReport:
    """Run what is due and write the tables of the whole study.

    Parameters
    ----------
    study : StudyRun
    folder : Path
        Made where it does not exist; results in it are taken up.
    options : RunOptions
    progress : RunProgress, optional

    Raises
    ------
    StudyError
        ``OUTPUT-EXISTS``, ``RUN-BUSY``, ``OVERRIDE-UNUSED``.
    """
    progress = progress or RunProgress()
    store = ResultStore(folder)
    mended = store.open_for(study.terms.study_id)
    with (
        exclusive(store.results_folder),
        RunLog(folder / JSON_LINES) as log,
        study.index_open(),
        study.cohort(folder).held() as cohort,
    ):
        store.remove_unfinished()
        survey_study(study.source, cohort, progress.planned)
        examine_cohort(cohort)
        store.list_cases(study.terms.study_id, study.source.case_ids())
        keeping = Keeping(folder, study.terms.keep)
        decide_cases(cohort, study.source, store, study.terms.study_id, options.rules, keeping)
        log.planned(cohort)
        measuring = Measuring(study.terms.study_id, study.source, cohort, store, log, keeping)
        measuring.run(executor_of(options), progress)
        remarks = tuple(filter(None, [mended]))
        judged = JudgedResults(cohort, store, study.terms.study_id)
        said = [*remarks, *measuring.remarks]
        wide = finish(study.terms, judged, folder, said)
        keeping.remove_others(study.source.case_ids())
        log.ended()
    report = report_of(judged, wide, folder, remarks, strict=options.strict)
    return report.without(measuring.later.not_kept)


def report_of(
    judged: JudgedResults,
    wide_checks: Sequence[CheckRow],
    folder: Path,
    remarks: Sequence[str],
    *,
    strict: bool,
) -> RunReport:
    """Return the report of a run at its end, and let other processes have its cohort."""
    violated = strict and judged.has_violation(wide_checks)
    code = exit_code(judged.statuses(), violated=violated)
    n_kept = judged.cohort.n_of("reuse") + judged.cohort.n_of("keep")
    judged.cohort.release()
    return RunReport(folder, judged, tuple(wide_checks), code, tuple(remarks), n_kept)


def executor_of(options: RunOptions) -> Executor:
    """Return what runs the cases."""
    if options.executor is not None:
        return options.executor
    if options.jobs == 1 and options.timeout_s is None:
        return SerialExecutor()
    return PoolExecutor(options.jobs, options.timeout_s)


def exit_code(statuses: Collection[CaseStatus], *, violated: bool) -> ExitCode:
    """Return the exit code of a run by the contract.

    Parameters
    ----------
    statuses : collection of CaseStatus
        How cases ended.
    violated : bool
        Whether an acquisition rule is broken that must not be.
    """
    codes = {ExitCode.DONE}
    found = set(statuses)
    if not found:
        codes.add(ExitCode.NOTHING_FOUND)
    elif found == {CaseStatus.FAILED}:
        codes.add(ExitCode.FAILED)
    elif found & {CaseStatus.FAILED, CaseStatus.PARTIAL, CaseStatus.WAITING}:
        codes.add(ExitCode.PARTIAL)
    if violated:
        codes.add(ExitCode.VIOLATION)
    return worst_exit_code(codes)
