"""The typed file of a de-identification profile, format ``biomarker-deidentification/1``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import Field

from biomarker_cli.exchange.deidentifying.annex_e import safe_private
from biomarker_cli.exchange.errors import ExchangeError
from biomarker_cli.protocol.document import Strict, VersionedHeader
from biomarker_cli.protocol.errors import ProtocolError
from biomarker_cli.protocol.loading import load_sealed_model
from biomarker_cli.protocol.locator import chosen, protocol_root, versions_in

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


class ProfileFile(VersionedHeader, Strict):
    """A profile: what stays beyond the basic profile, all by name.

    Attributes
    ----------
    sop_classes : mapping of str to str
        UID -> name of each kind of object that is taken; others are refused.
    options : tuple of str
        Of PS3.15 Annex E beside clean descriptors and modified dates, which are always taken.
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
    sop_classes: Mapping[str, str] = Field(min_length=1)
    options: tuple[Literal["patient_characteristics", "safe_private"], ...] = ()
    recognisable_features: Literal["keep", "refuse"] = "keep"
    technical_text: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    private: tuple[PrivateRule, ...] = ()

    @property
    def methods(self) -> dict[str, str]:
        """What is done, by code of PS3.16 CID 7050."""
        return METHODS | dict(_METHOD_OF[option] for option in self.options)

    def knows(self, creator: str) -> bool:
        """Tell whether elements of a private creator may stay: its name names nobody."""
        return any(creator == place[0] for place in safe_private()) or any(
            creator == rule.creator for rule in self.private
        )

    def private_vr(self, place: tuple[str, int, int]) -> str:
        """Return the VR of a private element that stays, by creator, group and element."""
        if "safe_private" not in self.options:
            return ""
        own = (rule.vr for rule in self.private if place == rule.place)
        return safe_private().get(place) or next(own, "")


METHODS = {
    "113100": "Basic Application Confidentiality Profile",
    "113105": "Clean Descriptors Option",
    "113107": "Retain Longitudinal Temporal Information Modified Dates Option",
}
"""What is always done, by code of PS3.16 CID 7050; devices and faces are not claimed."""

_METHOD_OF = {
    "patient_characteristics": ("113108", "Retain Patient Characteristics Option"),
    "safe_private": ("113111", "Retain Safe Private Option"),
}


STATED = {
    "PatientIdentityRemoved": "YES",
    "DeidentificationMethod": "biomarker deidentify",
    "LongitudinalTemporalInformationModified": "MODIFIED",
}
"""What every copy says of itself, by keyword."""

DUMMY = "REMOVED"
"""Text where an attribute has to have a value, and its own may not stay."""

OWN_WORDS = frozenset(
    {*STATED.values(), DUMMY, "DCM", *METHODS, *METHODS.values()}
    | {one for pair in _METHOD_OF.values() for one in pair}
)
"""Values that are written here: that a person is called Clean or Profile is no leak."""


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
    elif not path.is_file():
        raise _no_profile(wanted)
    return Profile(*load_sealed_model(path, ProfileFile, FORMAT, "DEID-PROFILE", ExchangeError))


def _shipped(wanted: str) -> Path:
    versions = versions_in(_folder(), wanted.partition("@")[0])
    if not versions:
        raise _no_profile(wanted)
    try:
        return chosen(versions, wanted)
    except ProtocolError as error:
        raise ExchangeError("DEID-PROFILE", error.message, hint=error.hint) from error


def _folder() -> Path:
    return protocol_root() / "deidentification"


def _no_profile(wanted: str) -> ExchangeError:
    shipped = ", ".join(sorted(path.name for path in _folder().iterdir()))
    return ExchangeError(
        "DEID-PROFILE",
        f"there is no profile {wanted!r}",
        hint=f"Shipped are {shipped}; a file is named by its path, ending in .yaml.",
    )
