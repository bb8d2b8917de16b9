"""Results of cases that were never measured."""

from __future__ import annotations

from biomarker_cli.case.result import CaseResult
from biomarker_cli.tables.rows import CaseRow, CheckRow

CASE_ID = "S/1/T1/ct"


def case_result(case_id: str = CASE_ID, status: str = "measured", **parts: object) -> CaseResult:
    """Return the result of a case; `parts` are fields of it."""
    row = CaseRow(case_id=case_id, site_id="S", subject_id="1", timepoint="T1", status=status)
    return CaseResult(**{"role": "ct", "case": row, **parts})


def check_row(outcome: str, severity: str = "error") -> CheckRow:
    """Return a check of a series."""
    return CheckRow(
        scope="series",
        case_id=CASE_ID,
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
