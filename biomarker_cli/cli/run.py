"""``biomarker run``: measure a study."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from biomarker_cli.cli.executing import Measurer, executor_options
from biomarker_cli.cli.new_files import require_new_file
from biomarker_cli.cli.options import (
    Seconds,
    format_option,
    junit_option,
    quiet_option,
    verbose_option,
)
from biomarker_cli.cli.output import Listing, note, print_json, stages
from biomarker_cli.cli.run_ending import end_with_report, say_case
from biomarker_cli.cli.strict_command import strict_command

if TYPE_CHECKING:
    from biomarker_cli.study.cohort_case import CohortCase
    from biomarker_cli.study.merging import StudyPart
    from biomarker_cli.study.runner import RunOptions, RunProgress, RunReport, StudyRun
    from biomarker_cli.study.shards import Shard

_EPILOG = """\b
Examples:
  biomarker run sample_data/study.yaml -o results
  biomarker run study.yaml -o results --jobs 4
  biomarker run study.yaml -o results --report
  biomarker run study.yaml -o results --dry-run
  biomarker run study.yaml -o results --retry-failed
  biomarker run study.yaml -o results --shard 2/8
  biomarker run study.yaml -o results --executor dask --scheduler head:8786

Run the same command again to go on after an interruption: what has been
measured and has not changed is kept. Shards of a study may be run on several
machines into one folder; `biomarker merge results` then writes the tables.
"""


class ShardType(click.ParamType[Any]):
    """``i/n``."""

    name = "i/n"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Shard:
        """Return the shard that is meant."""
        from biomarker_cli.study.shards import Shard

        try:
            return Shard.parse(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@strict_command(
    epilog=_EPILOG,
    needs={"--scheduler": "--executor dask", "--wait-for-workers": "--executor dask"},
    excludes={
        "--dry-run": ("--junit", "--strict", "--verbose", "--executor", "--scheduler"),
        "--fresh": ("--retry-failed",),
        "--shard": ("--report",),
    },
)
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
    "--timeout-per-case", type=Seconds(min=0, min_open=True), metavar="S", help="Seconds."
)
@executor_options
@click.option(
    "--shard",
    type=ShardType(),
    help="Measure the i-th of n parts of the study, and write no tables; see `merge`.",
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
@click.option(
    "--report",
    "reports",
    is_flag=True,
    help="Keep pictures of each ROI as well, and write report.html beside the tables.",
)
@junit_option
@quiet_option
@verbose_option("case")
@format_option
@click.pass_context
def run(
    context: click.Context,
    /,
    study_file: Path,
    output: Path | None,
    shard: Shard | None,
    junit: Path | None,
    output_format: str,
    **given: Any,
) -> None:
    """Check, import and measure every case of a study, and write the tables.

    A case that fails leaves a row with its error code; the others go on.
    """
    from biomarker_cli.study.study_file import keeping_pictures, load_study, with_key

    if junit is not None:
        require_new_file(junit)
    study = load_study(study_file, given.pop("allowed"))
    folder = output or study.root / "results"
    dry_run, reports = given.pop("dry_run"), given.pop("reports")
    if reports:
        study = keeping_pictures(study)
    measurer = Measurer.taken(given)
    study = with_key(study, writes=not dry_run)
    part = _part(shard, study, study_file)
    due, options = _due(study if part is None else part.own, is_part=part is not None, **given)
    with _told(verbose=given["verbose"]) as told:
        if dry_run:
            decisions = _planned(due, folder, options, told)
        else:
            with measurer.executor(options.timeout_s) as executor:
                options = replace(options, executor=executor)
                report = _ran(part, due, folder, options, told)
    if dry_run:
        _print_plan(decisions, output_format)
        return
    end_with_report(report, junit, output_format, shard)
    if reports and shard is None:
        _write_report(folder)
    context.exit(report.exit_code)


def _write_report(folder: Path) -> None:
    """Write the report of a run; that of an earlier one is its own and is replaced."""
    from biomarker_cli.report.making import REPORT_FILE, ReportOrder, write_report

    write_report(folder, folder / REPORT_FILE, ReportOrder())
    note(f"written: {folder / REPORT_FILE}")


def _part(shard: Shard | None, study: Any, study_file: Path) -> StudyPart | None:
    if shard is None:
        return None
    from biomarker_cli.study.merging import StudyPart

    return StudyPart(shard, study, study_file)


def _due(
    study: Any,
    *,
    is_part: bool,
    jobs: int,
    timeout_per_case: float | None,
    verify_inputs: bool,
    verbose: bool,
    **switches: bool,
) -> tuple[StudyRun, RunOptions]:
    """Return what is run, and how; who says what became of a case is no matter of either."""
    del verbose
    from biomarker_cli.catalogue.index import FileIndex
    from biomarker_cli.study.planning import StudyPlanner
    from biomarker_cli.study.runner import RunOptions, StudyRun

    options = RunOptions(jobs=jobs, timeout_s=timeout_per_case, executor=None, **switches)
    planner = StudyPlanner(
        study,
        FileIndex.of_user(trusted=not options.fresh),
        verify_inputs=verify_inputs,
        jobs=jobs,
        limit_s=timeout_per_case,
        is_part=is_part,
    )
    return StudyRun.of_study(study, planner), options


@contextmanager
def _told(*, verbose: bool) -> Iterator[RunProgress]:
    """Yield whom a run tells how far it is."""
    from biomarker_cli.study.runner import RunProgress

    with stages("cases") as stage:
        yield RunProgress(stage("planning"), stage("measuring"), say_case if verbose else None)


def _planned(
    due: StudyRun, folder: Path, options: RunOptions, told: RunProgress
) -> Sequence[CohortCase]:
    from biomarker_cli.study.runner import plan_run

    return plan_run(due, folder, options, told)


def _ran(
    part: StudyPart | None, due: StudyRun, folder: Path, options: RunOptions, told: RunProgress
) -> RunReport:
    from biomarker_cli.study.merging import run_shard
    from biomarker_cli.study.runner import run_study

    if part is None:
        return run_study(due, folder, options, told)
    return run_shard(part, due, folder, options, told)


def _print_plan(decisions: Sequence[CohortCase], output_format: str) -> None:
    rows = [
        {
            "case_id": decision.case_id,
            "action": decision.action,
            "reason": decision.reason,
            "files": decision.survey.n_files,
            "analyses": list(decision.survey.analyses),
        }
        for decision in decisions
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
