"""JudgedResults: the results of a run as the cohort lets them pass, one at a time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from biomarker_cli.acquisition.results import NOT_MET
from biomarker_cli.case.result import CaseResult, CaseStatus
from biomarker_cli.case.rows import case_row, skipped_roi_rows
from biomarker_cli.study.errors import StudyError
from biomarker_cli.study.finished import FinishedResult, finished
from biomarker_cli.study.packed import PackedResult, ResultHead, pack
from biomarker_cli.study.store import UnusableResultError

if TYPE_CHECKING:
    from biomarker_cli.model.errors import BiomarkerError
    from biomarker_cli.study.cohort import Cohort
    from biomarker_cli.study.cohort_case import CohortCase
    from biomarker_cli.study.store import ResultStore
    from biomarker_cli.study.survey import Survey
    from biomarker_cli.tables.rows import CheckRow


class JudgedResults:
    """The result of each case, with what the cohort found on it.

    What is stored stays as it was measured: a case that is refused for another one is
    there again as soon as nothing refuses it any more.

    Parameters
    ----------
    cohort : Cohort
        After everything was measured.
    store : ResultStore
    study_id : str

    Attributes
    ----------
    cohort : Cohort
    store : ResultStore
    study_id : str
    """

    def __init__(self, cohort: Cohort, store: ResultStore, study_id: str) -> None:
        self.cohort = cohort
        self.store = store
        self.study_id = study_id

    def in_order(self, order: Literal["place", "case_id"] = "case_id") -> Iterator[PackedResult]:
        """Yield the results in the order of the study, or of the ids of their cases."""
        return map(self.of, self.cohort.cases(order))

    def heads(self, order: Literal["place", "case_id"] = "case_id") -> Iterator[ResultHead]:
        """Yield what a run looks at of each result; no file is opened."""
        return map(self.head_of, self.cohort.cases(order))

    def head_of(self, case: CohortCase) -> ResultHead:
        """Return what a run looks at of a result; no file is opened."""
        if case.refusal is None and case.head is not None:
            return case.head
        return self.of(case).head

    def measured_heads(self) -> Iterator[ResultHead]:
        """Yield the heads of the cases that nothing refuses."""
        for case in self.cohort.cases("case_id"):
            if case.refusal is None and case.head is not None:
                yield case.head

    def of(self, case: CohortCase) -> PackedResult:
        """Return the result of a case.

        Raises
        ------
        StudyError
            ``RUN-RESULT-LOST`` where its file is not what it was a moment ago.
        """
        if case.refusal is not None:
            refused = refused_result(case.survey, case.refusal)
            return pack(refused, self.study_id, {}, case.survey.names)[0]
        return self.stored(case).flagged(case.flags)

    def stored(self, case: CohortCase) -> PackedResult:
        """Return the result of a case as it was measured."""
        try:
            found = self.store.load(case.case_id, self.study_id)
        except UnusableResultError:
            found = None
        if found is None or found.seal != case.seal:
            raise StudyError(
                "RUN-RESULT-LOST",
                f"the result of {case.case_id} was changed or taken away during the run",
                where=str(self.store.results_folder),
                hint="Run again when nothing else writes there: the case is measured anew.",
            )
        return found

    def statuses(self) -> Counter[CaseStatus]:
        """Return how many cases ended how."""
        return Counter(
            CaseStatus.FAILED if case.refusal is not None else CaseStatus(case.status)
            for case in self.cohort.cases()
        )

    def has_violation(self, wide_checks: Iterable[CheckRow]) -> bool:
        """Tell whether an error-level rule is broken, or cannot be judged."""
        return any(is_violation(c.severity, c.outcome) for c in wide_checks) or any(
            is_violation(row["severity"], row["outcome"])
            for case in self.cohort.cases()
            for row in case.unmet
        )


def is_violation(severity: str, outcome: str) -> bool:
    """Tell whether the outcome of a rule is a violation."""
    return severity == "error" and outcome in NOT_MET


def refused_result(survey: Survey, error: BiomarkerError) -> FinishedResult:
    """Return the result of a case that never got to be measured."""
    row = replace(
        case_row(survey),
        status=CaseStatus.FAILED.value,
        error_code=error.code,
        error_message=str(error),
    )
    why = (error.code, str(error))
    rois = skipped_roi_rows(survey.case_id, survey.image, survey.rois, why)
    return finished(CaseResult(survey.role, row, rois))
