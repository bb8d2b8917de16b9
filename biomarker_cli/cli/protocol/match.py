"""``biomarker protocol match``: which protocol fits this data best."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import click

from biomarker_cli.cli.options import format_option, paths_argument

_EPILOG = """\b
Examples:
  biomarker protocol match /data/patient/ct
  biomarker protocol match /data/trial --format json
"""


@click.command(epilog=_EPILOG)
@paths_argument
@format_option
def match(paths: tuple[Path, ...], output_format: str) -> None:
    """Rank the shipped acquisition protocols by how much of them the data meet."""
    from biomarker_cli.acquisition import match_protocols, series_headers
    from biomarker_cli.catalogue import scan
    from biomarker_cli.cli.output import console, plain_table, print_json, progress
    from biomarker_cli.model import InputNotFoundError

    with progress("reading headers", "files") as advance:
        catalogue = scan(paths, advance)
    found = match_protocols(series_headers(catalogue))
    if not found:
        raise InputNotFoundError(
            "NOTHING-FOUND",
            f"no series that a protocol speaks of below {', '.join(map(str, paths))}",
            hint="`biomarker scan` lists what is there.",
        )
    if output_format == "json":
        print_json([dataclasses.asdict(one) for one in found])
        return
    columns = ("protocol", "score", "series", "pass", "fail", "not evaluable", "missing series")
    table = plain_table("", columns)
    for one in found:
        counts = (one.n_series, one.n_pass, one.n_fail, one.n_not_evaluable, one.n_missing_series)
        table.add_row(one.ident, f"{one.score:.2f}", *map(str, counts))
    console().print(table)
