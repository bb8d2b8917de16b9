"""``biomarker passport add``: take results up into passports.csv."""

from __future__ import annotations

from pathlib import Path

import click

from biomarker_cli.cli.output import say
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.wording import counted

_EPILOG = """\b
Examples:
  biomarker passport add judgement.json --site A
  biomarker passport add phantom_run --test dwi_phantom
  biomarker passport add checks.csv --site A --date 2026-11-20 --device 'GE PET'
  biomarker passport add repeatability/repeatability.json --site A --date 2026-10-01

\b
Sources:
  the certificate of `verify`             test verify
  `phantom judge -o`                      test program
  repeatability.json                      test repeatability
  a run with the analysis of a phantom    test dwi_phantom
  `check -o` of a protocol *-phantom      test pet_phantom

What a source does not tell (site, date) is said by an option.
"""


@strict_command(epilog=_EPILOG)
@click.argument(
    "sources", metavar="SOURCE...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--passports",
    "book",
    default="passports.csv",
    show_default=True,
    type=click.Path(path_type=Path),
    help="The file that they are added to.",
)
@click.option("--site", default="", metavar="ID", help="Site, as the study names it.")
@click.option("--date", "day", default="", metavar="YYYY-MM-DD", help="Day of measuring.")
@click.option("--device", default="", metavar="TEXT", help="Scanner or program.")
@click.option("--test", default="", metavar="NAME", help="Another name for the test.")
@click.option("--overwrite", is_flag=True, help="Replace rows that say another thing.")
def add(sources: tuple[Path, ...], book: Path, overwrite: bool, **stated: str) -> None:
    """Add results to the passports of a trial.

    A row that is there with the same content stays; one with another content is
    refused, and nothing is written.
    """
    from biomarker_cli.multicentre.passport_book import take_up
    from biomarker_cli.multicentre.passport_sources import StatedEntry, passport_rows

    said = StatedEntry(**stated)
    rows = [row for source in sources for row in passport_rows(source, said)]
    taken = take_up(book, rows, overwrite=overwrite)
    for row in (*taken.added, *taken.replaced):
        say(f"{row.site_id} {row.test} {row.date}: {row.outcome}  {row.quantity}")
    told = f"{counted(len(taken.added), 'row')} added"
    if taken.replaced:
        told += f", {len(taken.replaced)} replaced"
    if taken.known:
        told += f", {len(taken.known)} there already"
    say(f"{told}: {book}", err=True)
