"""``biomarker import``: what other programs stored, as rows of our tables."""

from __future__ import annotations

import click

from biomarker_cli.cli.on_demand import CommandsOnDemand

_EPILOG = """\b
Examples:
  biomarker import sr report.dcm -o theirs.csv
"""


COMMANDS = CommandsOnDemand(__package__, {"sr": "sr:sr"})


@click.group("import", commands=COMMANDS, epilog=_EPILOG)
def importing() -> None:
    """Take measurements that others stored, as rows that `biomarker compare` takes."""
