"""``biomarker response init``: a lesion ledger as a proposal, for a person to sign."""

from __future__ import annotations

from pathlib import Path

import click

from biomarker_cli.cli.output import nothing_found, say, write_new_file
from biomarker_cli.model.wording import counted

_EPILOG = """\b
Examples:
  biomarker response init results
  biomarker response init results -o reader_anna.csv

Exit codes: 0 done, 2 the file exists, 3 no ROI.
"""


@click.command(epilog=_EPILOG)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Write to this file; DIR/lesions.csv without it.",
)
def init(folder: Path, output: Path | None) -> None:
    """Propose a ledger from the ROIs of a run: their names and tracking UIDs.

    What no mask tells stays empty: role, organ, node, new lesions. A person fills it
    in, corrects the rest, and empties the column basis.
    """
    from biomarker_cli.response.ledger import LEDGER
    from biomarker_cli.response.measured_run import MeasuredRun
    from biomarker_cli.response.proposing import proposed_rows
    from biomarker_cli.tables.cells import csv_line
    from biomarker_cli.tables.writing import table_lines

    rows = proposed_rows(MeasuredRun(folder))
    if not rows:
        raise nothing_found("ROI", [folder], hint="Name the folder that `biomarker run` wrote.")
    path = output or folder / LEDGER.file_name
    write_new_file(path, csv_line(LEDGER.column_names) + table_lines(LEDGER, rows))
    say(f"written: {path}, {counted(len(rows), 'row')}: to be filled in and signed", err=True)
