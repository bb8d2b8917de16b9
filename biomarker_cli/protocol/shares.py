"""Shares: protocols that centres hand to each other, with an index of digests and no server.

A share is a folder, a checkout of one, or an archive of one::

    index.json
    acquisition/site-ct/1.0.0/site-ct.yaml

The digest of a share is that of its index, which holds the digests of all files and
of each protocol as it is used. Line ends are those of LF, however a checkout wrote
them, so that two checkouts of one share have one digest.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from biomarker_cli.model.wording import quoted
from biomarker_cli.protocol.document import ID_PATTERN, Strict
from biomarker_cli.protocol.errors import ProtocolError
from biomarker_cli.protocol.loading import problem_text
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.protocol.share_archives import is_archive, read_archive
from biomarker_cli.protocol.versions import Version
from biomarker_cli.protocol.yaml_source import read_content

INDEX_NAME = "index.json"

_FORMAT = "biomarker-protocols/1"
_DIGEST = r"^[0-9a-f]{64}$"

Digest = Annotated[str, Field(pattern=_DIGEST)]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._\-]{0,99}\.ya?ml$")]


class SharedProtocol(Strict):
    """One protocol of a share.

    Attributes
    ----------
    kind : ProtocolKind
    id, version : str
    main : str
        Name of its file; what it extends by file name lies beside it.
    files : dict
        Name -> sha256 of the file, line ends as LF.
    sha256 : str
        Of the merged canonical form: what a run with it records.
    """

    kind: ProtocolKind
    id: Annotated[str, Field(pattern=ID_PATTERN, max_length=100)]
    version: str
    main: FileName
    files: Annotated[dict[FileName, Digest], Field(min_length=1, max_length=9)]
    sha256: Digest

    @field_validator("version")
    @classmethod
    def _is_version(cls, value: str) -> str:
        return str(Version.parse(value))

    @model_validator(mode="after")
    def _has_its_file(self) -> SharedProtocol:
        if self.main not in self.files:
            raise ValueError(f"{self.ident}: {self.main} is none of its files")
        if len({name.lower() for name in self.files}) < len(self.files):
            raise ValueError(f"{self.ident}: two files differ in case alone")
        return self

    @property
    def ident(self) -> str:
        """``id@version``."""
        return f"{self.id}@{self.version}"

    @property
    def folder(self) -> str:
        """Where its files lie in a share, and in what takes it in."""
        return f"{self.kind.value}/{self.id}/{self.version}"


class ShareIndex(Strict):
    """The index of a share, ``index.json``."""

    format: Literal["biomarker-protocols/1"]
    protocols: Annotated[tuple[SharedProtocol, ...], Field(max_length=1000)]

    @model_validator(mode="after")
    def _are_one_each(self) -> ShareIndex:
        folders = [one.folder for one in self.protocols]
        if len(set(folders)) < len(folders):
            raise ValueError("a protocol stands twice")
        return self

    def canonical(self) -> str:
        """Return the index as it is written: entries and keys sorted."""
        entries = sorted(self.protocols, key=lambda one: one.folder)
        content = {
            "format": self.format,
            "protocols": [one.model_dump(mode="json") for one in entries],
        }
        return json.dumps(content, sort_keys=True, indent=1) + "\n"

    @property
    def sha256(self) -> str:
        """Digest of the share: of its content, not of how the file is laid out."""
        return hashlib.sha256(self.canonical().encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Share:
    """A share that was read.

    Attributes
    ----------
    index : ShareIndex
    files : mapping
        Content by place in the share; of a folder, what the index names.
    name : str
        For messages.
    """

    index: ShareIndex
    files: Mapping[str, bytes]
    name: str

    def files_of(self, protocol: SharedProtocol) -> dict[str, bytes]:
        """Return the files of a protocol by name.

        Raises
        ------
        ProtocolError
            ``SHARE-TAMPERED`` where one is missing, or is not what the index says.
        """
        found = {}
        for name, digest in protocol.files.items():
            content = self.files.get(f"{protocol.folder}/{name}")
            if content is None or digest_of(content) != digest:
                what = "is missing" if content is None else "is not the one that was published"
                raise ProtocolError(
                    "SHARE-TAMPERED",
                    f"{protocol.folder}/{name} {what}",
                    where=self.name,
                    hint="Get the share again from who published it.",
                )
            found[name] = with_lf(content)
        return found


def with_lf(content: bytes) -> bytes:
    """Return a text with the line ends that digests are taken of."""
    return content.replace(b"\r\n", b"\n")


def digest_of(content: bytes) -> str:
    """Return the sha256 of a text, whatever line ends a checkout gave it."""
    return hashlib.sha256(with_lf(content)).hexdigest()


def parse_source(source: str) -> tuple[Path, str]:
    """Return path and digest of ``SOURCE@DIGEST``.

    Raises
    ------
    ProtocolError
        ``SHARE-DIGEST`` without a whole digest: what is not named is not known.
    """
    path, _, digest = source.rpartition("@")
    if not path or not re.match(_DIGEST, digest):
        raise ProtocolError(
            "SHARE-DIGEST",
            f"expected SOURCE@DIGEST with the 64 letters of a sha256, found {quoted(source)}",
            hint="Who published the share has the digest: `biomarker protocol publish` says it. "
            "Get it on another way than the share.",
        )
    return Path(path), digest


def read_share(path: Path) -> Share:
    """Read a share from a folder or an archive.

    Raises
    ------
    ProtocolError
        ``SHARE-NOT-FOUND`` where there is none, ``SHARE-INVALID`` where its form is
        not that of one.
    """
    if path.is_dir():
        index = _index(_from_folder(path, INDEX_NAME), path.name)
        places = [f"{one.folder}/{name}" for one in index.protocols for name in one.files]
        found = {place: _from_folder(path, place) for place in places}
        files = {place: content for place, content in found.items() if content is not None}
        return Share(index, files, path.name)
    if not path.is_file():
        raise ProtocolError("SHARE-NOT-FOUND", f"no such folder or archive: {path}")
    if not is_archive(path):
        raise ProtocolError(
            "SHARE-INVALID", "expected a folder, .zip, .tar, .tar.gz or .tgz", where=path.name
        )
    files = _below_one_folder(read_archive(path))
    return Share(_index(files.get(INDEX_NAME), path.name), files, path.name)


def _below_one_folder(files: dict[str, bytes]) -> dict[str, bytes]:
    """Return the files without the folder that hosts of repositories put around them."""
    tops = {name.partition("/")[0] for name in files}
    if INDEX_NAME in files or len(tops) != 1:
        return files
    (top,) = tops
    return {name.removeprefix(f"{top}/"): content for name, content in files.items()}


def _from_folder(folder: Path, place: str) -> bytes | None:
    """Return a file of a share; None where there is none, or where a link leads elsewhere."""
    path = folder
    for part in place.split("/"):
        path = path / part
        if path.is_symlink():
            raise ProtocolError("SHARE-INVALID", f"{place} is a link", where=folder.name)
    try:
        return read_content(path) if path.exists() else None
    except ProtocolError as error:
        raise ProtocolError(
            "SHARE-INVALID", f"{place}: {error.message}", where=folder.name
        ) from error


def _index(content: bytes | None, name: str) -> ShareIndex:
    if content is None:
        raise ProtocolError(
            "SHARE-NOT-FOUND",
            f"there is no {INDEX_NAME} of shared protocols",
            where=name,
            hint="`biomarker protocol publish` writes one.",
        )
    try:
        data = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ProtocolError("SHARE-INVALID", f"{INDEX_NAME} is no JSON", where=name) from error
    try:
        return ShareIndex.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or "top level"
        found = f"{INDEX_NAME}, {place}: {problem_text(first['msg'])}"
        raise ProtocolError("SHARE-INVALID", found, where=name) from error
