"""``biomarker protocol add``: take protocols of another centre in."""

from __future__ import annotations

from pathlib import Path

import click

from biomarker_cli.cli.options import format_option
from biomarker_cli.cli.output import print_json, say
from biomarker_cli.cli.strict_command import strict_command

_EPILOG = """\b
Examples:
  biomarker protocol add shared@4f5c...e1
  biomarker protocol add trial-7.zip@4f5c...e1 site-ct -o protocols

Exit codes: 0 they are there, 2 no such share, one that is not what was named, or
a file of another content in the way.
"""


@strict_command(epilog=_EPILOG)
@click.argument("source", metavar="SOURCE@DIGEST")
@click.argument("wanted", metavar="[ID[@V]...]", nargs=-1)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("protocols"),
    show_default=True,
    metavar="DIR",
    help="Where they go, each in a folder KIND/ID/VERSION.",
)
@click.option("--overwrite", is_flag=True, help="Replace files of another content.")
@format_option
def add(
    source: str, wanted: tuple[str, ...], output: Path, overwrite: bool, output_format: str
) -> None:
    """Take protocols in from a folder, a git checkout or an archive.

    SOURCE@DIGEST names the share and its sha256, as `protocol publish` printed
    it. Everything is verified before anything is written; afterwards the files
    are your own and neither share nor network is needed.
    """
    from biomarker_cli.protocol.adding import add as add_protocols

    added = add_protocols(source, output, wanted, overwrite=overwrite)
    if output_format == "json":
        print_json(
            [
                {
                    "kind": one.entry.kind.value,
                    "id": one.entry.id,
                    "version": one.entry.version,
                    "sha256": one.entry.sha256,
                    "path": str(one.path),
                    "is_new": one.is_new,
                }
                for one in added
            ]
        )
        return
    for one in added:
        word = "added" if one.is_new else "there already"
        say(f"{word}: {one.entry.ident}  {one.path}")
    if added:
        say(f"next: name the file, as in --protocol {added[0].path}, or in study.yaml")
