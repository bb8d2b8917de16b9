"""Find the elements of a DICOM header in a few large reads, decoding none.

Indexing 100,000 files needs twenty elements of each. This walk goes over the
little-endian element headers of a Part 10 file; stretches that are as in a file
before are taken whole (`element_runs`). Everything that is unusual (another
encoding, an unknown VR, a broken length) is left to pydicom, so that the two
never disagree.

References
----------
DICOM PS3.5 7.1 (Data Elements), 7.5 (Sequences), PS3.10 7.1 (File Meta).
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import NamedTuple

from biomarker_cli.dicom.element_runs import KEY_BYTES, LONG_VRS, KnownRuns, Located
from biomarker_cli.dicom.element_values import vr_of
from biomarker_cli.dicom.windows import SEQUENCE_CHUNKS, ByteWindow, Held

EXPLICIT_SYNTAX_PREFIX = "1.2.840.10008.1.2."
IMPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
BIG_ENDIAN = "1.2.840.10008.1.2.2"

DEEPEST_SEQUENCE = 16

MOST_SERIES = 64
"""So many series may lie mixed in a folder before files cease to be known by the one before."""

_CHARACTER_SET = 0x00080005
_SERIES_UID = b"\x20\x00\x0e\x00"

_PIXEL_GROUP = 0x7FE0
_PIXEL_GROUP_LENGTH = b"\xe0\x7f\x00\x00"
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xE000FFFE, 0xE00DFFFE, 0xE0DDFFFE
_ITEM_END_BYTES = b"\xfe\xff\x0d\xe0"
_LAST_GROUP = 0xFFFD

_SHORT_HEADER = Struct("<HH2sH").unpack_from
_LONG = Struct("<I").unpack_from
_TAG_AND_LENGTH = Struct("<II").unpack_from

_SHORT_VRS = frozenset(
    b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split(b" ")
)

_HEADER_BYTES = {**dict.fromkeys(LONG_VRS, 12), **dict.fromkeys(_SHORT_VRS, 8)}


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
    """

    elements: Located
    end: int
    syntax: str
    pixels: PixelPlace | None

    def missing_bytes(self, size: int) -> int | None:
        """Return how much of native pixel data lies beyond a size, None where there is none."""
        if self.pixels is None or self.pixels.length is None:
            return None
        return max(self.pixels.start + self.pixels.length - size, 0)


class ElementWalk:
    """Locates the elements of file after file, faster where these are alike."""

    def __init__(self) -> None:
        self._meta_runs = KnownRuns()
        self._runs: dict[tuple[bool, bytes], KnownRuns] = {}

    def _runs_of(self, content: bytes, explicit: bool) -> KnownRuns:
        """Return what is known of the files of a series, which its UID names.

        The UID is searched for, not read: where other bytes are taken for it,
        nothing is lost but time.
        """
        at = content.find(_SERIES_UID)
        length = at + (6 if explicit else 4)
        end = at + 8 + int.from_bytes(content[length : length + 1])
        series = explicit, content[at:end] if at >= 0 else b""
        known = self._runs.pop(series, None) or KnownRuns()
        if len(self._runs) >= MOST_SERIES:
            del self._runs[next(iter(self._runs))]
        self._runs[series] = known
        return known

    def locate(self, window: ByteWindow) -> Walked:
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
        position, meta = _walk(window, 132, self._meta_runs, explicit=True, last_group=0x0002)
        stored = meta.get(0x00020010, (b"", b""))[1]
        syntax = (stored or b"").rstrip(b"\0 ").decode("ascii", errors="replace")
        explicit = syntax.startswith(EXPLICIT_SYNTAX_PREFIX)
        if syntax in {DEFLATED, BIG_ENDIAN} or not (explicit or syntax == IMPLICIT_LITTLE_ENDIAN):
            raise UnusualFileError
        runs = self._runs_of(window.bytes, explicit)
        position, elements = _walk(
            window, position, runs, explicit=explicit, last_group=_PIXEL_GROUP - 1
        )
        pixels = _pixel_place(window, position, explicit=explicit)
        if pixels is None and position < window.size:
            # An element of a group beyond the pixels: others may stand behind it.
            raise UnusualFileError
        _require_character_set(elements)
        return Walked(elements, position, syntax, pixels)


def _require_character_set(elements: Located) -> None:
    """Leave a file to pydicom whose character set is none: it may refuse it."""
    vr, value = elements.get(_CHARACTER_SET, (b"CS", b""))
    if vr not in (b"", b"CS") or b"\0" in (value or b"").rstrip(b"\0 "):
        raise UnusualFileError


def _walk(  # noqa: C901 - the one loop that every element of every file goes through
    window: ByteWindow, position: int, runs: KnownRuns, *, explicit: bool, last_group: int
) -> tuple[int, Located]:
    """Go over elements up to a group; return where the next one begins, and what was found."""
    found: Located = {}
    size = window.size
    buffer, base = window.bytes, window.base
    last = base + len(buffer)
    previous = 0
    n_taken = 0
    while position < size:
        if position + 12 > last:
            if position > base:
                window.move(position)
                buffer, base = window.bytes, window.base
                last = base + len(buffer)
            if position + 8 > last:
                raise CutShortError
        at = position - base
        if buffer[at : at + KEY_BYTES] in runs.by_start:
            known = runs.take(buffer, at)
            if known is not None:
                run, values = known
                if run.tags[0] <= previous:
                    raise UnusualFileError
                previous = run.tags[-1]
                pairs = zip(run.vrs, values, strict=True)
                found.update(zip(run.tags, pairs, strict=True))
                position += run.layout.size
                n_taken += len(values)
                continue
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
            before = runs.sequences.get(tag)
            if before is not None and buffer.startswith(before, start - base):
                # The bytes of the file before, its end mark included: it ends where they do.
                end = start + len(before)
                found[tag] = (vr, before)
            else:
                end = _skip_sequence(window, start, tag, vr, explicit=explicit)
                buffer, base = window.bytes, window.base
                last = base + len(buffer)
                value = window.value(tag, start, end)
                found[tag] = (vr, value)
                if value is not None:
                    runs.sequences[tag] = value
        elif end > size:
            raise CutShortError
        else:
            found[tag] = (vr, window.value(tag, start, end))
        position = end
    if 2 * n_taken < len(found):
        runs.learn(found)
    return position, found


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
        As `ElementWalk.locate` does.
    """
    runs = KnownRuns()
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
        at, elements = _walk(part, at, runs, explicit=explicit, last_group=_LAST_GROUP)
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
    long = explicit and header[4:6] in LONG_VRS
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
        try:
            return window.base + _skip_items(window.bytes, position - window.base, explicit, 0)
        except IndexError:
            # The window ends inside the sequence.
            continue
    raise UnusualFileError


def _may_have_items(tag: int, vr: bytes, explicit: bool) -> bool:
    """Tell whether an element of undefined length is a sequence, for pydicom as well.

    What the dictionary takes for a value is not: it would be decoded with its end mark.
    """
    return vr_of(tag, vr) in ((b"SQ",) if explicit else (b"SQ", b"UN"))


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
        vr = b""
        start = at + 8
        if explicit:
            vr = buffer[at + 4 : at + 6]
            if vr in LONG_VRS:
                (length,) = _LONG(buffer, at + 8)
                start += 4
            elif vr in _SHORT_VRS:
                length = buffer[at + 6] | buffer[at + 7] << 8
            else:
                raise UnusualFileError
        if length != _UNDEFINED:
            at = start + length
        elif _may_have_items((tag & 0xFFFF) << 16 | tag >> 16, vr, explicit):
            at = _skip_items(buffer, start, explicit, depth + 1)
        else:
            raise UnusualFileError
