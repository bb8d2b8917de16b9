"""Find the elements of a DICOM header in a few large reads, decoding none.

Indexing 100,000 files needs twenty elements of each. This walk goes over the
little-endian element headers of a Part 10 file: plain ones in compiled code, what
else there is one by one here. Everything that is unusual (another encoding, an
unknown VR, a broken length) is left to pydicom, so that the two never disagree.

References
----------
DICOM PS3.5 7.1 (Data Elements), 7.5 (Sequences), PS3.10 7.1 (File Meta).
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

from biomarker_cli.dicom.element_values import vr_of
from biomarker_cli.dicom.windows import SEQUENCE_CHUNKS, ByteWindow, Held
from biomarker_cli.kernels.compiled import skip_items, walk_elements

Located = dict[int, tuple[bytes, bytes | None]]
"""Tag -> VR (empty where implicit) and value, None where it was stepped over."""

EXPLICIT_SYNTAX_PREFIX = "1.2.840.10008.1.2."
IMPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"

_CHARACTER_SET = 0x00080005

_PIXEL_GROUP = 0x7FE0
_PIXEL_GROUP_LENGTH = b"\xe0\x7f\x00\x00"
_UNDEFINED = 0xFFFFFFFF
_ITEM, _SEQUENCE_END = 0xE000FFFE, 0xE0DDFFFE
_ITEM_END_BYTES = b"\xfe\xff\x0d\xe0"
_LAST_GROUP = 0xFFFD
_UNUSUAL_ITEMS = -2

_SHORT_HEADER = Struct("<HH2sH").unpack_from
_LONG = Struct("<I").unpack_from
_TAG_AND_LENGTH = Struct("<II").unpack_from

# PS3.5 7.1.2: these have two reserved bytes and a length of four.
_LONG_VRS = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split(b" "))
_SHORT_VRS = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split(b" ")
)

_HEADER_BYTES = {**dict.fromkeys(_LONG_VRS, 12), **dict.fromkeys(_SHORT_VRS, 8)}


class UnusualFileError(Exception):
    """The file is for pydicom to read."""


class CutShortError(Exception):
    """The file ends inside an element."""


class PixelPlace(NamedTuple):
    """Where the pixel data of a file stand.

    Attributes
    ----------
    tag : int
        (7FE0,0010), or (7FE0,0008) and (7FE0,0009) for floating point.
    start : int
        First byte of the value.
    length : int or None
        As the file says; None where it says none: the pixels are compressed.
    """

    tag: int
    start: int
    length: int | None


class Walked(NamedTuple):
    """What a walk found.

    Attributes
    ----------
    elements : dict
        Top-level elements before the pixel data.
    end : int
        Where they end.
    syntax : str
        Transfer syntax UID.
    pixels : PixelPlace or None
    meta : dict
        Elements of the file meta information.
    """

    elements: Located
    end: int
    syntax: str
    pixels: PixelPlace | None
    meta: Located

    def missing_bytes(self, size: int) -> int | None:
        """Return how much of native pixel data lies beyond a size, None where there is none."""
        if self.pixels is None or self.pixels.length is None:
            return None
        return max(self.pixels.start + self.pixels.length - size, 0)


def locate(window: ByteWindow) -> Walked:
    """Return the top-level elements before the pixel data, and where these stand.

    Parameters
    ----------
    window : FileWindow or ContentWindow
        At the beginning of the file.

    Raises
    ------
    UnusualFileError
        Where the file is not one that this walk understands.
    CutShortError
        Where the file ends before its pixel data, inside an element.
    """
    if window.bytes[128:132] != b"DICM":
        raise UnusualFileError
    position, meta = _walk(window, 132, explicit=True, last_group=0x0002)
    stored = meta.get(0x00020010, (b"", b""))[1]
    syntax = (stored or b"").rstrip(b"\0 ").decode("ascii", errors="replace")
    explicit = syntax.startswith(EXPLICIT_SYNTAX_PREFIX)
    if syntax in {DEFLATED, BIG_ENDIAN} or not (explicit or syntax == IMPLICIT_LITTLE_ENDIAN):
        raise UnusualFileError
    position, elements = _walk(window, position, explicit=explicit, last_group=_PIXEL_GROUP - 1)
    pixels = _pixel_place(window, position, explicit=explicit)
    if pixels is None and position < window.size:
        # An element of a group beyond the pixels: others may stand behind it.
        raise UnusualFileError
    _require_character_set(elements)
    return Walked(elements, position, syntax, pixels, meta)


def _require_character_set(elements: Located) -> None:
    """Leave a file to pydicom whose character set is none: it may refuse it."""
    vr, value = elements.get(_CHARACTER_SET, (b"CS", b""))
    if vr not in (b"", b"CS") or b"\0" in (value or b"").rstrip(b"\0 "):
        raise UnusualFileError


def _walk(
    window: ByteWindow, position: int, *, explicit: bool, last_group: int
) -> tuple[int, Located]:
    """Go over elements up to a group; return where the next one begins, and what was found."""
    found: Located = {}
    previous = 0
    while position < window.size:
        at, previous = walk_elements(
            window.bytes, position - window.base, explicit, last_group, previous, found
        )
        position = window.base + at
        if position == window.size:
            break
        if at + 12 > len(window.bytes):
            if at:
                window.move(position)
            if len(window.bytes) - (position - window.base) < 8:
                raise CutShortError
        at = position - window.base
        if int.from_bytes(window.bytes[at : at + 2], "little") > last_group:
            break
        tag, vr, width, length = _header(window.bytes, at, explicit=explicit)
        if not width or tag <= previous:
            raise UnusualFileError
        previous = tag
        start = position + width
        position = start + length
        if length == _UNDEFINED:
            position = _skip_sequence(window, start, tag, vr, explicit=explicit)
        elif position > window.size:
            raise CutShortError
        found[tag] = (vr, window.value(tag, start, position))
    return position, found


def _header(content: bytes, at: int, *, explicit: bool) -> tuple[int, bytes, int, int]:
    """Return tag, VR, bytes of the header (none for an unknown VR) and length of the value."""
    group, element, vr, length = _SHORT_HEADER(content, at)
    tag = group << 16 | element
    if not explicit:
        return tag, b"", 8, _LONG(content, at + 4)[0]
    width = _HEADER_BYTES.get(vr, 0)
    if width == 12:
        if at + 12 > len(content):
            raise CutShortError
        (length,) = _LONG(content, at + 8)
    return tag, vr, width, length


def items_of(value: bytes, *, explicit: bool) -> Iterator[Located]:
    """Yield the elements of each item of a sequence.

    Parameters
    ----------
    value : bytes
        Of the sequence, its end mark included where it has one.
    explicit : bool
        Whether elements say their VR.

    Raises
    ------
    UnusualFileError, CutShortError
        As `locate` does.
    """
    whole = Held(value)
    position = 0
    while position < len(value):
        if position + 8 > len(value):
            raise CutShortError
        tag, length = _TAG_AND_LENGTH(value, position)
        position += 8
        if tag == _SEQUENCE_END:
            return
        if tag != _ITEM:
            raise UnusualFileError
        end = position + length
        part, at = (whole, position) if length == _UNDEFINED else (Held(value[position:end]), 0)
        at, elements = _walk(part, at, explicit=explicit, last_group=_LAST_GROUP)
        if length == _UNDEFINED:
            if value[at : at + 4] != _ITEM_END_BYTES:
                raise UnusualFileError
            end = at + 8
        elif end > len(value):
            raise CutShortError
        elif at < length:
            # An element of a group beyond all others: more may stand behind it.
            raise UnusualFileError
        yield elements
        position = end


def _pixel_place(window: ByteWindow, position: int, *, explicit: bool) -> PixelPlace | None:
    """Return the pixel element that begins at a place, None where there is none."""
    header = window.read(position, 12)
    if header[:4] == _PIXEL_GROUP_LENGTH:
        position += 12
        header = window.read(position, 12)
    if len(header) < (12 if explicit else 8) or header[:2] != _PIXEL_GROUP_LENGTH[:2]:
        return None
    long = explicit and header[4:6] in _LONG_VRS
    if explicit and not long:
        raise UnusualFileError
    length = int(_LONG(header, 8 if long else 4)[0])
    number = int.from_bytes(header[2:4], "little")
    return PixelPlace(
        _PIXEL_GROUP << 16 | number,
        position + (12 if long else 8),
        None if length == _UNDEFINED else length,
    )


def _skip_sequence(
    window: ByteWindow, position: int, tag: int, vr: bytes, *, explicit: bool
) -> int:
    """Return where a sequence of undefined length ends."""
    if not _may_have_items(tag, vr, explicit):
        raise UnusualFileError
    for length in SEQUENCE_CHUNKS:
        if length:
            window.move(position, length)
        end = skip_items(window.bytes, position - window.base, explicit, is_implicit_sequence)
        if end >= 0:
            return window.base + end
        if end == _UNUSUAL_ITEMS:
            break
    raise UnusualFileError


def _may_have_items(tag: int, vr: bytes, explicit: bool) -> bool:
    """Tell whether an element of undefined length is a sequence, for pydicom as well.

    What the dictionary takes for a value is not: it would be decoded with its end mark.
    """
    return vr == b"SQ" if explicit else is_implicit_sequence(tag)


def is_implicit_sequence(tag: int) -> bool:
    """Tell whether an element that says no VR holds items, for pydicom as well."""
    return vr_of(tag, b"") in (b"SQ", b"UN")
