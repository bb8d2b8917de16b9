"""Make what a study keeps and is missing beside results that stand; nothing is measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from biomarker_cli.case.keeping import FILES_CHANGED, Kept, keep_failed

if TYPE_CHECKING:
    from biomarker_cli.case.plan import CasePlan
    from biomarker_cli.study.cohort import Cohort
    from biomarker_cli.study.cohort_case import CohortCase
    from biomarker_cli.study.executors import CaseOutcome, Executor
    from biomarker_cli.study.finished import FinishedResult
    from biomarker_cli.study.keeping import Keeping
    from biomarker_cli.study.planned import PlannedCase
    from biomarker_cli.study.run_log import RunLog
    from biomarker_cli.study.sources import CaseSource

Learn = Callable[["CasePlan", "FinishedResult"], None]
"""Takes note of the files that were read."""


class LaterKeeping:
    """What is kept of cases after they were measured.

    Parameters
    ----------
    source : CaseSource
    cohort : Cohort
        With what was decided.
    keeping : Keeping
    log : RunLog

    Attributes
    ----------
    not_kept : list of str
        Cases of which something could not be kept, and why.
    unexpected : list of str
        Tracebacks of unexpected errors, each with its case.
    joined : set of int
        Numbers of the cases of which a part was measured: what is kept is of the whole.
    """

    def __init__(self, source: CaseSource, cohort: Cohort, keeping: Keeping, log: RunLog) -> None:
        self._source = source
        self._cohort = cohort
        self._keeping = keeping
        self._log = log
        self._under_way: dict[int, tuple[CohortCase, PlannedCase]] = {}
        self.not_kept: list[str] = []
        self.unexpected: list[str] = []
        self.joined: set[int] = set()

    def run(self, executor: Executor, learn: Learn) -> Iterator[int]:
        """Make what is missing; yield for each case how many more are done."""
        if not self.joined and not self._cohort.n_of("keep"):
            return
        for outcome in executor.run(self._plans()):
            yield self._take(outcome, learn)

    def _plans(self) -> Iterator[CasePlan]:
        index = 0
        for case in self._cohort.cases():
            is_due = case.action == "keep" or case.number in self.joined
            if not is_due or case.head is None or not self._keeping.missing(case.head):
                continue
            planned = self._source.planned(case.place)
            if not case.survey.is_of(planned):
                self.note(case.case_id, Kept(problem=keep_failed(FILES_CHANGED)))
                continue
            self._under_way[index] = case, planned
            index += 1
            yield self._keeping.later(planned.plan, case.head)

    def _take(self, outcome: CaseOutcome, learn: Learn) -> int:
        case, planned = self._under_way.pop(outcome.index)
        planned.plan.inputs.let_all_go()
        if outcome.log:
            self.unexpected.append(f"{case.case_id}: {outcome.log}")
        kept = None if outcome.result is None else outcome.result.kept
        if outcome.result is not None:
            learn(planned.plan, outcome.result)
        if outcome.error is not None:
            kept = Kept(problem=keep_failed(str(outcome.error)))
        self._log.kept(case.case_id, self.note(case.case_id, kept), outcome.seconds)
        return int(case.action == "keep")

    def note(self, case_id: str, kept: Kept | None) -> str:
        """Take note of what could not be kept; return the code of the error, empty for none."""
        if kept is None or kept.problem is None:
            return ""
        self.not_kept.append(f"{case_id}: {kept.problem.code} {kept.problem}")
        if kept.log:
            self.unexpected.append(f"{case_id}: {kept.log}")
        return kept.problem.code
