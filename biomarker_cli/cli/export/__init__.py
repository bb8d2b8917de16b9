"""``biomarker export``: the tables of a run in other forms; one module per command."""

from __future__ import annotations

import click

from biomarker_cli.cli.on_demand import CommandsOnDemand

_EPILOG = """\b
Examples:
  biomarker export wide results -o wide.csv
  biomarker export joint results -o joint.csv
  biomarker export parquet results -o parquet
  biomarker export sdtm response --study TRIAL1 -o sdtm
  biomarker export seg results --study study.yaml -o segmentations
  biomarker export sr results --study study.yaml -o objects
"""


COMMANDS = CommandsOnDemand(
    __package__,
    {
        "wide": "wide:wide",
        "joint": "joint:joint",
        "parquet": "parquet:parquet",
        "sdtm": "sdtm:sdtm",
        "seg": "seg:seg",
        "sr": "sr:sr",
    },
)


@click.group(commands=COMMANDS, epilog=_EPILOG)
def export() -> None:
    """Hand out the tables of a run: one row per region, Parquet, or SDTM.

    The tables must be as the run wrote them; one that was edited is refused.
    """
