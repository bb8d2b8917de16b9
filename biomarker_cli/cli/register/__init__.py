"""``biomarker register``: two images in one space, or said that they are not."""

from __future__ import annotations

import click

from biomarker_cli.cli.default_group import DefaultGroup
from biomarker_cli.cli.on_demand import CommandsOnDemand

_EPILOG = """\b
Examples:
  biomarker register ct_baseline/ ct_month3/ --protocol rigid-same-modality
  biomarker register ct/ mr/ --protocol rigid-mr-ct --mask gtv.dcm -o registered
  biomarker register check ct/ mr/
  biomarker register carry ct_baseline/ ct_month3/ --mask gtv.dcm \\
      --protocol rigid-same-modality -o carried

What is no command is the fixed image: `biomarker register a/ b/ ...` is
`biomarker register pair a/ b/ ...`. A folder called check is written ./check.
"""

COMMANDS = CommandsOnDemand(
    __package__, {"pair": "pair:pair", "check": "check:check", "carry": "carry:carry"}
)


@click.group(cls=DefaultGroup, default="pair", commands=COMMANDS, epilog=_EPILOG)
def register() -> None:
    """Bring two images of a subject into one space, or say that they are not."""
