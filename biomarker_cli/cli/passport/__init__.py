"""``biomarker passport``: what phantoms and travelling subjects say of the sites of a trial."""

from __future__ import annotations

import click

from biomarker_cli.cli.on_demand import CommandsOnDemand

_EPILOG = """\b
Examples:
  biomarker passport add judgement.json --site A
  biomarker passport show passports.csv
  biomarker passport check passports.csv --test pet_phantom --max-age-days 365
"""


COMMANDS = CommandsOnDemand(
    __package__, {"add": "add:add", "show": "show:show", "check": "check:check"}
)


@click.group(commands=COMMANDS, epilog=_EPILOG)
def passport() -> None:
    """Collect what qualifies a site, with dates; a study may ask for it."""
