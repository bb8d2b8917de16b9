"""How ``run`` and ``merge`` end, and a case of them: what is printed, and the report for CI."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from biomarker_cli.cli.new_files import write_new_file
from biomarker_cli.cli.output import note, print_json, say

if TYPE_CHECKING:
    from biomarker_cli.study.packed import ResultHead
    from biomarker_cli.study.runner import RunReport
    from biomarker_cli.study.shards import Shard


def end_with_report(
    report: RunReport, junit: Path | None, output_format: str, shard: Shard | None = None
) -> None:
    """Print what a run gave, and write it as JUnit XML where that is asked for.

    Parameters
    ----------
    report : RunReport
    junit : Path or None
    output_format : str
        ``text`` or ``json``; quiet prints neither.
    shard : Shard or None
        Where it is of a part.
    """
    if junit is not None:
        from biomarker_cli.study.run_junit import run_junit

        write_new_file(junit, run_junit(report))
        note(f"written: {junit}")
    from biomarker_cli.cli.run_summary import print_summary, summary_json

    if output_format == "json":
        print_json({"shard": str(shard)} | summary_json(report) if shard else summary_json(report))
        return
    print_summary(report, shard)


def say_case(head: ResultHead, seconds: float | None) -> None:
    """Say on stderr what became of a case, and how long it took where that is known."""
    took = f", {seconds:.1f} s" if seconds is not None else ""
    why = f" {head.error_code}" if head.error_code else ""
    say(f"{head.case_id}: {head.status}{why}{took}", err=True)
