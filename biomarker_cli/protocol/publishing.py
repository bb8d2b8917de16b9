"""Publish protocols: write them into a share, with its index."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from biomarker_cli.model.errors import ConfigurationError
from biomarker_cli.model.outputs import replace_file
from biomarker_cli.protocol.document import ProtocolDocument
from biomarker_cli.protocol.errors import ProtocolError
from biomarker_cli.protocol.locator import ProtocolKind, protocol_root
from biomarker_cli.protocol.share_archives import archive_bytes, is_archive
from biomarker_cli.protocol.shares import (
    INDEX_NAME,
    SharedProtocol,
    ShareIndex,
    digest_of,
    read_share,
    with_lf,
)
from biomarker_cli.protocol.yaml_source import read_content

_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{0,99}\.ya?ml")


def publish(
    documents: Sequence[tuple[ProtocolKind, ProtocolDocument]],
    target: Path,
    *,
    overwrite: bool = False,
) -> ShareIndex:
    """Write protocols into a folder, where they join those that are there, or a new archive.

    Parameters
    ----------
    documents : sequence of (ProtocolKind, ProtocolDocument)
    target : Path
        A folder, or an archive by its name.
    overwrite : bool
        Replace what is there under the same id and version, or the archive.

    Returns
    -------
    ShareIndex
        Of the whole share; its sha256 is what `add` asks for.

    Raises
    ------
    ProtocolError
        ``SHARE-PARENT``, ``SHARE-NAME``, and those of `read_share` for a folder.
    ConfigurationError
        ``OUTPUT-EXISTS``.
    """
    packed = [_packed(kind, document) for kind, document in documents]
    there: dict[str, SharedProtocol] = {}
    if is_archive(target):
        if target.exists() and not overwrite:
            raise _exists(str(target))
    elif (target / INDEX_NAME).exists():
        there = {one.folder: one for one in read_share(target).index.protocols}
    entries = dict(there)
    for entry, _ in packed:
        earlier = there.get(entry.folder, entry)
        if earlier != entry and not overwrite:
            raise _exists(f"{entry.ident}, with another content,")
        if entries.get(entry.folder, entry) not in (entry, earlier):
            raise _exists(f"{entry.ident}, named twice with another content,")
        entries[entry.folder] = entry
    index = ShareIndex(format="biomarker-protocols/1", protocols=tuple(entries.values()))
    files = {f"{e.folder}/{name}": data for e, held in packed for name, data in held.items()}
    _write(target, files, index)
    return index


def _exists(what: str) -> ConfigurationError:
    return ConfigurationError(
        "OUTPUT-EXISTS",
        f"{what} is there already",
        hint="A version that was handed out stays as it is: publish a new one, or say --overwrite.",
    )


def _write(target: Path, files: dict[str, bytes], index: ShareIndex) -> None:
    """Write the files, and the index last: a folder without it, or with the old one, is whole."""
    files = {**files, INDEX_NAME: index.canonical().encode()}
    if is_archive(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        replace_file(target, archive_bytes(files, target))
        return
    for place, content in files.items():
        path = target / place
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, content)


def _packed(
    kind: ProtocolKind, document: ProtocolDocument
) -> tuple[SharedProtocol, dict[str, bytes]]:
    """Return the entry of a protocol and its files: its own and what it extends beside it."""
    files: dict[str, bytes] = {}
    family = (document, *document.ancestors)
    for number, one in enumerate(family):
        if number and one.path.is_relative_to(protocol_root().resolve()):
            _require_pinned(family[number - 1])
            break
        if one.path.parent != document.path.parent:
            raise ProtocolError(
                "SHARE-PARENT",
                f"{document.ident} extends a file of another folder: {one.path.name}",
                where=document.path.name,
                hint="Put the files of one protocol beside each other.",
            )
        if not _FILE_NAME.fullmatch(one.path.name):
            raise ProtocolError(
                "SHARE-NAME",
                "a file that is shared is named by letters, digits, dots, dashes and underscores",
                where=one.path.name,
            )
        files[one.path.name] = with_lf(read_content(one.path))
    entry = SharedProtocol(
        kind=kind,
        id=document.header.id,
        version=document.header.version,
        main=document.path.name,
        files={name: digest_of(content) for name, content in files.items()},
        sha256=document.sha256,
    )
    return entry, files


def _require_pinned(child: ProtocolDocument) -> None:
    """Refuse a parent that another installation may take to be another version."""
    if re.fullmatch(r"[^@^]+@\d+\.\d+\.\d+", child.header.extends):
        return
    raise ProtocolError(
        "SHARE-PARENT",
        f"{child.ident} extends {child.header.extends}, which is not one version",
        where=child.path.name,
        hint=f"Say extends: {child.ancestors[0].ident}.",
    )
