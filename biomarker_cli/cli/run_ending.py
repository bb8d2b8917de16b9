"""How ``run`` and ``merge`` end: what is printed, and the report for a CI server."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from biomarker_cli.cli.output import print_json, say, write_new_file

if TYPE_CHECKING:
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
        ``text``, ``json``, or empty for nothing.
    shard : Shard or None
        Where it is of a part.
    """
    if junit is not None:
        from biomarker_cli.study.run_junit import run_junit

        write_new_file(junit, run_junit(report))
        if output_format:
            say(f"written: {junit}", err=True)
    if not output_format:
        return
    from biomarker_cli.cli.run_summary import print_summary, summary_json

    if output_format == "json":
        print_json({"shard": str(shard)} | summary_json(report) if shard else summary_json(report))
        return
    print_summary(report, shard)
