"""Numbers and words of private elements, whatever value representation they came with.

An element whose creator is not in the dictionary arrives as bytes when the
transfer syntax is implicit or the archive wrote it as UN (DICOM PS3.5 6.2.2).
"""

from __future__ import annotations

import math
import struct
from typing import Any

CREATOR_VRS = frozenset({"LO", "UN", "SH", "CS", "LT", "ST", "UT", "UC"})
"""A private creator is LO (DICOM PS3.5 7.8.1); a writer's other text is one as well."""

_BINARY_FORMATS = {2: "<h", 4: "<f", 8: "<d"}


def numbers(value: Any) -> tuple[float, ...]:
    """Return the numbers of a value; empty where it has none that can be read.

    Parameters
    ----------
    value : object
        A number, a decimal string, a sequence of either, or raw bytes.
    """
    if value is None:
        return ()
    if isinstance(value, bytes):
        return _numbers_of_bytes(value)
    if isinstance(value, str):
        return _numbers_of_text(value)
    if hasattr(value, "__iter__"):
        return tuple(number for item in value for number in numbers(item))
    try:
        return (float(value),)
    except (TypeError, ValueError):
        return ()


def first_number(value: Any) -> float:
    """Return the first number of a value, NaN where it has none."""
    found = numbers(value)
    return found[0] if found else math.nan


def text(value: Any) -> str:
    """Return a value as text without padding."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("ascii", errors="replace").strip(" \0")
    from pydicom.sequence import Sequence

    if isinstance(value, Sequence):
        # Items: damage in each level of them would double the text of pydicom's error.
        return ""
    return str(value).strip(" \0")


def creator_name(vr: str, value: Any) -> str:
    """Return what reserves a private block, empty where it is no text."""
    return value.strip("\0 ") if vr in CREATOR_VRS and isinstance(value, str) else ""


def _numbers_of_text(value: str) -> tuple[float, ...]:
    found = []
    for part in value.strip(" \0").split("\\"):
        if "_" in part:
            # Python reads 1_000; no decimal string (DICOM PS3.5 6.2) is written like that.
            return ()
        try:
            found.append(float(part))
        except ValueError:
            return ()
    return tuple(found)


def _numbers_of_bytes(value: bytes) -> tuple[float, ...]:
    if _is_text(value):
        return _numbers_of_text(value.decode("ascii"))
    if len(value) in _BINARY_FORMATS:
        return (float(struct.unpack(_BINARY_FORMATS[len(value)], value)[0]),)
    if len(value) % 8 == 0:
        return tuple(float(v) for v in struct.unpack(f"<{len(value) // 8}d", value))
    return ()


def _is_text(value: bytes) -> bool:
    """Tell text from binary numbers: bytes of 0 alone are a number.

    A decimal comma is text that is no number: read as the bytes of a float64,
    ``1000,5`` would be a number near 0.
    """
    written = value.rstrip(b" \0")
    digits = any(byte in b"0123456789" for byte in written)
    if digits and all(byte in b"0123456789+-.,eE\\ " for byte in written):
        return True
    return len(value) >= 8 and all(0x20 <= byte < 0x7F for byte in value)
