"""Results of cases that were never measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from biomarker_cli.acquisition.results import CheckResult, Outcome
from biomarker_cli.case.result import CaseResult
from biomarker_cli.study.cohort import Cohort
from biomarker_cli.study.judged import JudgedResults
from biomarker_cli.study.packed import PackedResult
from biomarker_cli.study.store import ResultStore
from biomarker_cli.study.survey import Survey
from biomarker_cli.tables.rows import CaseRow, CheckRow

CASE_ID = "S/1/T1/ct"


def case_result(case_id: str = CASE_ID, status: str = "measured", **parts: object) -> CaseResult:
    """Return the result of a case; `parts` are fields of it."""
    site, subject, timepoint, _ = case_id.split("/") if "/" in case_id else ("S", "1", "T1", "")
    ids = {"site_id": site, "subject_id": subject, "timepoint": timepoint}
    row = CaseRow(case_id=case_id, **ids, status=status)
    return CaseResult(**{"role": "ct", "case": row, **parts})


def survey(case_id: str = CASE_ID, **said: object) -> Survey:
    """Return what is known of a case whose image says nothing, or what is given."""
    site, subject, timepoint, role = case_id.split("/")
    ids = {"site_id": site, "subject_id": subject, "timepoint": timepoint, "role": role}
    return Survey(**{**ids, "image": role, **said})


def judged_results(results: Sequence[PackedResult], folder: Path) -> JudgedResults:
    """Return results as a run has them when all is measured."""
    store, cohort = ResultStore(folder), Cohort.in_memory()
    store.open_for("study")
    for place, result in enumerate(results):
        cohort.add(survey(result.case_id), place, "", ())
        (number,) = [case.number for case in cohort.surveyed() if case.place == place]
        cohort.take_result(number, store.save(result))
    return JudgedResults(cohort, store, "study")


def check_result(outcome: Outcome, severity: str = "error") -> CheckResult:
    """Return what one rule found on a series."""
    return CheckResult(
        scope="series",
        series_uid="1.2",
        protocol_id="p",
        protocol_version="1.0.0",
        protocol_sha256="",
        rule_id="P-1",
        severity=severity,
        outcome=outcome,
        observed="",
        expected="",
        unit="",
        tags="",
    )


def check_row(outcome: str, severity: str = "error") -> CheckRow:
    """Return the same as a row of a case."""
    return CheckRow(case_id=CASE_ID, **check_result(Outcome(outcome), severity).row())
