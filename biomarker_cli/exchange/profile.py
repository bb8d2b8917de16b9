"""The typed file of a de-identification profile, format ``biomarker-deidentification/1``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field

from biomarker_cli.exchange.errors import ExchangeError
from biomarker_cli.protocol.document import ID_PATTERN, Change, Source, Strict
from biomarker_cli.protocol.loading import load_sealed_model
from biomarker_cli.protocol.locator import protocol_root
from biomarker_cli.protocol.versions import Version

FORMAT = "biomarker-deidentification/1"


class PrivateRule(Strict):
    """A private element that stays beside those of PS3.15 Table E.3.10-1.

    Attributes
    ----------
    vr : str
        Form that its value must have; DT is shifted as dates are.
    why : str
        What reads it.
    """

    creator: str
    group: str = Field(pattern=r"^[0-9A-F]{4}$")
    element: str = Field(pattern=r"^[0-9A-F]{2}$")
    vr: Literal["DS", "IS", "CS", "DT", "FD", "FL", "SL", "SS", "US"]
    why: str


class ProfileFile(Strict):
    """A profile: what stays beyond the basic profile, all by name.

    Attributes
    ----------
    sop_classes : mapping of str to str
        UID -> name of each kind of object that is taken; others are refused.
    technical_text : tuple of str
        Keywords of text elements outside Table E.1-1 that stay; other text goes.
    words : tuple of str
        Words that stay in descriptors; the name of a ROI stays where it has no other.
    private : tuple of PrivateRule
    """

    format: Literal["biomarker-deidentification/1"]
    id: str = Field(pattern=ID_PATTERN)
    version: str
    status: Literal["draft", "active", "retired"]
    title: str
    description: str = ""
    source: tuple[Source, ...] = Field(min_length=1)
    changelog: tuple[Change, ...] = Field(min_length=1)
    sop_classes: Mapping[str, str] = Field(min_length=1)
    technical_text: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    private: tuple[PrivateRule, ...] = ()


def load_profile(wanted: str) -> tuple[ProfileFile, str]:
    """Load ``id``, ``id@version`` or a file, and return the sha256 of its content as well.

    Raises
    ------
    ExchangeError
        ``DEID-PROFILE`` where there is none, or it cannot be used as it is written.
    """
    path = Path(wanted)
    if path.suffix not in {".yaml", ".yml"}:
        path = _shipped(wanted)
    if not path.is_file():
        raise _no_profile(wanted)
    return load_sealed_model(path, ProfileFile, FORMAT, "DEID-PROFILE", ExchangeError)


def _shipped(wanted: str) -> Path:
    ident, _, version = wanted.partition("@")
    folder = protocol_root() / "deidentification"
    found = {
        (path.parent.name, path.stem): path
        for path in sorted(folder.glob("*/*.yaml"), key=lambda one: Version.parse(one.stem))
    }
    matching = [p for (name, v), p in found.items() if name == ident and version in {"", v}]
    if not matching:
        raise _no_profile(wanted)
    return matching[-1]


def _no_profile(wanted: str) -> ExchangeError:
    return ExchangeError(
        "DEID-PROFILE",
        f"there is no profile {wanted!r}",
        hint="Shipped is `quantitative`; a file is named by its path, ending in .yaml.",
    )
