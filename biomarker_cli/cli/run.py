"""``biomarker run``: measure a study."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from biomarker_cli.cli.options import format_option
from biomarker_cli.cli.output import Listing, print_json, progress

if TYPE_CHECKING:
    from biomarker_cli.study.runner import RunOptions, RunReport, StudyRun

_EPILOG = """\b
Examples:
  biomarker run sample_data/study.yaml -o results
  biomarker run study.yaml -o results --jobs 4
  biomarker run study.yaml -o results --dry-run
  biomarker run study.yaml -o results --retry-failed

Run the same command again to go on after an interruption: what has been
measured and has not changed is kept.
"""


@click.command(epilog=_EPILOG)
@click.argument("study_file", metavar="STUDY.yaml", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Folder for tables and results [default: results beside the study file].",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    default=lambda: len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1,
    show_default="number of cores",
    help="Worker processes; the tables are the same for any number.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be measured and why; write nothing.")
@click.option("--retry-failed", is_flag=True, help="Measure failed cases again.")
@click.option("--fresh", is_flag=True, help="Trust nothing kept: index and measure again.")
@click.option(
    "--verify-inputs", is_flag=True, help="Read every file again before a result is kept."
)
@click.option("--strict", is_flag=True, help="Exit with 4 where an acquisition rule is broken.")
@click.option(
    "--timeout-per-case", type=click.FloatRange(min=0, min_open=True), metavar="S", help="Seconds."
)
@click.option(
    "--allow-path",
    "allowed",
    metavar="DIR",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Folder outside that of the study in which it may name lists, overrides and "
    "protocols; repeat it.",
)
@format_option
@click.pass_context
def run(
    context: click.Context,
    /,
    study_file: Path,
    output: Path | None,
    jobs: int,
    timeout_per_case: float | None,
    allowed: tuple[Path, ...],
    output_format: str,
    **switches: bool,
) -> None:
    """Check, import and measure every case of a study, and write the tables.

    A case that fails leaves a row with its error code; the others go on.
    """
    from biomarker_cli.catalogue.index import FileIndex
    from biomarker_cli.study.planning import plan_study
    from biomarker_cli.study.runner import RunOptions, StudyRun, run_study
    from biomarker_cli.study.study_file import load_study, with_key
    from biomarker_cli.study.study_key import fingerprint

    study = load_study(study_file, allowed)
    folder = output or study.root / "results"
    dry_run, verify_inputs = switches.pop("dry_run"), switches.pop("verify_inputs")
    study = with_key(study, writes=not dry_run)
    options = RunOptions(jobs=jobs, timeout_s=timeout_per_case, **switches)
    index = FileIndex.of_user(trusted=not options.fresh)
    with progress("planning", "cases") as advance:
        cases = plan_study(
            study,
            advance,
            index,
            verify_inputs=verify_inputs,
            jobs=jobs,
            limit_s=timeout_per_case,
        )
    due = StudyRun(
        study.model.id,
        cases,
        study.model.integrity,
        index,
        fingerprint(study.key),
        study.policy,
    )
    if dry_run:
        _print_plan(due, folder, options, output_format)
        return
    with progress("measuring", "cases") as advance:
        report = run_study(due, folder, options, lambda done, total, _case: advance(done, total))
    _print_report(report, output_format)
    context.exit(report.exit_code)


def _print_plan(study: StudyRun, folder: Path, options: RunOptions, output_format: str) -> None:
    from biomarker_cli.study.runner import decide
    from biomarker_cli.study.store import ResultStore

    rows = [
        {
            "case_id": decision.case.plan.case_id,
            "action": decision.action,
            "reason": decision.reason,
            "files": len(decision.case.plan.input_paths),
            "analyses": [a.ident for a in decision.case.plan.analyses],
        }
        for decision in decide(study, ResultStore(folder), options)
    ]
    if output_format == "json":
        print_json(rows)
        return
    table = Listing("", ("case", "action", "reason", "files", "analyses"))
    for row in rows:
        table.add_row(*(_cell(row[key]) for key in row))
    table.print()


def _cell(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _print_report(report: RunReport, output_format: str) -> None:
    from biomarker_cli.cli.run_summary import print_summary, summary_json

    if output_format == "json":
        print_json(summary_json(report))
    else:
        print_summary(report)
