"""``biomarker protocol``: read, test and write protocol files; one module per command."""

from __future__ import annotations

import click

from biomarker_cli.cli.protocol.diff import diff
from biomarker_cli.cli.protocol.draft import draft
from biomarker_cli.cli.protocol.facts import facts
from biomarker_cli.cli.protocol.import_pyradiomics import import_pyradiomics
from biomarker_cli.cli.protocol.lint import lint
from biomarker_cli.cli.protocol.listing import list_command
from biomarker_cli.cli.protocol.match import match
from biomarker_cli.cli.protocol.schema import schema
from biomarker_cli.cli.protocol.show import show

_EPILOG = """\b
Examples:
  biomarker protocol list
  biomarker protocol show recist-ct
  biomarker protocol lint site.yaml
"""


@click.group(epilog=_EPILOG)
def protocol() -> None:
    """Read, test, compare and write acquisition and analysis protocols."""


for _command in (list_command, show, lint, diff, schema, match, draft, facts, import_pyradiomics):
    protocol.add_command(_command)
