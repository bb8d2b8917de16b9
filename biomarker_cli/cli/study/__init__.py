"""``biomarker study``: studies that are made of other lists; one module per command."""

from __future__ import annotations

import click

from biomarker_cli.cli.on_demand import CommandsOnDemand

_EPILOG = """\b
Examples:
  biomarker study from-csv batch.csv --quantity hu -o trial
"""


COMMANDS = CommandsOnDemand(__package__, {"from-csv": "from_csv:from_csv"})


@click.group(commands=COMMANDS, epilog=_EPILOG)
def study() -> None:
    """Make a study of a list of another program; `biomarker init` makes one of DICOM."""
