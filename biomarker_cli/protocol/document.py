"""What every protocol file has at its top, and the document after merging."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from biomarker_cli.protocol.places import Places
from biomarker_cli.protocol.versions import Version
from biomarker_cli.protocol.yaml_nodes import KeyPath

ID_PATTERN = r"^[a-z0-9][a-z0-9.\-]*$"
"""What a protocol may be called: its id names a folder."""


class Strict(BaseModel):
    """Base of every protocol model: frozen, and no unknown key passes."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


class Confirmation(Strict):
    """How a source was confirmed.

    Attributes
    ----------
    by : str
        ``primary``: the text itself was read; ``secondary``: a text that quotes it;
        ``recall``: from memory, which no active protocol may rest on.
    note : str
        What was found.
    """

    by: Literal["primary", "secondary", "recall"]
    note: str = ""


class Source(Strict):
    """A document that a limit or a definition was taken from.

    Attributes
    ----------
    doc : str
        Its title, or what it is where it has none.
    section : str
        Where in it.
    edition : str
        Which edition was read.
    date : str
        When it appeared.
    url : str
        Where it can be read.
    confirmed : Confirmation
        How it was read.
    """

    doc: str
    section: str = ""
    edition: str = ""
    date: str = ""
    url: str = ""
    confirmed: Confirmation


class Change(Strict):
    """One entry of the changelog.

    Attributes
    ----------
    version : str
        Which version.
    date : str
        YYYY-MM-DD.
    change : str
        What changed, in words.
    """

    version: str
    date: str
    change: str


class VersionedHeader(BaseModel):
    """Keys that every versioned file has: protocols, and dialects of other programs.

    Attributes
    ----------
    format : str
        What kind of file it is, and of which form.
    id : str
        Small letters, digits, dots and dashes; with the version it names the protocol.
    version : str
        ``major.minor.patch``; numbers may move only with major or minor.
    status : str
        ``active`` is released; rows of a ``draft`` or ``retired`` one say so.
    title : str
        One line for lists.
    description : str
        What it is for.
    source : tuple of Source
        What its limits and definitions were taken from.
    changelog : tuple of Change
        What changed, with an entry for this version.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: str
    id: str = Field(pattern=ID_PATTERN)
    version: str
    status: Literal["draft", "active", "retired"]
    title: str
    description: str = ""
    source: tuple[Source, ...] = Field(min_length=1)
    changelog: tuple[Change, ...] = Field(min_length=1)

    @field_validator("version")
    @classmethod
    def _is_version(cls, value: str) -> str:
        return str(Version.parse(value))


class ProtocolHeader(VersionedHeader):
    """Keys that acquisition and analysis protocols share.

    Attributes
    ----------
    extends : str
        Protocol that this one inherits from: ``id@version``, or a file beside it.
    """

    extends: str = ""


@dataclass(frozen=True)
class ProtocolDocument:
    """A protocol file, merged with what it extends.

    Attributes
    ----------
    header : ProtocolHeader
    data : mapping
        Merged content.
    path : Path
        The file of the child.
    lines : mapping
        Line of each key in the child's own file.
    places : mapping
        File and line of each key of the merged content.
    ancestors : tuple of ProtocolDocument
        What it extends, nearest first.
    """

    header: ProtocolHeader
    data: Mapping[str, Any]
    path: Path
    lines: Mapping[KeyPath, int] = field(default_factory=dict)
    places: Places = field(default_factory=dict)
    ancestors: tuple[ProtocolDocument, ...] = ()

    @property
    def ident(self) -> str:
        """``id@version``."""
        return f"{self.header.id}@{self.header.version}"

    @property
    def file_name(self) -> str:
        """Name of its file for messages; with its folder where a version is the name."""
        name = self.path.name
        is_version = self.path.stem == self.header.version
        return f"{self.path.parent.name}/{name}" if is_version else name

    @property
    def parents(self) -> tuple[str, ...]:
        """``id@version`` of each ancestor, nearest first."""
        return tuple(ancestor.ident for ancestor in self.ancestors)

    @property
    def is_draft(self) -> bool:
        """Whether rows must carry ``draft_protocol``: what a draft says may still move."""
        family = (self, *self.ancestors)
        return any(document.header.status == "draft" for document in family)

    @property
    def is_retired(self) -> bool:
        """Whether rows must carry ``retired_protocol``."""
        return self.header.status == "retired"

    @property
    def standing_flags(self) -> frozenset[str]:
        """What rows carry because the protocol is not an active one."""
        named = {"draft_protocol": self.is_draft, "retired_protocol": self.is_retired}
        return frozenset(flag for flag, holds in named.items() if holds)

    @property
    def canonical(self) -> bytes:
        """The merged content as JSON in one form: what defines the numbers."""
        text = json.dumps(
            self.data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )
        return text.encode()

    @cached_property
    def sha256(self) -> str:
        """Digest of the canonical form."""
        return hashlib.sha256(self.canonical).hexdigest()
