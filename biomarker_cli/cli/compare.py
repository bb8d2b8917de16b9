"""``biomarker compare``: do two runs, or two programs, give one number."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from biomarker_cli.cli.new_files import require_new_file, write_new_file
from biomarker_cli.cli.options import quiet_option
from biomarker_cli.cli.output import note, print_data, print_json, say
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.exit_codes import ExitCode

if TYPE_CHECKING:
    from biomarker_cli.multicentre.comparison import Comparison

_EPILOG = """\b
Examples:
  biomarker compare reference_run new_run
  biomarker compare centre_a centre_b --tolerance limits.yaml --junit compare.xml
  biomarker compare results theirs.csv --dialect pyradiomics
  biomarker compare results mirp_tables --dialect mirp --analysis radiomics-ct
  biomarker compare old new --format csv > rows.csv

A and B are folders of runs, or tables of measurements as CSV or Parquet; with
--dialect, B is a table of another program or a folder of them. Dialects that
are shipped: mirp, zrad, pysera, pictologics, pyradiomics, and lifex as a draft.

\b
Exit codes: 0 within tolerance, 7 not: a value, status, unit or flags differ, a
row stands on one side only, or image or mask is another one; 3 nothing to
compare, 2 a bad file of tolerances, names or dialect.
"""


@strict_command(epilog=_EPILOG, needs={"--worst": "--format text"})
@click.argument("a", metavar="A", type=click.Path(path_type=Path))
@click.argument("b", metavar="B", type=click.Path(path_type=Path))
@click.option(
    "--dialect", default="", metavar="NAME[@V]|FILE", help="B is a table of another program."
)
@click.option(
    "--tolerance",
    "tolerances",
    type=click.Path(path_type=Path),
    metavar="FILE.yaml",
    help="How far values may lie apart, by feature or family.",
)
@click.option("--analysis", default="", metavar="ID[@V]", help="Compare this analysis only.")
@click.option(
    "--names",
    type=click.Path(path_type=Path),
    metavar="FILE.csv",
    help="Which case or ROI of B is which of A: columns kind, a, b.",
)
@click.option(
    "--allow-other-input", is_flag=True, help="Let pass cases whose image or mask is another one."
)
@click.option("--allow-missing", is_flag=True, help="Let pass rows that one side only has.")
@click.option(
    "--worst", default=20, show_default=True, type=click.IntRange(min=0), help="Rows to list."
)
@click.option("--junit", type=click.Path(path_type=Path), help="Write JUnit XML here.")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(["text", "json", "csv"]),
    default="text",
    show_default=True,
    help="How to print: to read, JSON for scripts, or CSV with every row.",
)
@quiet_option
@click.pass_context
def compare(
    context: click.Context, /, worst: int, junit: Path | None, output_format: str, **given: Any
) -> None:
    """Tell whether two runs, or two programs, give one number.

    Rows meet by case, ROI, analysis and feature. What the two sides were made
    with is told first, then whether image and mask were the same: where they
    were not, the difference says nothing of the program. Relations that a
    dialect states, such as excess kurtosis, are named and are no difference.
    """
    from biomarker_cli.multicentre.comparison import ComparisonRequest
    from biomarker_cli.multicentre.comparison import compare as compare_sides

    if junit is not None:
        require_new_file(junit)
    comparison = compare_sides(ComparisonRequest(**given))
    if junit is not None:
        from biomarker_cli.multicentre.comparison_junit import comparison_xml

        write_new_file(junit, comparison_xml(comparison))
        note(f"written: {junit}")
    _print(comparison, output_format, worst)
    context.exit(ExitCode.OUT_OF_TOLERANCE if comparison.failures else ExitCode.DONE)


def _print(comparison: Comparison, output_format: str, n_worst: int) -> None:
    from biomarker_cli.multicentre.comparison_report import as_json, csv_blocks, text_lines

    if output_format == "json":
        print_json(as_json(comparison))
    elif output_format == "csv":
        for block in csv_blocks(comparison):
            print_data(block)
    else:
        for line in text_lines(comparison, n_worst):
            say(line)
