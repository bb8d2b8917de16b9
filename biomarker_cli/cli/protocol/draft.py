"""``biomarker protocol draft``: a protocol from a reference examination."""

from __future__ import annotations

from pathlib import Path

import click

from biomarker_cli.cli.headers import read_headers
from biomarker_cli.cli.new_files import require_new_file, write_new_file
from biomarker_cli.cli.options import paths_argument, quiet_option
from biomarker_cli.cli.output import note, print_product
from biomarker_cli.cli.strict_command import strict_command

_EPILOG = """\b
Examples:
  biomarker protocol draft /data/reference/ct --id site-ct -o site-ct.yaml
"""


@strict_command(epilog=_EPILOG)
@paths_argument
@click.option("--id", "ident", default="my-protocol", show_default=True, help="Id of the protocol.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Write to this file, else to stdout, also under --quiet.",
)
@quiet_option
def draft(paths: tuple[Path, ...], ident: str, output: Path | None) -> None:
    """Write a draft protocol that the series below PATH meet.

    Every fact that all slices tell with one value becomes a rule with a
    tolerance to start from; the file is meant to be edited.
    """
    from datetime import UTC, datetime

    from biomarker_cli.acquisition.drafting import draft_protocol

    if output is not None:
        require_new_file(output)
    series = read_headers(paths).series
    text = draft_protocol(series, ident, datetime.now(UTC).date().isoformat())
    if output is None:
        print_product(text)
        return
    write_new_file(output, text)
    note(f"written: {output}; test it with: biomarker protocol lint {output}")
