"""``biomarker response``: what a criterion calls each visit; one module per command."""

from __future__ import annotations

import click

from biomarker_cli.cli.default_group import DefaultGroup
from biomarker_cli.cli.on_demand import CommandsOnDemand

_EPILOG = """\b
Examples:
  biomarker response init results -o lesions.csv
  biomarker response results --criterion recist-1.1 --ledger lesions.csv -o response
  biomarker response from-table readings.csv --criterion recist-1.1 -o response

What is no command is a folder of `run`: `biomarker response results ...` is
`biomarker response judge results ...`. A folder called init is written ./init.
"""


COMMANDS = CommandsOnDemand(
    __package__,
    {"judge": "judge:judge", "init": "init:init", "from-table": "from_table:from_table"},
)


@click.group(cls=DefaultGroup, default="judge", commands=COMMANDS, epilog=_EPILOG)
def response() -> None:
    """Say from lesions over time how a disease responds, by RECIST and other criteria."""
