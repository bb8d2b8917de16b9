"""Take protocols of a share in: from then on they are files of one's own, and need no share."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from biomarker_cli.model.errors import ConfigurationError
from biomarker_cli.model.outputs import replace_file
from biomarker_cli.model.wording import quoted
from biomarker_cli.protocol.document import ProtocolDocument
from biomarker_cli.protocol.errors import ProtocolError
from biomarker_cli.protocol.loading import load_document
from biomarker_cli.protocol.shares import Share, SharedProtocol, parse_source, read_share, with_lf
from biomarker_cli.protocol.yaml_source import yaml_of


@dataclass(frozen=True, slots=True)
class Added:
    """A protocol that was taken in.

    Attributes
    ----------
    entry : SharedProtocol
    path : Path
        Its file, by which a study or a command names it.
    is_new : bool
        Whether it was written; else the very same was there.
    """

    entry: SharedProtocol
    path: Path
    is_new: bool


def add(
    source: str, folder: Path, wanted: Sequence[str] = (), *, overwrite: bool = False
) -> list[Added]:
    """Take protocols of a share in.

    All is verified before anything is written.

    Parameters
    ----------
    source : str
        ``SOURCE@DIGEST``: a folder or an archive, and the sha256 of the share.
    folder : Path
        Where they go, each in a folder ``kind/id/version``.
    wanted : sequence of str
        Ids, or ids with version; without one, all of the share.
    overwrite : bool
        Replace a file of another content.

    Raises
    ------
    ProtocolError
        ``SHARE-DIGEST``, ``SHARE-TAMPERED``, ``SHARE-ABSENT``; those of `read_share`.
    ConfigurationError
        ``OUTPUT-EXISTS``.
    """
    path, digest = parse_source(source)
    share = read_share(path)
    if share.index.sha256 != digest:
        raise ProtocolError(
            "SHARE-TAMPERED",
            f"the share is not the one that was named: expected sha256 {digest[:12]}..., "
            f"found {share.index.sha256[:12]}...",
            where=share.name,
            hint="Ask who published it for the digest of today; read what changed before you "
            "take it in.",
        )
    chosen = _chosen(share, wanted)
    contents = [(entry, share.files_of(entry)) for entry in chosen]
    for entry, files in contents:
        _require_same_meaning(entry, files, share.name)
    writes = [_planned(folder, entry, files, overwrite=overwrite) for entry, files in contents]
    return [
        _written(folder, entry, files, is_new=is_new)
        for (entry, files), is_new in zip(contents, writes, strict=True)
    ]


def _chosen(share: Share, wanted: Sequence[str]) -> list[SharedProtocol]:
    entries = share.index.protocols
    absent = [name for name in wanted if not any(name in (e.id, e.ident) for e in entries)]
    if absent:
        held = ", ".join(entry.ident for entry in entries) or "nothing"
        raise ProtocolError(
            "SHARE-ABSENT",
            f"the share has no {', '.join(absent)}",
            where=share.name,
            hint=f"It holds {held}.",
        )
    return [e for e in entries if not wanted or e.id in wanted or e.ident in wanted]


def _require_same_meaning(entry: SharedProtocol, files: dict[str, bytes], name: str) -> None:
    """Refuse a protocol that this installation reads as another one than was published."""
    for file_name, content in files.items():
        _require_own_parent(file_name, content, files)
    with tempfile.TemporaryDirectory() as folder:
        for file_name, content in files.items():
            (Path(folder) / file_name).write_bytes(content)
        document = load_document(entry.kind, str(Path(folder) / entry.main))
    if _says_the_same(document, entry):
        return
    parents = f", which extends {', '.join(document.parents)}" if document.parents else ""
    raise ProtocolError(
        "SHARE-TAMPERED",
        f"{entry.main} is read as {document.ident}, sha256 {document.sha256[:12]}...{parents}; "
        f"published was {entry.ident}, sha256 {entry.sha256[:12]}...",
        where=name,
        hint="Its file, its index or a shipped parent is another one than where it was published.",
    )


def _require_own_parent(file_name: str, content: bytes, files: Mapping[str, bytes]) -> None:
    """Refuse a file that extends one on this machine that was not published with it."""
    extends = str(yaml_of(content, file_name)[0].get("extends") or "")
    if extends.endswith((".yaml", ".yml")) and extends not in files:
        raise ProtocolError(
            "SHARE-PARENT",
            f"it extends {quoted(extends)}, which was not published with it",
            where=file_name,
        )


def _says_the_same(document: ProtocolDocument, entry: SharedProtocol) -> bool:
    return (document.ident, document.sha256) == (entry.ident, entry.sha256)


def _planned(
    folder: Path, entry: SharedProtocol, files: dict[str, bytes], *, overwrite: bool
) -> bool:
    """Return whether a protocol is to be written; refuse to write over another content."""
    missing = False
    for name, content in files.items():
        path = folder / entry.folder / name
        if not path.is_file():
            missing = True
        elif with_lf(path.read_bytes()) != content:
            if not overwrite:
                raise ConfigurationError(
                    "OUTPUT-EXISTS",
                    f"the file exists with another content: {path}",
                    hint="Look at it with `biomarker protocol diff`, or say --overwrite.",
                )
            missing = True
    return missing


def _written(
    folder: Path, entry: SharedProtocol, files: dict[str, bytes], *, is_new: bool
) -> Added:
    target = folder / entry.folder
    if is_new:
        target.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            replace_file(target / name, content)
    return Added(entry, target / entry.main, is_new)
