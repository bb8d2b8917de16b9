"""``biomarker protocol match``: which protocol fits this data best."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path

from biomarker_cli.cli.headers import read_headers
from biomarker_cli.cli.options import format_option, paths_argument, quiet_option
from biomarker_cli.cli.output import Listing, nothing_found, print_json, say
from biomarker_cli.cli.strict_command import strict_command

_EPILOG = """\b
Examples:
  biomarker protocol match /data/patient/ct
  biomarker protocol match /data/trial --format json
"""


@strict_command(epilog=_EPILOG)
@paths_argument
@quiet_option
@format_option
def match(paths: tuple[Path, ...], output_format: str) -> None:
    """Rank the shipped acquisition protocols by how much of them the data meet."""
    from biomarker_cli.acquisition.matching import match_protocols

    found = match_protocols(read_headers(paths).series)
    if not found:
        raise nothing_found("series that a protocol speaks of", paths)
    if output_format == "json":
        print_json([dataclasses.asdict(one) for one in found])
        return
    columns = {
        "series": [one.n_series for one in found],
        "fail": [one.n_fail for one in found],
        "not evaluable": [one.n_not_evaluable for one in found],
        "missing series": [one.n_missing_series for one in found],
        "pass": [one.n_pass for one in found],
    }
    # What is the same for all protocols does not help to choose one.
    shown = {name: counts for name, counts in columns.items() if len(set(counts)) > 1}
    table = Listing("", ("protocol", "met", *shown, "what"), whole=("protocol", "met"))
    for row, one in enumerate(found):
        counts = [str(column[row]) for column in shown.values()]
        title = f"{one.title} (draft)" if one.is_draft else one.title
        table.add_row(one.ident, f"{100 * one.score:.0f} %", *counts, title)
    table.print()
    named = " ".join(shlex.quote(str(path)) for path in paths)
    best = found[0].ident.partition("@")[0]
    say("met: the share of rules that pass, of all that could be asked")
    say(f"next: biomarker check {named} --protocol {best}")
