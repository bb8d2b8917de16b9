"""``biomarker bundle check``: whether an archive is what it says, and what it holds."""

from __future__ import annotations

from pathlib import Path

import click

from biomarker_cli.cli.options import format_option
from biomarker_cli.cli.output import print_json, say
from biomarker_cli.cli.strict_command import strict_command
from biomarker_cli.model.wording import counted

_EPILOG = """\b
Examples:
  biomarker bundle check centre-b.zip
  biomarker bundle check centre-b.zip --format json

Nothing is unpacked. Exit code 3 where it is damaged, edited or no bundle.
"""


@strict_command(epilog=_EPILOG)
@click.argument("file", type=click.Path(path_type=Path))
@format_option
def check(file: Path, output_format: str) -> None:
    """Say whether every byte of a bundle is what it says, and what it holds."""
    from biomarker_cli.exchange.bundles.bundle_checking import check_bundle

    found = check_bundle(file)
    if output_format == "json":
        print_json(found.as_json())
        return
    say(f"{found.study}: whole, made by biomarker {found.program}, identity {found.identity}")
    for name, n_rows in found.tables.items():
        say(f"  {name:24}{counted(n_rows, 'row')}")
    for number, what in ((found.n_dicom, "de-identified object"), (found.n_masks, "mask")):
        if number:
            say(f"  {counted(number, what)}")
    for name in (*found.protocols, *found.others):
        say(f"  {name}")
    say(f"{counted(found.n_files, 'file')}, {found.n_bytes / 1e6:.2f} MB, sha256 {found.sha256}")
