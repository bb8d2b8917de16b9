"""What a person reads after a run: per centre and case, and what went wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Any

from biomarker_cli.acquisition.results import NOT_MET, Outcome
from biomarker_cli.cli.output import Listing, say, say_title
from biomarker_cli.model.wording import counted
from biomarker_cli.tables.schema import CHECKS

if TYPE_CHECKING:
    from biomarker_cli.study.packed import PackedResult
    from biomarker_cli.study.runner import RunReport


def summary_json(report: RunReport) -> dict[str, Any]:
    """Return the summary for scripts."""
    return {
        "folder": str(report.folder),
        "exit_code": int(report.exit_code),
        "cases": [
            {
                "case_id": result.case_id,
                "status": result.status.value,
                "error_code": result.head.error_code,
                "error_message": result.head.error_message,
                "n_measurements": result.head.n_ok + result.head.n_without,
                "violations": _violations(result),
                "regions": {roi.roi_id: roi.status for roi in result.head.rois},
            }
            for result in report.results
        ],
    }


def print_summary(report: RunReport) -> None:
    """Print a table per centre, then deviations and failures in words."""
    results = sorted(report.results, key=lambda r: r.case_id)
    for site, members in groupby(results, key=lambda r: r.head.site_id):
        table = Listing(site, ("case", "status", "regions", "values", "acquisition"))
        for result in members:
            table.add_row(
                result.case_id.removeprefix(f"{site}/"),
                result.status.value,
                _regions(result),
                _values(result),
                _acquisition(result),
            )
        table.print()
    _print_lines("Deviations from the acquisition protocol", _deviations(report))
    _print_lines("Failures", _failures(results))
    _print_lines("Measured again", _distrusted(report))
    counts = Counter(result.status.value for result in results)
    total = ", ".join(f"{n} {status}" for status, n in sorted(counts.items()))
    say(
        f"{counted(len(results), 'case')}: {total}"
        + (f" ({report.n_kept} kept from before)" if report.n_kept else "")
    )
    say(f"Tables are in {report.folder}; docs/tables.md says what the columns mean")


def _regions(result: PackedResult) -> str:
    return ", ".join(
        roi.roi_id if roi.status == "ok" else f"{roi.roi_id} ({roi.status})"
        for roi in result.head.rois
    )


def _values(result: PackedResult) -> str:
    n_without = result.head.n_without
    return f"{result.head.n_ok}" + (f" + {n_without} undefined" if n_without else "")


def _acquisition(result: PackedResult) -> str:
    counts = Counter(check["outcome"] for check in result.rows(CHECKS))
    if not counts:
        return "not checked"
    order = ("fail", "not_evaluable", "missing_series", "waived", "pass")
    return ", ".join(f"{counts[word]} {word}" for word in order if counts[word])


def _violations(result: PackedResult) -> list[str]:
    return [c["rule_id"] for c in result.rows(CHECKS) if c["outcome"] == "fail"]


def _deviations(report: RunReport) -> list[str]:
    checks = [(r.case_id, check) for r in report.results for check in r.rows(CHECKS)]
    checks += [(check.scope, asdict(check)) for check in report.wide_checks]
    return [
        f"{what}: {check['rule_id']} {check['outcome']}, "
        f"expected {check['expected']}, found {_found(check)} ({check['severity']})"
        for what, check in sorted(checks, key=lambda pair: pair[0])
        if check["outcome"] in NOT_MET | {Outcome.WAIVED}
    ]


def _found(check: dict[str, Any]) -> str:
    return f"{check['observed']} {check['unit']}".rstrip() if check["observed"] else "nothing"


def _failures(results: list[PackedResult]) -> list[str]:
    lines = [
        f"{result.case_id}: {result.head.error_code} {result.head.error_message}"
        for result in results
        if result.head.error_code
    ]
    lines += [
        f"{result.case_id} {roi.roi_id}: {roi.error_code} {roi.error_message}"
        for result in results
        for roi in result.head.rois
        if roi.status in {"failed", "missing", "empty"} or (roi.status == "ok" and roi.error_code)
    ]
    return lines


def _distrusted(report: RunReport) -> list[str]:
    """Return what lay in the folder and was not used: somebody may have edited it."""
    lines = [f"{d.case_id}: {d.reason}" for d in report.decisions if d.distrusted]
    return [*report.remarks, *lines]


def _print_lines(title: str, lines: list[str]) -> None:
    if lines:
        say_title(title)
        for line in lines:
            say(f"  {line}")
        say()
