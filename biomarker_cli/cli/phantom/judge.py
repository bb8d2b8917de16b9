"""``biomarker phantom judge``: the numbers of a sheet against their truth."""

from __future__ import annotations

import json
from pathlib import Path

import click

from biomarker_cli.cli.new_files import require_new_file, write_new_file
from biomarker_cli.cli.options import format_option
from biomarker_cli.cli.output import print_json, say
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.exit_codes import ExitCode

_EPILOG = """\b
Examples:
  biomarker phantom judge phantom_suv/sheet.csv
  biomarker phantom judge sheet.csv -o judgement.json
  biomarker phantom judge sheet.csv --format json

Decimal commas, semicolons, tabs and a BOM are read as spreadsheets write them.
A number may lie as far off as its limit, or half the last digit that is given,
whichever is larger; each row says which. Where numbers fail, the known mistake
that explains all of them is named.

\b
Exit codes: 0 all that is given passes, 7 a number fails or is unreadable,
2 no sheet of a phantom, 3 no number is filled in.
"""


@strict_command(epilog=_EPILOG)
@click.argument("sheet", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE.json",
    help="Write the judgement here, for `biomarker passport add`.",
)
@format_option
@click.pass_context
def judge(context: click.Context, sheet: Path, output: Path | None, output_format: str) -> None:
    """Judge the numbers that a program gave for a phantom."""
    from biomarker_cli.multicentre.phantoms.judging import judge as judge_sheet
    from biomarker_cli.multicentre.phantoms.report import judgement_json, text_lines
    from biomarker_cli.multicentre.phantoms.sheet import read_sheet

    if output is not None:
        require_new_file(output)
    judgement = judge_sheet(read_sheet(sheet))
    content = judgement_json(judgement)
    if output is not None:
        write_new_file(output, json.dumps(content, indent=2) + "\n")
        say(f"written: {output}", err=True)
    if output_format == "json":
        print_json(content)
    else:
        for line in text_lines(judgement):
            say(line)
    context.exit(ExitCode.DONE if judgement.is_passed else ExitCode.OUT_OF_TOLERANCE)
