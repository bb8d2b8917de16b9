"""Which kind of protocol a user means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from biomarker_cli.protocol.document import ProtocolDocument
    from biomarker_cli.protocol.locator import ProtocolKind

protocol_argument = click.argument("wanted", metavar="ID[@V]|FILE")
"""An id, an id with version or range, or a file."""


def load_any(wanted: str) -> tuple[ProtocolKind, ProtocolDocument]:
    """Load a protocol of any kind.

    A file says its kind by ``format:``; an id is looked for among the acquisition
    protocols, then the analysis protocols, the response criteria, the registrations.

    Raises
    ------
    ProtocolError
    """
    from pathlib import Path

    from biomarker_cli.protocol.loading import load_document
    from biomarker_cli.protocol.locator import ProtocolKind, shipped_versions, unknown_id
    from biomarker_cli.protocol.yaml_source import read_yaml

    path = Path(wanted)
    if path.suffix in {".yaml", ".yml"}:
        said = read_yaml(path)[0].get("format") if path.is_file() else None
        kinds = {kind.format_name: kind for kind in ProtocolKind}
        kind = kinds.get(str(said), ProtocolKind.ACQUISITION)
        return kind, load_document(kind, wanted)
    ident = wanted.partition("@")[0]
    for kind in ProtocolKind:
        if shipped_versions(kind, ident):
            return kind, load_document(kind, wanted)
    raise unknown_id(ident, *ProtocolKind)
