"""The typed file of a de-identification profile, format ``biomarker-deidentification/1``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import Field

from biomarker_cli.exchange.annex_e import safe_private
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
        Form that its value must have; DT is shifted as dates are, items of SQ are cleaned.
    why : str
        What reads it.
    """

    creator: str
    group: str = Field(pattern=r"^[0-9A-F]{4}$")
    element: str = Field(pattern=r"^[0-9A-F]{2}$")
    vr: Literal["DS", "IS", "CS", "DT", "FD", "FL", "SL", "SS", "US", "SQ"]
    why: str

    @property
    def place(self) -> tuple[str, int, int]:
        """Creator, group and element."""
        return self.creator, int(self.group, 16), int(self.element, 16)


class ProfileFile(Strict):
    """A profile: what stays beyond the basic profile, all by name.

    Attributes
    ----------
    sop_classes : mapping of str to str
        UID -> name of each kind of object that is taken; others are refused.
    recognisable_features : str
        ``refuse`` leaves CT, MR and PET behind that may show the head.
    technical_text : tuple of str
        Keywords of text elements outside Table E.1-1 that stay; other text goes.
    words : tuple of str
        Words that stay in descriptors; the name of a ROI stays where it has no other.
    codes : tuple of str
        Words of coded strings; one with another word of four letters or more becomes a digest.
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
    recognisable_features: Literal["keep", "refuse"] = "keep"
    technical_text: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    private: tuple[PrivateRule, ...] = ()

    def knows(self, creator: str) -> bool:
        """Tell whether elements of a private creator may stay: its name names nobody."""
        return any(creator == place[0] for place in safe_private()) or any(
            creator == rule.creator for rule in self.private
        )

    def private_vr(self, place: tuple[str, int, int]) -> str:
        """Return the VR of a private element that stays, by creator, group and element."""
        own = (rule.vr for rule in self.private if place == rule.place)
        return safe_private().get(place) or next(own, "")


class Profile(NamedTuple):
    """A profile and the digest of the file that says it.

    Attributes
    ----------
    rules : ProfileFile
    sha256 : str
    """

    rules: ProfileFile
    sha256: str

    @property
    def ident(self) -> str:
        """``id@version``."""
        return f"{self.rules.id}@{self.rules.version}"


def load_profile(wanted: str) -> Profile:
    """Load ``id``, ``id@version`` or a file.

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
    return Profile(*load_sealed_model(path, ProfileFile, FORMAT, "DEID-PROFILE", ExchangeError))


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
