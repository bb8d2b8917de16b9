"""Find the elements of a DICOM header in a few large reads, decoding none.

Indexing 100,000 files needs twenty elements of each. This walk goes over the
little-endian element headers of a Part 10 file and remembers where values lie;
everything that is unusual (another encoding, an unknown VR, a broken length) is
left to pydicom, so that the two never disagree.

References
----------
DICOM PS3.5 7.1 (Data Elements), 7.5 (Sequences), PS3.10 7.1 (File Meta).
"""

from __future__ import annotations

import os
from struct import Struct

EXPLICIT_SYNTAX_PREFIX = "1.2.840.10008.1.2."
IMPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"

CHUNK_BYTES = 16 * 1024
"""Read at a time: most headers are shorter, and the page cache hands it over at once."""

LONGEST_VALUE_KEPT = 64 * 1024
"""Longer values (vendor blobs, icons) are stepped over."""

DEEPEST_SEQUENCE = 16

_PIXEL_GROUP = 0x7FE0
_PIXEL_GROUP_LENGTH = b"\xe0\x7f\x00\x00"
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xE000FFFE, 0xE00DFFFE, 0xE0DDFFFE

_SHORT_HEADER = Struct("<HH2sH").unpack_from
_LONG = Struct("<I").unpack_from
_TAG_AND_LENGTH = Struct("<II").unpack_from

# PS3.5 7.1.2: these have two reserved bytes and a length of four.
_LONG_VRS = frozenset(
    {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
)
_SHORT_VRS = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split(b" ")
)

_HEADER_BYTES = {**dict.fromkeys(_LONG_VRS, 12), **dict.fromkeys(_SHORT_VRS, 8)}

Located = dict[int, tuple[bytes, bytes | None]]
"""Tag -> VR (empty where implicit) and value, None where it was stepped over."""


class UnusualFileError(Exception):
    """The file is for pydicom to read."""


class CutShortError(Exception):
    """The file ends inside an element."""


class Window:
    """The part of a file that is in memory."""

    __slots__ = ("base", "bytes", "descriptor", "size")

    def __init__(self, descriptor: int, size: int) -> None:
        self.descriptor = descriptor
        self.size = size
        self.base = 0
        self.bytes = os.pread(descriptor, CHUNK_BYTES, 0)

    def move(self, position: int, length: int = CHUNK_BYTES) -> None:
        """Put the window at a place in the file."""
        self.base = position
        self.bytes = os.pread(self.descriptor, length, position)

    def read(self, position: int, length: int) -> bytes:
        """Return bytes of the file, fewer at its end."""
        at = position - self.base
        if at >= 0 and at + length <= len(self.bytes):
            return self.bytes[at : at + length]
        return os.pread(self.descriptor, length, position)

    def value(self, position: int, length: int) -> bytes | None:
        """Return a value that is not in the window, None where it is too long to keep."""
        return self.read(position, length) if length <= LONGEST_VALUE_KEPT else None


def locate_elements(descriptor: int, size: int) -> tuple[str, Located, int | None]:
    """Return the top-level elements before the pixel data.

    Parameters
    ----------
    descriptor : int
        Of the open file.
    size : int
        Of the file, in bytes.

    Returns
    -------
    transfer_syntax : str
    elements : dict
    missing_bytes : int or None
        How much of native pixel data lies beyond the end of the file; None
        where there is no pixel data or it is compressed.

    Raises
    ------
    UnusualFileError
        Where the file is not one that this walk understands.
    CutShortError
        Where the file ends before its pixel data, inside an element.
    """
    window = Window(descriptor, size)
    if window.bytes[128:132] != b"DICM":
        raise UnusualFileError
    position, meta = _walk(window, 132, explicit=True, last_group=0x0002)
    stored = meta.get(0x00020010, (b"", b""))[1]
    syntax = (stored or b"").rstrip(b"\0 ").decode("ascii", errors="replace")
    explicit = syntax.startswith(EXPLICIT_SYNTAX_PREFIX)
    if syntax in {DEFLATED, BIG_ENDIAN} or not (explicit or syntax == IMPLICIT_LITTLE_ENDIAN):
        raise UnusualFileError
    position, elements = _walk(window, position, explicit=explicit, last_group=_PIXEL_GROUP - 1)
    return syntax, elements, _missing_pixel_bytes(window, position, explicit=explicit)


def _walk(  # noqa: C901 - the one loop that every element of every file goes through
    window: Window, position: int, *, explicit: bool, last_group: int
) -> tuple[int, Located]:
    """Go over elements up to a group; return where the next one begins, and what was found."""
    found: Located = {}
    size = window.size
    buffer, base = window.bytes, window.base
    last = base + len(buffer)
    previous = 0
    while position < size:
        if position + 12 > last:
            if position > base:
                window.move(position)
                buffer, base = window.bytes, window.base
                last = base + len(buffer)
            if position + 8 > last:
                raise CutShortError
        at = position - base
        group, element, vr, length = _SHORT_HEADER(buffer, at)
        if group > last_group:
            break
        if explicit:
            width = _HEADER_BYTES.get(vr, 0)
            if width != 8:
                if not width:
                    raise UnusualFileError
                if at + 12 > len(buffer):
                    raise CutShortError
                (length,) = _LONG(buffer, at + 8)
        else:
            width, vr = 8, b""
            (length,) = _LONG(buffer, at + 4)
        tag = group << 16 | element
        if tag <= previous:
            raise UnusualFileError
        previous = tag
        start = position + width
        end = start + length
        if end <= last:
            found[tag] = (vr, buffer[start - base : end - base])
        elif length == _UNDEFINED:
            end = _skip_sequence(window, start, vr, explicit=explicit)
            buffer, base = window.bytes, window.base
            last = base + len(buffer)
            found[tag] = (vr, None)
        elif end > size:
            raise CutShortError
        else:
            found[tag] = (vr, window.value(start, length))
        position = end
    return position, found


def _missing_pixel_bytes(window: Window, position: int, *, explicit: bool) -> int | None:
    """Return how much of the pixel element at `position` lies beyond the end of the file."""
    header = window.read(position, 12)
    if header[:4] == _PIXEL_GROUP_LENGTH:
        position += 12
        header = window.read(position, 12)
    if len(header) < 12 or header[:2] != _PIXEL_GROUP_LENGTH[:2]:
        return None
    long = explicit and header[4:6] in _LONG_VRS
    if explicit and not long:
        raise UnusualFileError
    length = int(_LONG(header, 8 if long else 4)[0])
    if length == _UNDEFINED:
        return None
    return max(position + (12 if long else 8) + length - window.size, 0)


def _skip_sequence(window: Window, position: int, vr: bytes, *, explicit: bool) -> int:
    """Return where a sequence of undefined length ends."""
    if explicit and vr != b"SQ":
        raise UnusualFileError
    for length in (0, 4 * 1024 * 1024):
        if length:
            window.move(position, length)
        try:
            return window.base + _skip_items(window.bytes, position - window.base, explicit, 0)
        except IndexError:
            # The window ends inside the sequence.
            continue
    raise UnusualFileError


def _skip_items(buffer: bytes, at: int, explicit: bool, depth: int) -> int:
    if depth > DEEPEST_SEQUENCE:
        raise UnusualFileError
    while True:
        if at + 8 > len(buffer):
            raise IndexError
        tag, length = _TAG_AND_LENGTH(buffer, at)
        at += 8
        if tag == _SEQUENCE_END:
            return at
        if tag != _ITEM:
            raise UnusualFileError
        at = at + length if length != _UNDEFINED else _skip_item(buffer, at, explicit, depth)


def _skip_item(buffer: bytes, at: int, explicit: bool, depth: int) -> int:
    while True:
        if at + 12 > len(buffer) and at + 8 != len(buffer):
            raise IndexError
        tag, length = _TAG_AND_LENGTH(buffer, at)
        if tag == _ITEM_END:
            return at + 8
        is_sequence = True
        start = at + 8
        if explicit:
            vr = buffer[at + 4 : at + 6]
            if vr in _LONG_VRS:
                (length,) = _LONG(buffer, at + 8)
                start += 4
                is_sequence = vr == b"SQ"
            elif vr in _SHORT_VRS:
                length = buffer[at + 6] | buffer[at + 7] << 8
            else:
                raise UnusualFileError
        if length != _UNDEFINED:
            at = start + length
        elif is_sequence:
            at = _skip_items(buffer, start, explicit, depth + 1)
        else:
            raise UnusualFileError
