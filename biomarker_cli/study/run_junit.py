"""JUnit XML of a run: what a CI server shows of its cases and acquisition rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from biomarker_cli.case.result import CaseStatus
from biomarker_cli.study.judged import is_violation
from biomarker_cli.tables.junit import JUnitCase, junit_xml

if TYPE_CHECKING:
    from biomarker_cli.study.packed import ResultHead
    from biomarker_cli.study.runner import RunReport

_SKIPPED = frozenset({CaseStatus.EXCLUDED, CaseStatus.WAITING})


def run_junit(report: RunReport) -> str:
    """Return a test for each case, and one for each error-level rule that is not met."""
    suites = {"cases": _cases(report), "acquisition rules": _rules(report)}
    return junit_xml("biomarker run", suites)


def _cases(report: RunReport) -> Iterator[JUnitCase]:
    for head in report.judged.heads():
        yield JUnitCase(head.case_id, _outcome(head), _told(head), head.error_code)


def _outcome(head: ResultHead) -> Literal["passed", "failed", "skipped"]:
    status = CaseStatus(head.status)
    if status is CaseStatus.MEASURED:
        return "passed"
    return "skipped" if status in _SKIPPED else "failed"


def _told(head: ResultHead) -> str:
    """Return what went wrong with a case and its regions, empty where nothing did."""
    whole = f"{head.error_code} {head.error_message}" if head.error_code else ""
    rois = [
        f"{roi.roi_id}: {roi.status} {roi.error_code} {roi.error_message}".rstrip()
        for roi in head.rois
        if roi.error_code or roi.status not in {"ok", "skipped"}
    ]
    return "; ".join(filter(None, [whole, *rois]))


def _rules(report: RunReport) -> Iterator[JUnitCase]:
    for check in report.wide_checks:
        if is_violation(check.severity, check.outcome):
            told = f"{check.outcome}, expected {check.expected}, found {check.observed}"
            yield JUnitCase(f"{check.scope} {check.rule_id}", "failed", told, check.severity)
    for case in report.judged.cohort.cases("case_id"):
        for row in case.unmet:
            if is_violation(row["severity"], row["outcome"]):
                told = f"{row['outcome']}, expected {row['expected']}, found {row['observed']}"
                name = f"{case.case_id} {row['rule_id']}"
                yield JUnitCase(name, "failed", told, row["severity"])
