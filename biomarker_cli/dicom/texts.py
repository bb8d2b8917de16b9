"""Texts of a header in the character set that the file declares, or in another one.

Names are written in UTF-8 or Latin-1 by software that declares nothing, or something
else. They are read so that each stays legible and unlike the others; who reads them
is told that the file did not say it.

References
----------
DICOM PS3.3 C.12.1.1.2 (Specific Character Set); PS3.5 6.1 and 6.2 (LO has one value
behind each backslash, which a name may hold as well).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

from pydicom.charset import TEXT_VR_DELIMS, convert_encodings, decode_bytes
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue
from pydicom.sequence import Sequence as ItemSequence

_ASCII = frozenset({"", "ISO_IR 6", "ISO 2022 IR 6"})
_UTF_8 = ["ISO_IR 192"]


class Text(NamedTuple):
    """A text, and whether its bytes are in the character set that the file declares."""

    value: str
    is_declared: bool = True


def read_text(item: Dataset, keyword: str, character_set: Any) -> Text:
    """Return a text of one value; a backslash belongs to it.

    Parameters
    ----------
    item : pydicom.Dataset
    keyword : str
    character_set : str, sequence of str or None
        SpecificCharacterSet (0008,0005) of the file.

    Raises
    ------
    TypeError
        Where items stand in its place.
    """
    if keyword not in item:
        return Text("")
    value = item.get_item(keyword).value
    if isinstance(value, bytes):
        read = _decode(value.rstrip(b" \0"), character_set)
        return Text(read.value.strip(" \0"), read.is_declared)
    if isinstance(value, list | tuple | MultiValue):
        return Text("\\".join(map(str, value)).strip(" \0"))
    if isinstance(value, ItemSequence):
        # pydicom would print all that lies in the items, as often as they are nested.
        raise TypeError(f"{keyword} is of the wrong kind")
    return Text(str(value or "").strip(" \0"))


def _decode(raw: bytes, character_set: Any) -> Text:
    if raw.isascii() and b"\x1b" not in raw:
        return Text(raw.decode("ascii"))
    declared = [name for name in _names(character_set) if name not in _ASCII]
    if not declared or declared == _UTF_8:
        try:
            return Text(raw.decode("utf-8"), bool(declared))
        except UnicodeDecodeError:
            return Text(raw.decode("latin-1"), is_declared=False)
    try:
        with warnings.catch_warnings():
            # A name that pydicom does not know, or bytes that are not in the set.
            warnings.filterwarnings("error", message="Unknown encoding|Failed to decode")
            encodings = convert_encodings(_names(character_set))
            text = decode_bytes(raw, encodings, set(TEXT_VR_DELIMS))
    except (LookupError, UnicodeError, UserWarning, ValueError):
        return Text(raw.decode("latin-1"), is_declared=False)
    return Text(text)


def _names(character_set: Any) -> list[str]:
    if not character_set:
        return [""]
    several = isinstance(character_set, Sequence) and not isinstance(character_set, str)
    return [str(name or "").strip() for name in (character_set if several else [character_set])]
