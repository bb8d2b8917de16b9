"""What stands for a value: a shifted date, a pseudonym, the words that say nothing of a person."""

from __future__ import annotations

import hashlib
import hmac
import re
import struct
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, timedelta

from biomarker_cli.dicom.identity import UidMap, pseudonym

MOST_DAYS = 3652
"""Ten years: dates of a subject move back by 1 to this many days."""

_DATE = re.compile(r"^(\d{4})(\.?)(\d{2})\2(\d{2})(.*)$", re.DOTALL)
_MOST_DOUBLES = 9
_BINARY_BYTES = {"FD": 8, "FL": 4, "SL": 4, "SS": 2, "US": 2}
_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
_FORMS = {
    "DS": re.compile(rf"\s*({_NUMBER})?\s*"),
    "IS": re.compile(r"\s*([+-]?\d+)?\s*"),
    "AS": re.compile(r"(\d{3}[DWMY])?\s*"),
    "CS": re.compile(r"[^\x00-\x1f\x7f-\uffff]*"),
    "DA": re.compile(r"(\d{4}(\.?)\d{2}\2\d{2})?\s*"),
    "TM": re.compile(r"(\d{2}:?(\d{2}:?(\d{2}(\.\d{1,6})?)?)?)?\s*"),
    "DT": re.compile(r"(\d{8}(\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?)?([+-]\d{4})?)?\s*"),
    "UI": re.compile(r"[0-9.]{0,64}"),
}
_SMALLEST, _LARGEST = 1e-60, 1e60
"""Of doubles; eight letters read as one are mostly beyond."""

_TOKEN = re.compile(r"[^\W\d_]+|\d+")
_LONGEST_NUMBER = 3


@dataclass(frozen=True)
class SubjectKey:
    """What one subject's values are mapped with.

    Attributes
    ----------
    key : bytes
    subject : str
        As the study names it, or what the key makes of the PatientID.
    words : collection of str
        Casefolded words that say nothing of a person.
    codes : collection of str
        Casefolded words that coded strings are made of, beside those.
    """

    key: bytes = field(repr=False)
    subject: str
    words: Collection[str] = ()
    codes: Collection[str] = ()

    @property
    def days(self) -> int:
        """Days by which the dates of the subject move back, 1 to 3,652."""
        text = b"days\0" + self.subject.encode("utf-8", "surrogatepass")
        digest = hmac.new(self.key, text, hashlib.sha256).digest()
        return 1 + int.from_bytes(digest[:8]) % MOST_DAYS

    def uid(self, uid: str) -> str:
        """Return the UID that stands for another one; those of the standard stay."""
        return UidMap(self.key)(uid)

    def shifted(self, text: str) -> str:
        """Return a DA or DT that many days earlier, in its form; empty where that is no date."""
        match = _DATE.match(text.strip(" \0"))
        if match is None:
            return ""
        year, point, month, day, rest = match.groups()
        try:
            moved = date(int(year), int(month), int(day)) - timedelta(days=self.days)
        except (ValueError, OverflowError):
            return ""
        return f"{moved.year:04d}{point}{moved.month:02d}{point}{moved.day:02d}{rest}"

    def cleaned(self, text: str) -> str:
        """Return the words of a descriptor that stay, in their order."""
        return " ".join(token for token in _tokens(text) if self._stays(token))

    def roi_name(self, text: str) -> str:
        """Return the name of a region, or what stands for one that may name a person."""
        tokens = _tokens(text)
        if not text.strip() or (tokens and all(map(self._stays, tokens))):
            return text
        return f"ROI_{self.digest('roi', text)}"

    def code(self, text: str) -> str:
        """Return a coded string; one of an unknown word becomes its digest, still told apart."""
        unknown = any(
            len(token) > _LONGEST_NUMBER and not self._stays(token)
            for token in _tokens(text)
            if token.casefold() not in self.codes
        )
        return f"X{self.digest('code', text).upper()}" if unknown else text

    def digest(self, what: str, text: str) -> str:
        """Return eight digits that stand for a text of some kind."""
        return pseudonym(self.key, f"{what}\0{text}")[:8]

    def _stays(self, token: str) -> bool:
        digits = token.replace(" ", "")
        if digits.isdigit():
            return len(digits) <= _LONGEST_NUMBER
        return token.casefold() in self.words


def _tokens(text: str) -> list[str]:
    """Return words and numbers; numbers between which no word stands are one, as in a date."""
    found: list[str] = []
    for token in _TOKEN.findall(text):
        if found and found[-1].replace(" ", "").isdigit() and token.isdigit():
            found[-1] += f" {token}"
        else:
            found.append(token)
    return found


def has_form(vr: str, value: str) -> bool:
    """Tell whether each part of a text is what its VR says; free text has every form."""
    form = _FORMS.get(vr)
    parts = value.rstrip(" \0").split("\\")
    return form is None or all(form.fullmatch(part.rstrip(" \0")) for part in parts)


def bytes_have_form(vr: str, value: bytes) -> bool:
    """Tell whether the bytes of a private element can be what its VR says."""
    if vr in _BINARY_BYTES:
        # Vectors and b-matrices are of doubles; of the others there is one.
        most = _MOST_DOUBLES if vr == "FD" else 1
        fits = len(value) in range(0, (most + 1) * _BINARY_BYTES[vr], _BINARY_BYTES[vr])
        return fits and (vr != "FD" or _are_magnitudes(value))
    return value.isascii() and has_form(vr, value.decode("ascii"))


def _are_magnitudes(value: bytes) -> bool:
    """Tell whether doubles are ones that somebody measures, in either order of bytes."""
    form = f"{len(value) // _BINARY_BYTES['FD']}d"
    return any(
        all(
            one == 0 or _SMALLEST <= abs(one) <= _LARGEST
            for one in struct.unpack(order + form, value)
        )
        for order in "<>"
    )
