"""``biomarker review``: blinded worklists for a central review, and their return."""

from __future__ import annotations

import click

from biomarker_cli.cli.on_demand import CommandsOnDemand

_EPILOG = """\b
Examples:
  biomarker review assign pool --readers 2 --seed 2026 --repeat 10% -o review
  biomarker review collect review alice.csv bob.csv -o scores.csv
  biomarker readers --scores scores.csv
"""


COMMANDS = CommandsOnDemand(__package__, {"assign": "assign:assign", "collect": "collect:collect"})


@click.group(commands=COMMANDS, epilog=_EPILOG)
def review() -> None:
    """Give cases to readers without their names, and take their readings back."""
