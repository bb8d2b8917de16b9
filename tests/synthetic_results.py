"""Results of cases that were never measured."""

from __future__ import annotations

from biomarker_cli.acquisition.results import CheckResult, Outcome
from biomarker_cli.case.result import CaseResult
from biomarker_cli.tables.rows import CaseRow, CheckRow

CASE_ID = "S/1/T1/ct"


def case_result(case_id: str = CASE_ID, status: str = "measured", **parts: object) -> CaseResult:
    """Return the result of a case; `parts` are fields of it."""
    row = CaseRow(case_id=case_id, site_id="S", subject_id="1", timepoint="T1", status=status)
    return CaseResult(**{"role": "ct", "case": row, **parts})


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
