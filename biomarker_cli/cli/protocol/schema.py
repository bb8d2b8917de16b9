"""``biomarker protocol schema``: the JSON Schema of protocol files."""

from __future__ import annotations

import click

from biomarker_cli.cli.output import print_json
from biomarker_cli.cli.strict_command import strict_command

_EPILOG = """\b
Examples:
  biomarker protocol schema > biomarker-acquisition-1.schema.json
  biomarker protocol schema --kind analysis > biomarker-analysis-1.schema.json
"""


@strict_command(epilog=_EPILOG)
@click.option(
    "--kind",
    type=click.Choice(["acquisition", "analysis"]),
    default="acquisition",
    show_default=True,
    help="Kind of protocol.",
)
def schema(kind: str) -> None:
    """Print the JSON Schema of a kind of protocol, for editors and other programs."""
    from biomarker_cli.acquisition.schema import json_schema as acquisition_schema
    from biomarker_cli.case.analysis_schema import json_schema as analysis_schema

    print_json(analysis_schema() if kind == "analysis" else acquisition_schema())
