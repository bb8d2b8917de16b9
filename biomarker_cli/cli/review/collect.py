"""``biomarker review collect``: take worklists back."""

from __future__ import annotations

from pathlib import Path

import click

from biomarker_cli.cli.new_files import require_new_file, write_new_file
from biomarker_cli.cli.output import say
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.wording import counted

_EPILOG = """\b
Examples:
  biomarker review collect review alice.csv bob.csv -o scores.csv
  biomarker readers --scores scores.csv --order finding=none,mild,severe

Exit codes: 0 done, 5 some cases have not been judged.
"""


@strict_command(epilog=_EPILOG)
@click.argument("folder", metavar="REVIEW", type=click.Path(path_type=Path))
@click.argument(
    "worklists", metavar="FILE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "-o",
    "--output",
    metavar="FILE.csv",
    required=True,
    type=click.Path(path_type=Path),
    help="Table of scores to write.",
)
@click.pass_context
def collect(
    context: click.Context, folder: Path, worklists: tuple[Path, ...], output: Path
) -> None:
    """Read the worklists that came back, and write who judged which case how.

    REVIEW is the folder of `review assign`. Review ids that are unknown, stand twice or
    are of another reader, and words that are no category, are refused by their line.
    """
    from biomarker_cli.model.exit_codes import ExitCode
    from biomarker_cli.multicentre.review import KEY_FILE, SCORE_COLUMNS, said_of
    from biomarker_cli.multicentre.review import collect as collected
    from biomarker_cli.tables.cells import csv_text

    require_new_file(output)
    found = collected(folder / KEY_FILE, worklists)
    write_new_file(output, csv_text(SCORE_COLUMNS, found.rows))
    say(f"{counted(len(found.rows), 'reading')} of {counted(len(worklists), 'worklist')}")
    for line in said_of(found.missing):
        say(line, err=True)
    say(f"written: {output}", err=True)
    context.exit(ExitCode.PARTIAL if found.missing else ExitCode.DONE)
