"""A header whose values are decoded when they are asked for.

`QuickHeader` answers `get` and `private` as a `FrameHeader` over pydicom does,
with the same values, at a fraction of its cost. What it cannot decode with
certainty (sequences, text in another character set, private elements of unknown
type) it reads through pydicom.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset

from biomarker_cli.dicom.element_walk import (
    CutShortError,
    Located,
    UnusualFileError,
    locate_elements,
)
from biomarker_cli.dicom.errors import HeaderError
from biomarker_cli.dicom.frames import FrameHeader, is_absent
from biomarker_cli.dicom.headers import not_dicom, read_header, unreadable

SHORT_VALUE_BYTES = 128
"""Values up to this length are remembered when they have been decoded."""

_UNKNOWN = object()
"""Marks a value that pydicom has to decode."""


class QuickHeader(FrameHeader):
    """Header of a single-frame file.

    Attributes
    ----------
    elements : dict
        Located top-level elements.
    missing_pixel_bytes : int or None
        Native pixel data beyond the end of the file; None where there is none.
    """

    elements: Located
    missing_pixel_bytes: int | None

    def __init__(self, elements: Located, path: Path, missing_pixel_bytes: int | None) -> None:
        # FrameHeader is frozen; its `dataset` is replaced by a lazy one below.
        object.__setattr__(self, "elements", elements)
        object.__setattr__(self, "missing_pixel_bytes", missing_pixel_bytes)
        object.__setattr__(self, "frame", 0)
        object.__setattr__(self, "path", path)
        object.__setattr__(self, "tile", None)

    @cached_property
    def dataset(self) -> Dataset:
        """The whole header as pydicom reads it."""
        return read_header(self.path)

    def get(self, keyword: str, default: Any = None) -> Any:
        """Return the value of an element; see `FrameHeader.get`."""
        tag = _tag(keyword)
        located = self.elements.get(tag)
        if located is None:
            return default
        vr, stored = located
        value = _decode(tag, vr, stored)
        kind = type(value)
        if kind is str:
            return value or default
        if kind is list:
            # A copy: the list that is kept for the next file must not change.
            return value[:] or default
        if value is _UNKNOWN:
            value = self.dataset.get(keyword)
        return default if is_absent(value) else value

    @cached_property
    def _blocks(self) -> dict[tuple[int, str], list[int]]:
        blocks: dict[tuple[int, str], list[int]] = {}
        for tag, (_, value) in self.elements.items():
            element = tag & 0xFFFF
            if tag >> 16 & 1 and 0x10 <= element <= 0xFF and value is not None:
                creator = value.decode("latin-1").strip("\0 ")
                blocks.setdefault((tag >> 16, creator), []).append(element)
        return blocks

    def private(self, group: int, creator: str, offset: int, default: Any = None) -> Any:
        """Return a private element found by its creator; see `FrameHeader.private`."""
        for block in self._blocks.get((group, creator), ()):
            tag = group << 16 | block << 8 | offset
            located = self.elements.get(tag)
            if located is None:
                continue
            value = _decode(tag, *located)
            return self.dataset[tag].value if value is _UNKNOWN else value
        return default

    @property
    def sop_instance_uid(self) -> str:
        """SOPInstanceUID of the instance."""
        return str(self.get("SOPInstanceUID", ""))


def read_quick_header(path: Path, size: int) -> FrameHeader:
    """Return the header of a file, by the quick walk where that is certain.

    Parameters
    ----------
    path : Path
    size : int
        Of the file, in bytes.

    Returns
    -------
    FrameHeader
        A `QuickHeader`, or one over pydicom where the file is unusual.

    Raises
    ------
    HeaderError
        As `biomarker_cli.dicom.headers.read_header` does, and
        ``FILE-TRUNCATED`` where the file ends inside its header.
    """
    if size == 0:
        raise HeaderError("FILE-EMPTY", "the file has zero bytes", where=path.name)
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise unreadable(path, error) from error
    try:
        _, elements, missing = locate_elements(descriptor, size)
    except (UnusualFileError, struct.error):
        return FrameHeader(read_header(path), 0, path)
    except CutShortError as error:
        raise HeaderError(
            "FILE-TRUNCATED",
            f"the file ends inside its header, after {size} bytes",
            where=path.name,
            hint="Transfer the file again and compare its size.",
        ) from error
    except OSError as error:
        raise unreadable(path, error) from error
    finally:
        os.close(descriptor)
    if not elements:
        raise not_dicom(path, "the file holds no DICOM element")
    return QuickHeader(elements, path, missing)


@lru_cache(maxsize=1024)
def _tag(keyword: str) -> int:
    tag = tag_for_keyword(keyword)
    return -1 if tag is None else int(tag)


@lru_cache(maxsize=4096)
def _implicit_vr(tag: int) -> bytes:
    try:
        return dictionary_VR(tag).encode()
    except KeyError:
        return b"UN"


def _decode(tag: int, vr: bytes, value: bytes | None) -> Any:
    if value is None:
        return _UNKNOWN
    vr = vr or _implicit_vr(tag)
    # Most values of a series are those of the slice before.
    return _decode_short(vr, value) if len(value) <= SHORT_VALUE_BYTES else _decode_any(vr, value)


def _decode_any(vr: bytes, value: bytes) -> Any:
    decode = _DECODERS.get(vr)
    return _UNKNOWN if decode is None else decode(value)


_decode_short = lru_cache(maxsize=8192)(_decode_any)


def _words(value: bytes) -> Any:
    text = value.decode("latin-1").rstrip("\0 ")
    return text.split("\\") if "\\" in text else text


def _text_words(value: bytes) -> Any:
    if not value.isascii():
        return _UNKNOWN
    parts = [part.rstrip("\0 ") for part in value.decode("ascii").split("\\")]
    return parts if len(parts) > 1 else parts[0]


def _text(value: bytes) -> Any:
    return value.decode("ascii").rstrip("\0 ") if value.isascii() else _UNKNOWN


def _numbers_of_text(convert: Callable[[str], float | int]) -> Callable[[bytes], Any]:
    def decode(value: bytes) -> Any:
        text = value.decode("latin-1").strip("\0 ")
        if not text:
            return ""
        try:
            if "\\" in text:
                return [convert(part) for part in text.split("\\")]
            return convert(text)
        except ValueError:
            return _UNKNOWN

    return decode


def _binary(code: str) -> Callable[[bytes], Any]:
    width = struct.calcsize(code)

    def decode(value: bytes) -> Any:
        if not value:
            return ""
        count, rest = divmod(len(value), width)
        if rest:
            return _UNKNOWN
        numbers = struct.unpack(f"<{count}{code}", value)
        return numbers[0] if count == 1 else list(numbers)

    return decode


_DECODERS: dict[bytes, Callable[[bytes], Any]] = {
    **dict.fromkeys((b"AE", b"AS", b"CS", b"DA", b"DT", b"TM", b"UI"), _words),
    **dict.fromkeys((b"LO", b"SH", b"UC"), _text_words),
    **dict.fromkeys((b"LT", b"ST", b"UT"), _text),
    b"DS": _numbers_of_text(float),
    b"IS": _numbers_of_text(int),
    b"US": _binary("H"),
    b"SS": _binary("h"),
    b"UL": _binary("I"),
    b"SL": _binary("i"),
    b"FL": _binary("f"),
    b"FD": _binary("d"),
}
