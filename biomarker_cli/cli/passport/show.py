"""``biomarker passport show``: what is known of each site."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from biomarker_cli.cli.options import format_option
from biomarker_cli.cli.output import Listing, print_json, say
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.wording import counted

_EPILOG = """\b
Examples:
  biomarker passport show passports.csv
  biomarker passport show passports.csv --site A --format json
"""


@strict_command(epilog=_EPILOG)
@click.argument("book", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--site", default="", metavar="ID", help="Only this site.")
@click.option("--test", default="", metavar="NAME", help="Only this test.")
@format_option
def show(book: Path, site: str, test: str, output_format: str) -> None:
    """Show the passports of a trial, a line for each site, test, device and day."""
    from biomarker_cli.tables.passports import read_passports

    rows = [
        row for row in read_passports(book) if site in {"", row.site_id} and test in {"", row.test}
    ]
    if output_format == "json":
        print_json([asdict(row) for row in rows])
        return
    days: dict[tuple[str, str, str, str], list[str]] = {}
    for row in rows:
        days.setdefault((row.site_id, row.test, row.date, row.device), []).append(row.outcome)
    table = Listing("", ("site", "test", "date", "outcome", "rows", "device"), whole=("date",))
    for (own_site, own_test, day, device), outcomes in sorted(days.items()):
        worst = min(outcomes, key=("fail", "pass", "recorded").index)
        table.add_row(own_site, own_test, day, worst, str(len(outcomes)), device)
    table.print()
    say(f"{counted(len({row.site_id for row in rows}), 'site')}, {counted(len(rows), 'row')}")
