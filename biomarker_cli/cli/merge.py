"""``biomarker merge``: make one run of the shards of a study."""

from __future__ import annotations

from pathlib import Path

import click

from biomarker_cli.cli.new_files import require_new_file
from biomarker_cli.cli.options import format_option, junit_option, quiet_option
from biomarker_cli.cli.run_ending import end_with_report
from biomarker_cli.cli.strict_command import strict_command

_EPILOG = """\b
Examples:
  biomarker run study.yaml -o results --shard 1/2
  biomarker run study.yaml -o results --shard 2/2
  biomarker merge results
  biomarker merge results --study /data/trial/study.yaml
"""


@strict_command(epilog=_EPILOG)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--study",
    "study_file",
    metavar="STUDY.yaml",
    type=click.Path(path_type=Path),
    help="The study of the shards [default: where they had it from].",
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
@click.option("--strict", is_flag=True, help="Exit with 4 where an acquisition rule is broken.")
@junit_option
@quiet_option
@format_option
@click.pass_context
def merge(
    context: click.Context,
    /,
    folder: Path,
    study_file: Path | None,
    allowed: tuple[Path, ...],
    junit: Path | None,
    output_format: str,
    *,
    strict: bool,
) -> None:
    """Judge the cohort of all shards in DIR, and write the tables of the whole study.

    Shards that are missing, or that were not made with the same study, protocols,
    program and keys, are refused by name. The tables are those that one `run` of the
    undivided study writes. Images are not opened.
    """
    from biomarker_cli.study.merging import merge_shards

    if junit is not None:
        require_new_file(junit)
    report = merge_shards(folder, study_file, allowed, strict=strict)
    end_with_report(report, junit, output_format)
    context.exit(report.exit_code)
