"""``biomarker reference``: ranges of features in a cohort, and values held against them."""

from __future__ import annotations

import click

from biomarker_cli.cli.on_demand import CommandsOnDemand

_EPILOG = """\b
Examples:
  biomarker reference fit controls --roi LIVER --covariates subjects.csv --by age -o liver.json
  biomarker reference apply pool --reference liver.json --covariates subjects.csv -o out.csv
"""


COMMANDS = CommandsOnDemand(__package__, {"fit": "fit:fit", "apply": "apply:apply"})


@click.group(commands=COMMANDS, epilog=_EPILOG)
def reference() -> None:
    """Tell what is usual: ranges of normal tissue or of a control cohort."""
