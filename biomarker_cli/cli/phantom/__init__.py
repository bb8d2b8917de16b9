"""``biomarker phantom``: digital phantoms for any program; one module per command."""

from __future__ import annotations

import click

from biomarker_cli.cli.on_demand import CommandsOnDemand

_EPILOG = """\b
Examples:
  biomarker phantom write suv -o phantom_suv
  biomarker phantom write adc --dialect uih -o phantom_adc
  biomarker phantom judge phantom_suv/sheet.csv
"""


COMMANDS = CommandsOnDemand(__package__, {"write": "write:write", "judge": "judge:judge"})


@click.group(commands=COMMANDS, epilog=_EPILOG)
def phantom() -> None:
    """Show whether another program computes right: objects with known truth, and a sheet.

    It says nothing of a scanner: that is what the passport of a site holds.
    """
