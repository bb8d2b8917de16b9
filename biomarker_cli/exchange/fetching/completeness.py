"""Whether a file on disk is whole: its UIDs, and all the bytes of its pixels.

A transfer that was cut leaves files that open without an error: the last one of a cut
WADO-RS stream held 20,121 of its 32,768 pixel bytes.

References
----------
DICOM PS3.5 8.1 and A.4 (native and encapsulated pixel data), PS3.3 C.7.6.3 (Image Pixel).
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from biomarker_cli.dicom.deflated import MeasuredContent
from biomarker_cli.dicom.element_values import UNKNOWN, decode, tag_of
from biomarker_cli.dicom.element_walk import (
    CutShortError,
    Located,
    UnusualFileError,
    Walked,
    locate,
)
from biomarker_cli.dicom.errors import HeaderError
from biomarker_cli.dicom.windows import ByteWindow, FileWindow

_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
_SIZE = ("Rows", "Columns", "BitsAllocated")
_FACTORS = ("SamplesPerPixel", "NumberOfFrames")
_ELSEWHERE = "PixelDataProviderURL"
_PHOTOMETRIC = "PhotometricInterpretation"
_CLASS = "SOPClassUID"
_NEEDED = (*_UIDS, *_SIZE, *_FACTORS, _ELSEWHERE, _PHOTOMETRIC, _CLASS)
_META = ("MediaStorageSOPClassUID", "MediaStorageSOPInstanceUID")
_ENCODING, _MAKER = "TransferSyntaxUID", "Manufacturer"
_MARK_AT, _MARK = 128, b"DICM"

_ROOT = "1.2.840.10008.5.1.4.1.1."
_CR_DX_MG, _CT, _US, _MR = ("1", "1.1", "1.2"), ("2", "2.1"), ("3.1", "6.1"), ("4", "4.1")
_XA, _NM, _PET, _SEG = ("12.1", "12.1.1"), ("20",), ("128", "130"), ("66.4",)
_IMAGES = frozenset(
    _ROOT + one for group in (_CR_DX_MG, _CT, _US, _MR, _XA, _NM, _PET, _SEG) for one in group
)
"""Classes whose objects are images: without pixel data one is cut, wherever it ends."""

_HALVED = frozenset({"YBR_FULL_422", "YBR_PARTIAL_422"})
"""Of three samples, two are stored for each pixel (PS3.3 C.7.6.3.1.2)."""

_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_ITEM, _DELIMITER = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_ITEM_HEAD = 8
_MOST_FRAGMENTS = 1_000_000


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What a file on disk says it is.

    Attributes
    ----------
    study_uid, series_uid, sop_instance_uid, sop_class_uid : str
        As they stand in the file: not checked.
    encoding : str
        Transfer Syntax UID.
    described : (str, str)
        Class and instance, as the file meta information names them.
    maker : str
        Manufacturer; letters beyond ASCII are not decoded.
    fault : str
        What is missing; empty where the file is whole.
    """

    study_uid: str
    series_uid: str
    sop_instance_uid: str
    sop_class_uid: str
    encoding: str
    described: tuple[str, str]
    maker: str
    fault: str = ""

    @property
    def uids(self) -> tuple[str, str, str]:
        """Study, series and instance."""
        return self.study_uid, self.series_uid, self.sop_instance_uid


class _Pixels(NamedTuple):
    """Bytes of pixel data on disk; None where they are compressed, and end as they should."""

    n_bytes: int | None
    fault: str = ""


def read_stored(path: Path) -> StoredObject | None:
    """Return what a file is, None where it is no DICOM file, or ends inside its header.

    Parameters
    ----------
    path : Path
        Links are not followed.

    Raises
    ------
    OSError
        Where the system does not hand the file over.
    """
    with opened_itself(path) as file:
        return stored_in(file, path)


def opened_itself(path: Path) -> BinaryIO:
    """Open a file, and nothing that a link or a pipe of its name leads to.

    Raises
    ------
    OSError
        Where the system does not hand the file over.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    return os.fdopen(os.open(path, flags), "rb")


def is_marked(file: BinaryIO) -> bool:
    """Tell whether an open file has the mark of DICOM behind its preamble (PS3.10 7.1)."""
    return os.pread(file.fileno(), len(_MARK), _MARK_AT) == _MARK


def stored_in(file: BinaryIO, path: Path) -> StoredObject | None:
    """Return what an open file is, as `read_stored` does.

    Parameters
    ----------
    file : binary file
    path : Path
        Its name.

    Raises
    ------
    OSError
        Where the system does not hand the file over.
    """
    if not is_marked(file):
        return None
    window = FileWindow(file.fileno(), os.fstat(file.fileno()).st_size)
    try:
        return _walked(window, locate(window))
    except CutShortError:
        return None
    except UnusualFileError:
        return _read_unusual(file, path)


def _walked(window: ByteWindow, found: Walked) -> StoredObject:
    values = {name: _value(found.elements, name) for name in _NEEDED}
    values |= {name: _value(found.meta, name) for name in _META}
    _, maker = found.elements.get(tag_of(_MAKER), (b"", None))
    values |= {_ENCODING: found.syntax, _MAKER: (maker or b"").decode("latin-1").strip(" \0")}
    pixels = None
    if found.pixels is not None:
        start, length = found.pixels.start, found.pixels.length
        pixels = _encapsulated(window, start) if length is None else _native(window, start, length)
    return _judged(values, pixels)


def _value(elements: Located, keyword: str) -> Any:
    located = elements.get(tag_of(keyword))
    value = None if located is None else decode(tag_of(keyword), *located)
    if value is UNKNOWN:
        raise UnusualFileError
    # Of several values none is told from the others, and a list is no member of a set.
    return None if isinstance(value, list) else value


def _native(window: ByteWindow, start: int, length: int) -> _Pixels:
    there = min(length, window.size - start)
    if there < length:
        return _Pixels(there, f"{there} of {length} bytes of pixel data")
    return _Pixels(there)


def _encapsulated(window: ByteWindow, at: int) -> _Pixels:
    """Go from fragment to fragment up to the delimiter behind the last one."""
    n_fragments = 0
    while True:
        head = window.read(at, _ITEM_HEAD)
        if head[:4] == _DELIMITER and len(head) == _ITEM_HEAD:
            # The first item is the table of offsets.
            return _Pixels(None, "" if n_fragments > 1 else "no fragment of pixel data")
        if head[:4] != _ITEM or len(head) < _ITEM_HEAD or n_fragments > _MOST_FRAGMENTS:
            return _Pixels(None, "the fragments of pixel data do not end")
        at += _ITEM_HEAD + int.from_bytes(head[4:], "little")
        n_fragments += 1


def _judged(values: Mapping[str, Any], pixels: _Pixels | None) -> StoredObject:
    names = (*_UIDS, _CLASS, _ENCODING, *_META, _MAKER)
    study, series, instance, sop_class, encoding, *meta, maker = (
        str(values[name] or "") for name in names
    )
    described = (meta[0], meta[1])
    fault = _fault(values, pixels)
    return StoredObject(study, series, instance, sop_class, encoding, described, maker, fault)


def _fault(values: Mapping[str, Any], pixels: _Pixels | None) -> str:
    if pixels is not None and pixels.fault:
        return pixels.fault
    numbers = [values[name] for name in _SIZE]
    if not all(isinstance(number, int) and number > 0 for number in numbers):
        # No image; or one that ends between two elements, before it says its size.
        return "an image without its size" if values[_CLASS] in _IMAGES else ""
    if pixels is None:
        return "" if values[_ELSEWHERE] else "an image without pixel data"
    if pixels.n_bytes is None:
        return ""
    for name in _FACTORS:
        number = values[name]
        numbers.append(number if isinstance(number, int) and number > 0 else 1)
    n_bits = 1
    for number in numbers:
        n_bits *= int(number)
    if values[_PHOTOMETRIC] in _HALVED:
        n_bits = n_bits * 2 // 3
    n_bytes = -(-n_bits // 8)
    if pixels.n_bytes >= n_bytes:
        return ""
    return f"{pixels.n_bytes} of {n_bytes} bytes of pixel data"


def _read_unusual(file: BinaryIO, path: Path) -> StoredObject | None:
    """Have pydicom read what the quick walk does not: deflated, big endian, odd order."""
    from pydicom import dcmread

    from biomarker_cli.dicom.headers import PARSER_ERRORS

    file.seek(0)
    content = MeasuredContent(file.read(), path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = dcmread(content)
            values = {name: dataset.get(name) for name in (*_NEEDED, _MAKER)}
            values |= {name: dataset.file_meta.get(name) for name in (*_META, _ENCODING)}
            stored = next((dataset[name] for name in _PIXELS if name in dataset), None)
            if stored is None:
                return _judged(values, None)
            return _judged(
                values, _Pixels(None if stored.is_undefined_length else len(stored.value))
            )
    except (*PARSER_ERRORS, OSError, HeaderError):
        return None
