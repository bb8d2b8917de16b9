"""``biomarker protocol schema``: the JSON Schema of acquisition protocol files."""

from __future__ import annotations

import click

from biomarker_cli.cli.output import print_json

_EPILOG = """\b
Examples:
  biomarker protocol schema > biomarker-acquisition-1.schema.json
"""


@click.command(epilog=_EPILOG)
def schema() -> None:
    """Print the JSON Schema of an acquisition protocol, for editors and other programs."""
    from biomarker_cli.acquisition.schema import json_schema

    print_json(json_schema())
