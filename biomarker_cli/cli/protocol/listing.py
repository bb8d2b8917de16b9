"""``biomarker protocol list``: what is shipped."""

from __future__ import annotations

from typing import Any

import click

from biomarker_cli.cli.options import format_option
from biomarker_cli.cli.output import Listing, print_json

_EPILOG = """\b
Examples:
  biomarker protocol list
  biomarker protocol list --kind acquisition --format json
"""


@click.command("list", epilog=_EPILOG)
@click.option(
    "--kind",
    type=click.Choice(["acquisition", "analysis", "all"]),
    default="all",
    show_default=True,
    help="Which protocols to list.",
)
@format_option
def list_command(kind: str, output_format: str) -> None:
    """List the shipped protocols with version, status and digest."""
    from biomarker_cli.protocol.locator import ProtocolKind

    rows = [row for k in ProtocolKind if kind in {k.value, "all"} for row in _rows(k)]
    if output_format == "json":
        print_json(rows)
        return
    columns = ("kind", "protocol", "status", "what", "sha256")
    table = Listing("", columns, whole=("kind", "protocol", "status", "sha256"))
    for row in rows:
        ident = f"{row['id']}@{row['version']}"
        table.add_row(row["kind"], ident, row["status"], row["title"], row["sha256"][:12])
    table.print()


def _rows(kind: Any) -> list[dict[str, str]]:
    from biomarker_cli.protocol.loading import load_document
    from biomarker_cli.protocol.locator import list_protocols

    documents = [load_document(kind, str(path)) for path in list_protocols(kind)]
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
