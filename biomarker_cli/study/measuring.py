"""Measure the cases that are due, and store each result as it comes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biomarker_cli.case.inputs import (
    NOTHING_READ,
    CaseInputs,
    PartDigests,
    digests_of_parts,
    pixels_of,
)
from biomarker_cli.case.storing import StoreOrder
from biomarker_cli.model.errors import CaseError
from biomarker_cli.model.inputs import CHANGED
from biomarker_cli.study.cohort_case import ToldResult
from biomarker_cli.study.joining import joined
from biomarker_cli.study.judged import refused_result
from biomarker_cli.study.keeping import NOTHING_KEPT, Keeping
from biomarker_cli.study.keys import key_parts
from biomarker_cli.study.later import LaterKeeping
from biomarker_cli.study.packed import PackedResult, ResultHead, pack

if TYPE_CHECKING:
    from biomarker_cli.case.plan import CasePlan
    from biomarker_cli.model.inputs import FileRead
    from biomarker_cli.study.cohort import Cohort
    from biomarker_cli.study.cohort_case import SurveyedCase
    from biomarker_cli.study.executors import CaseOutcome, Executor
    from biomarker_cli.study.finished import FinishedResult
    from biomarker_cli.study.planned import PlannedCase
    from biomarker_cli.study.run_log import RunLog
    from biomarker_cli.study.runner import RunProgress
    from biomarker_cli.study.sources import CaseSource
    from biomarker_cli.study.store import ResultStore
    from biomarker_cli.study.survey import Survey

_REMEMBERED_EVERY = 5000
"""Files after which the index learns what was read of them."""


class Measuring:
    """What is measured now.

    Parameters
    ----------
    study_id : str
    source : CaseSource
    cohort : Cohort
        With what was decided.
    store : ResultStore
    log : RunLog
    keeping : Keeping
        What is kept beside the results.

    Attributes
    ----------
    unexpected : list of str
        Tracebacks of unexpected errors, each with its case.
    later : LaterKeeping
        What is kept of cases whose results stand, and what could not be kept.
    """

    def __init__(
        self,
        study_id: str,
        source: CaseSource,
        cohort: Cohort,
        store: ResultStore,
        log: RunLog,
        keeping: Keeping = NOTHING_KEPT,
    ) -> None:
        self._study_id = study_id
        self._source = source
        self._cohort = cohort
        self._store = store
        self._log = log
        self._keeping = keeping
        self.later = LaterKeeping(source, cohort, keeping, log)
        self._under_way: dict[int, tuple[SurveyedCase, PlannedCase]] = {}
        self._read: dict[Path, FileRead] = {}
        self._doubtful: list[Path] = []
        self._again: list[int] = []
        self._ended: Callable[[ResultHead, float | None], None] | None = None
        self.unexpected: list[str] = []

    @property
    def remarks(self) -> list[str]:
        """What the log says beside the cases."""
        return [*self.later.not_kept, *self.unexpected, *self.later.unexpected]

    def run(self, executor: Executor, progress: RunProgress) -> None:
        """Run what is due and store it.

        Parameters
        ----------
        executor : Executor
        progress : RunProgress
        """
        self._ended = progress.ended
        due, total = self._cohort.n_of("run") + self._cohort.n_of("keep"), len(self._cohort)
        done = total - due
        self.unexpected += self._cohort.tracebacks()
        if not due:
            return
        try:
            for n_ended in self._outcomes(executor):
                done += n_ended
                if progress.measured is not None:
                    progress.measured(done, total)
        finally:
            self._remember()

    def _outcomes(self, executor: Executor) -> Iterator[int]:
        """Yield for each outcome how many cases it ends."""
        for cases in (self._cohort.due(), self._whole()):
            for outcome in executor.run(self._plans(cases)):
                yield self._take(outcome)
        yield from self.later.run(executor, self._learn)

    def _whole(self) -> Iterator[SurveyedCase]:
        """Yield the cases of which a part was measured that cannot be joined with the rest."""
        while self._again:
            yield replace(self._cohort.one(self._again.pop()), kept=())

    def _plans(self, cases: Iterable[SurveyedCase]) -> Iterator[CasePlan]:
        """Yield the plans of cases, each made when it is asked for."""
        index = 0
        for case in cases:
            planned = self._source.planned(case.place)
            if not case.survey.is_of(planned):
                self._keep_changed(case, planned)
                continue
            self._under_way[index] = case, planned
            index += 1
            own = planned.plan.analyses
            changed = tuple(analysis for analysis in own if analysis.ident not in case.kept)
            if case.kept:
                # What is kept is of the whole case: it is made when the parts are joined.
                yield replace(planned.plan, analyses=changed)
            else:
                order = StoreOrder(self._store.folder.absolute(), self._study_id, case.survey.names)
                yield replace(self._keeping.measured(planned.plan), store=order)

    def _take(self, outcome: CaseOutcome) -> int:
        """Store what a case gave; return how many cases that ends."""
        case, planned = self._under_way.pop(outcome.index)
        planned.plan.inputs.let_all_go()
        if outcome.log:
            self.unexpected.append(f"{case.case_id}: {outcome.log}")
        if outcome.result is not None:
            self._learn(planned.plan, outcome.result)
            self.later.note(case.case_id, outcome.result.kept)
            result = outcome.result
            if result.put_down is not None:
                self._store.take_up(case.case_id, result.put_down.part)
                self._keep(case, result.put_down.told, outcome.seconds)
                return 1
            parts = {} if result.met_change else key_parts(planned.plan, result.inputs)
        else:
            assert outcome.error is not None  # noqa: S101 - an outcome has one of the two
            # Its worker cannot say what it read; the case is not run again for nothing.
            read = CaseInputs(planned.plan).read_all()
            refused = refused_result(case.survey, outcome.error)
            result = replace(refused, inputs=read, pixels=pixels_of(planned.plan, read))
            parts = key_parts(planned.plan, read)
        digests = digests_of_parts(planned.plan, result.inputs)
        if case.kept:
            packed = self._joined(case, result, (parts, digests))
            if packed is None:
                self._again.append(case.number)
                return 0
            if self._keeping.kinds:
                self.later.joined.add(case.number)
        else:
            packed = store_result(
                self._store, self._study_id, case.survey, result, (parts, digests)
            )
        self._keep(case, ToldResult.of(packed), outcome.seconds)
        return 1

    def _joined(
        self,
        case: SurveyedCase,
        result: FinishedResult,
        read: tuple[Mapping[str, Any], PartDigests],
    ) -> PackedResult | None:
        """Store the result of some analyses with what is stored of the others."""
        stored = self._store.load(case.case_id, self._study_id)
        fresh, dictionaries = pack(result, self._study_id, read[0], case.survey.names, read[1])
        found = None if stored is None else joined(stored, fresh, case.kept)
        return None if found is None else self._store.save(found, dictionaries)

    def _learn(self, plan: CasePlan, result: FinishedResult) -> None:
        self._read |= result.inputs
        if result.met_change:
            self._doubtful += plan.input_paths
        if len(self._read) > _REMEMBERED_EVERY:
            self._remember()

    def _keep_changed(self, case: SurveyedCase, planned: PlannedCase) -> None:
        """Store that the files of a case are not those that were surveyed."""
        why = f" ({planned.refusal.message})" if planned.refusal is not None else ""
        error = CaseError(
            CHANGED,
            f"the files of the case are not what was planned: they changed during the run{why}",
            where=_latest(planned.plan),
            hint="Run again when nobody writes to them: the case is measured anew.",
        )
        result = refused_result(case.survey, error)
        packed = store_result(self._store, self._study_id, case.survey, result, ({}, NOTHING_READ))
        self._doubtful += planned.plan.input_paths
        self._keep(case, ToldResult.of(packed), None)

    def _keep(self, case: SurveyedCase, told: ToldResult, seconds: float | None) -> None:
        parts = told.head.parts
        known = replace(case.survey, parts=parts)
        self._cohort.update(case.number, known, doubtful=not parts)
        self._cohort.take_told(case.number, told)
        self._log.measured(told.head, seconds)
        if self._ended is not None:
            self._ended(told.head, seconds)

    def _remember(self) -> None:
        index = self._source.index
        if index is not None:
            index.remember_digests(self._read)
            # What is known of a file may be wrong although its signature is the same.
            index.doubt(self._doubtful)
        self._read.clear()
        self._doubtful.clear()
        self._cohort.keep()


def _latest(plan: CasePlan) -> str:
    """Return the name of the file of a case that was changed last."""
    known = plan.inputs.known
    if not known:
        return ""
    return max(known, key=lambda path: known[path].signature.ctime_ns).name


def store_result(
    store: ResultStore,
    study_id: str,
    survey: Survey,
    result: FinishedResult,
    read: tuple[Mapping[str, Any], PartDigests],
) -> PackedResult:
    """Store a result and return it.

    Parameters
    ----------
    store : ResultStore
    study_id : str
    survey : Survey
        Of the case.
    result : FinishedResult
    read : tuple
        What its key is made of, empty where the case is to be looked at again; and the
        digests of image and segmentation.
    """
    parts, digests = read
    return store.save(*pack(result, study_id, parts, survey.names, digests))
