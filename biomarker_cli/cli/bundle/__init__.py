"""``biomarker bundle``: a run as one file for another centre; one module per command."""

from __future__ import annotations

import click

from biomarker_cli.cli.default_group import DefaultGroup
from biomarker_cli.cli.on_demand import CommandsOnDemand

_EPILOG = """\b
Examples:
  biomarker bundle results -o centre-a.zip
  biomarker bundle results -o centre-a.zip --report --certificate certificate.json
  biomarker bundle check centre-b.zip

What is no command is a folder of `run`: `biomarker bundle results ...` is
`biomarker bundle make results ...`. A folder called check is written ./check.
"""


COMMANDS = CommandsOnDemand(__package__, {"make": "make:make", "check": "check:check"})


@click.group(cls=DefaultGroup, default="make", commands=COMMANDS, epilog=_EPILOG)
def bundle() -> None:
    """Send a run to another centre as one file that can be checked there."""
