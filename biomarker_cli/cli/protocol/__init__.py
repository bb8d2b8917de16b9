"""``biomarker protocol``: read, test and write protocol files; one module per command."""

from __future__ import annotations

import click

from biomarker_cli.cli.on_demand import CommandsOnDemand

_EPILOG = """\b
Examples:
  biomarker protocol list
  biomarker protocol show recist-ct
  biomarker protocol lint site.yaml
"""


COMMANDS = CommandsOnDemand(
    __package__,
    {
        "list": "listing:list_command",
        "show": "show:show",
        "lint": "lint:lint",
        "diff": "diff:diff",
        "schema": "schema:schema",
        "match": "match:match",
        "draft": "draft:draft",
        "facts": "facts:facts",
        "sheet": "sheet:sheet",
        "publish": "publish:publish",
        "add": "add:add",
        "import-pyradiomics": "import_pyradiomics:import_pyradiomics",
    },
)


@click.group(commands=COMMANDS, epilog=_EPILOG)
def protocol() -> None:
    """Read, test, compare and write protocols: acquisition, analysis, response."""
