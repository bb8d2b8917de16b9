"""``biomarker protocol list``: what is shipped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from biomarker_cli.cli.options import format_option
from biomarker_cli.cli.output import Listing, print_json
from biomarker_cli.cli.strict_command import strict_command

if TYPE_CHECKING:
    from biomarker_cli.protocol.locator import ProtocolKind

_EPILOG = """\b
Examples:
  biomarker protocol list
  biomarker protocol list --kind acquisition --all --format json
"""


@strict_command("list", epilog=_EPILOG)
@click.option(
    "--kind",
    type=click.Choice(["acquisition", "analysis", "response", "registration", "all"]),
    default="all",
    show_default=True,
    help="Which protocols to list.",
)
@click.option("--all", "every", is_flag=True, help="Every version, not only what is newest.")
@format_option
def list_command(kind: str, *, every: bool, output_format: str) -> None:
    """List the shipped protocols: version, status and title; JSON has their digests.

    Of each the version that its id alone means (the newest active one, else the
    newest draft), and a newer draft beside it.
    """
    from biomarker_cli.protocol.locator import ProtocolKind

    kinds = [k for k in ProtocolKind if kind in {k.value, "all"}]
    rows = {k.value: _rows(k, every=every) for k in kinds}
    if output_format == "json":
        print_json([row for of_kind in rows.values() for row in of_kind])
        return
    for name, of_kind in rows.items():
        table = Listing(name, ("protocol", "status", "what"), whole=("protocol", "status"))
        for row in of_kind:
            table.add_row(f"{row['id']}@{row['version']}", row["status"], row["title"])
        table.print()


def _rows(kind: ProtocolKind, *, every: bool) -> list[dict[str, str]]:
    from biomarker_cli.protocol.loading import load_document
    from biomarker_cli.protocol.locator import list_protocols, newest_protocols

    paths = list_protocols(kind) if every else newest_protocols(kind)
    documents = [load_document(kind, str(path)) for path in paths]
    return [
        {
            "kind": kind.value,
            "id": document.header.id,
            "version": document.header.version,
            "status": document.header.status,
            "title": document.header.title,
            "sha256": document.sha256,
        }
        for document in documents
    ]
