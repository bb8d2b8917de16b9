"""What a person reads after a run: per centre and case, and what went wrong.

Of a study of hundreds of cases nobody reads a line each: the centres are counted then,
and the first few deviations and failures stand for all, which the tables have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from biomarker_cli.acquisition.results import NOT_MET, Outcome
from biomarker_cli.cli.output import Listing, say, say_title
from biomarker_cli.model.wording import counted

if TYPE_CHECKING:
    from biomarker_cli.study.cohort_case import CohortCase
    from biomarker_cli.study.packed import ResultHead
    from biomarker_cli.study.runner import RunReport
    from biomarker_cli.study.shards import Shard

MOST_CASES = 100
"""Cases that are listed one by one."""

MOST_LINES = 40
"""Deviations, or failures, that are listed."""

_STATUSES = ("measured", "partial", "failed", "excluded", "waiting")


def summary_json(report: RunReport) -> dict[str, Any]:
    """Return the summary for scripts."""
    return {
        "folder": str(report.folder),
        "exit_code": int(report.exit_code),
        "not_kept": list(report.not_kept),
        "cases": [
            _case_json(report.judged.head_of(case), case) for case in report.judged.cohort.cases()
        ],
    }


def _case_json(head: ResultHead, case: CohortCase) -> dict[str, Any]:
    return {
        "case_id": head.case_id,
        "status": head.status,
        "error_code": head.error_code,
        "error_message": head.error_message,
        "n_measurements": head.n_ok + head.n_without,
        "violations": [row["rule_id"] for row in case.unmet if row["outcome"] == "fail"],
        "regions": {roi.roi_id: roi.status for roi in head.rois},
    }


@dataclass
class _Lines:
    """Lines of which the first few are shown."""

    title: str
    shown: list[str] = field(default_factory=list)
    n: int = 0

    def add(self, lines: Iterable[str]) -> None:
        """Take further lines."""
        for line in lines:
            self.n += 1
            if self.n <= MOST_LINES:
                self.shown.append(line)

    def print(self, where: str) -> None:
        """Print the title and the lines, if any."""
        if not self.n:
            return
        say()
        say_title(self.title)
        for line in self.shown:
            say(f"  {line}")
        if self.n > MOST_LINES:
            say(f"  and {self.n - MOST_LINES} more: {where}")


def print_summary(report: RunReport, shard: Shard | None = None) -> None:
    """Print a table per centre, then deviations and failures in words.

    Parameters
    ----------
    report : RunReport
    shard : Shard or None
        Where it is of a part.
    """
    by_case = len(report.judged.cohort) <= MOST_CASES
    deviations = _Lines("Deviations from the acquisition protocol")
    failures = _Lines("Failures")
    again = _Lines("Measured again")
    again.add(report.remarks)
    centres: dict[str, Counter[str]] = {}
    table: Listing | None = None
    for case in report.judged.cohort.cases("case_id"):
        head = report.judged.head_of(case)
        if head.site_id not in centres and by_case:
            if table is not None:
                table.print()
            table = Listing(head.site_id, ("case", "status", "regions", "values", "acquisition"))
        centres.setdefault(head.site_id, Counter())[head.status] += 1
        if table is not None:
            table.add_row(*_row(head, case))
        deviations.add(_deviation(head.case_id, row) for row in case.unmet)
        failures.add(_failures(head))
        # Somebody may have edited it.
        again.add([f"{case.case_id}: {case.reason}"] if case.distrusted else [])
    if table is not None:
        table.print()
    if not by_case:
        _print_centres(centres)
    told = NOT_MET | {Outcome.WAIVED}
    wide = [check for check in report.wide_checks if check.outcome in told]
    deviations.add(_deviation(check.scope, asdict(check)) for check in wide)
    deviations.print("checks.csv has all")
    failures.print("cases.csv and rois.csv have all")
    again.print("run.log has all")
    not_kept = _Lines("Not kept")
    not_kept.add(report.not_kept)
    not_kept.print("run.log has all")
    _print_end(report, sum(centres.values(), Counter()), shard)


def _row(head: ResultHead, case: CohortCase) -> tuple[str, ...]:
    return (
        head.case_id.removeprefix(f"{head.site_id}/"),
        head.status,
        _regions(head),
        _values(head),
        _acquisition(case.outcomes),
    )


def _print_centres(centres: Mapping[str, Counter[str]]) -> None:
    table = Listing("", ("centre", "cases", *_STATUSES))
    for site, counts in centres.items():
        table.add_row(site, str(counts.total()), *(str(counts[status]) for status in _STATUSES))
    table.print()


def _print_end(report: RunReport, counts: Counter[str], shard: Shard | None) -> None:
    say()
    total = ", ".join(f"{n} {status}" for status, n in sorted(counts.items()))
    kept = f" ({report.n_kept} kept from before)" if report.n_kept else ""
    part = f" in shard {shard}" if shard is not None else ""
    say(f"{counted(counts.total(), 'case')}{part}: {total}{kept}")
    if shard is not None:
        say(f"When all shards are done: biomarker merge {report.folder}")
    else:
        say(f"Tables are in {report.folder}; docs/tables.md says what the columns mean")


def _regions(head: ResultHead) -> str:
    return ", ".join(
        roi.roi_id if roi.status == "ok" else f"{roi.roi_id} ({roi.status})" for roi in head.rois
    )


def _values(head: ResultHead) -> str:
    return f"{head.n_ok}" + (f" + {head.n_without} undefined" if head.n_without else "")


def _acquisition(outcomes: Mapping[str, int]) -> str:
    if not outcomes:
        return "not checked"
    order = ("fail", "not_evaluable", "missing_series", "waived", "pass")
    return ", ".join(f"{outcomes[word]} {word}" for word in order if outcomes.get(word))


def _deviation(what: str, check: Mapping[str, Any]) -> str:
    return (
        f"{what}: {check['rule_id']} {check['outcome']}, "
        f"expected {check['expected']}, found {_found(check)} ({check['severity']})"
    )


def _found(check: Mapping[str, Any]) -> str:
    return f"{check['observed']} {check['unit']}".rstrip() if check["observed"] else "nothing"


def _failures(head: ResultHead) -> list[str]:
    case = f"{head.case_id}: {head.error_code} {head.error_message}"
    return [
        *([case] if head.error_code else []),
        *(
            f"{head.case_id} {roi.roi_id}: {roi.error_code} {roi.error_message}"
            for roi in head.rois
            if roi.status in {"failed", "missing", "empty"}
            or (roi.status == "ok" and roi.error_code)
        ),
    ]
