"""Decode the values of located elements, as pydicom does or not at all."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from biomarker_cli.dicom.dictionary import SEQUENCES, TAGS, vr_in_dictionary

SHORT_VALUE_BYTES = 128
"""Values up to this length are remembered when they have been decoded."""

_LARGEST_EXACT = 2**53

UNKNOWN = object()
"""Stands for a value that pydicom has to decode."""


def tag_of(keyword: str) -> int:
    """Return the tag of a keyword, -1 where the dictionary has none."""
    return TAGS.get(keyword, -1)


def holds_items(keyword: str) -> bool:
    """Tell whether an element is a sequence by the dictionary."""
    return tag_of(keyword) in SEQUENCES


@lru_cache(maxsize=4096)
def vr_of(tag: int, stored: bytes) -> bytes:
    """Return the VR of an element: that of the dictionary where the file says none."""
    if stored:
        return stored
    try:
        return vr_in_dictionary(tag).encode()
    except KeyError:
        return b"UN"


def decode(tag: int, vr: bytes, value: bytes | None) -> Any:
    """Return a value as pydicom gives it, or `UNKNOWN`.

    Sequences, also those that the file says are something else, text in another
    character set and private elements of unknown type are unknown.

    Parameters
    ----------
    tag : int
    vr : bytes
        Empty where the file says none.
    value : bytes or None
        None where the value was stepped over.
    """
    if value is None or tag in SEQUENCES:
        return UNKNOWN
    vr = vr or vr_of(tag, vr)
    # Most values of a series are those of the slice before.
    return _decode_short(vr, value) if len(value) <= SHORT_VALUE_BYTES else _decode_any(vr, value)


def _decode_any(vr: bytes, value: bytes) -> Any:
    by_vr = _DECODERS.get(vr)
    return UNKNOWN if by_vr is None else by_vr(value)


_decode_short = lru_cache(maxsize=8192)(_decode_any)


def _words(value: bytes) -> Any:
    text = value.decode("latin-1").rstrip("\0 ")
    return text.split("\\") if "\\" in text else text


def _uids(value: bytes) -> Any:
    found = _words(value)
    parts = [found] if isinstance(found, str) else found
    # pydicom takes all white space from around a UID, blanks or not.
    return found if all(part == part.strip() for part in parts) else UNKNOWN


def _text_words(value: bytes) -> Any:
    if not value.isascii():
        return UNKNOWN
    parts = [part.rstrip("\0 ") for part in value.decode("ascii").split("\\")]
    return parts if len(parts) > 1 else parts[0]


def _text(value: bytes) -> Any:
    return value.decode("ascii").rstrip("\0 ") if value.isascii() else UNKNOWN


def _numbers_of_text(convert: Callable[[str], float | int]) -> Callable[[bytes], Any]:
    def decode(value: bytes) -> Any:
        text = value.decode("latin-1").rstrip("\0 ").lstrip(" ")
        if not text:
            return ""
        if "\0" in text:
            return UNKNOWN
        try:
            if "\\" in text:
                return [convert(part) for part in text.split("\\")]
            return convert(text)
        except ValueError:
            return UNKNOWN

    return decode


def _integer(text: str) -> int:
    number = int(text)
    if abs(number) > _LARGEST_EXACT:
        raise ValueError("no float holds it: pydicom says what it is")
    return number


def _binary(code: str) -> Callable[[bytes], Any]:
    width = struct.calcsize(code)

    def decode(value: bytes) -> Any:
        if not value:
            return ""
        count, rest = divmod(len(value), width)
        if rest:
            return UNKNOWN
        numbers = struct.unpack(f"<{count}{code}", value)
        return numbers[0] if count == 1 else list(numbers)

    return decode


_DECODERS: dict[bytes, Callable[[bytes], Any]] = {
    **dict.fromkeys((b"AS", b"CS", b"DA", b"DT", b"TM"), _words),
    b"UI": _uids,
    **dict.fromkeys((b"LO", b"SH", b"UC"), _text_words),
    **dict.fromkeys((b"LT", b"ST", b"UT"), _text),
    b"DS": _numbers_of_text(float),
    b"IS": _numbers_of_text(_integer),
    b"US": _binary("H"),
    b"SS": _binary("h"),
    b"UL": _binary("I"),
    b"SL": _binary("i"),
    b"FL": _binary("f"),
    b"FD": _binary("d"),
}
