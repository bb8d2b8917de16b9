"""What every protocol file has at its top, and the document after merging."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from biomarker_cli.protocol.versions import Version
from biomarker_cli.protocol.yaml_nodes import KeyPath

ID_PATTERN = r"^[a-z0-9][a-z0-9.\-]*$"
"""What a protocol may be called: its id names a folder."""


class Strict(BaseModel):
    """Base of every protocol model: frozen, and no unknown key passes."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


class Confirmation(Strict):
    """How a source was confirmed."""

    by: Literal["primary", "secondary", "recall"]
    note: str = ""


class Source(Strict):
    """A document that a limit or a definition was taken from."""

    doc: str
    section: str = ""
    edition: str = ""
    date: str = ""
    url: str = ""
    confirmed: Confirmation


class Change(Strict):
    """One entry of the changelog."""

    version: str
    date: str
    change: str


class VersionedHeader(BaseModel):
    """Keys that every versioned file has: protocols, and dialects of other programs."""

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
    """Keys that acquisition and analysis protocols share."""

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
    parents : tuple of str
        ``id@version`` of each ancestor, nearest first.
    """

    header: ProtocolHeader
    data: Mapping[str, Any]
    path: Path
    lines: Mapping[KeyPath, int] = field(default_factory=dict)
    parents: tuple[str, ...] = ()

    @property
    def ident(self) -> str:
        """``id@version``."""
        return f"{self.header.id}@{self.header.version}"

    @property
    def is_draft(self) -> bool:
        """Whether rows must carry ``draft_protocol``."""
        return self.header.status == "draft"

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

    @property
    def sha256(self) -> str:
        """Digest of the canonical form."""
        return hashlib.sha256(self.canonical).hexdigest()
