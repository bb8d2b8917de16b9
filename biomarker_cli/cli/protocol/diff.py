"""``biomarker protocol diff``: what changed between two acquisition protocols."""

from __future__ import annotations

import dataclasses

import click

from biomarker_cli.cli.options import format_option

_EPILOG = """\b
Examples:
  biomarker protocol diff recist-ct@0.1.0 recist-ct@1.0.0
  biomarker protocol diff recist-ct site.yaml --format json
"""


@click.command(epilog=_EPILOG)
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@format_option
def diff(a: str, b: str, output_format: str) -> None:
    """Say rule by rule how B differs from A, and which way a limit moved."""
    from biomarker_cli.acquisition import compare_protocols, load_acquisition
    from biomarker_cli.cli.output import console, plain_table, print_json

    before, after = load_acquisition(a), load_acquisition(b)
    changes = compare_protocols(before, after)
    if output_format == "json":
        print_json([dataclasses.asdict(change) for change in changes])
        return
    out = console()
    out.print(f"{before.ident} -> {after.ident}", markup=False)
    if not changes:
        out.print("no rule differs")
        return
    table = plain_table("", ("rule", "what", "before", "after", "direction"))
    for change in changes:
        cells = (change.rule_id, change.what, change.before, change.after, change.direction)
        table.add_row(*(cell.replace("[", r"\[") for cell in cells))
    out.print(table)
