"""What stands beside the image in a compressed stream: comments, and bytes behind its end.

They are blanked where they stand: lengths and offsets stay, and so does every pixel.

References
----------
ISO/IEC 10918-1, B.1 (JPEG markers); 14495-1, C (JPEG-LS); 15444-1, A (JPEG 2000).
"""

from __future__ import annotations

from itertools import pairwise

from biomarker_cli.exchange.errors import ObjectRefusedError

_JPEG_ROOT = "1.2.840.10008.1.2.4."
_JPEG = frozenset(_JPEG_ROOT + one for one in ("50", "51", "57", "70", "80", "81"))
_JPEG_2000 = frozenset(_JPEG_ROOT + one for one in ("90", "91", "92", "93", "201", "202", "203"))
_RLE, _DEFLATED_FRAMES = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.8.1"
CLEANED = _JPEG | _JPEG_2000
TAKEN = CLEANED | {_RLE, _DEFLATED_FRAMES}
"""Syntaxes of images; streams of video hold text in many places."""

_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_SOC, _SOD, _EOC = 0x4F, 0x93, 0xD9
_COM_JPEG, _COM_2000 = 0xFE, 0x64
_APPLICATION = frozenset(range(0xE0, 0xF0)) - {0xE0, 0xE8, 0xEE}
"""Those but JFIF, and what says how colours were transformed (HP, Adobe)."""
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD8)})
_ITEM, _DELIMITER = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_HEAD = 8


def without_comments(pixel_data: bytes, syntax: str, n_frames: int) -> bytes:
    """Return encapsulated pixel data whose streams hold nothing but the image.

    Raises
    ------
    ObjectRefusedError
        ``DEID-PIXELS`` where they are no streams of their syntax, or not one for each frame.
    """
    data = bytearray(pixel_data)
    places = _fragments(data)
    stream = bytearray().join(data[start:end] for start, end in places[1:])
    if _blank(stream, syntax in _JPEG_2000) != n_frames:
        raise _refused()
    _require_offsets(bytes(data[slice(*places[0])]), n_frames, len(data))
    at = 0
    for start, end in places[1:]:
        data[start:end] = stream[at : at + end - start]
        at += end - start
    return bytes(data)


def _fragments(data: bytearray) -> list[tuple[int, int]]:
    found, at = [], 0
    while data[at : at + 4] == _ITEM:
        end = at + _HEAD + int.from_bytes(data[at + 4 : at + _HEAD], "little")
        if end > len(data):
            raise _refused()
        found.append((at + _HEAD, end))
        at = end
    if bytes(data[at:]) not in {b"", _DELIMITER + bytes(4)} or not found:
        raise _refused()
    return found


def _require_offsets(table: bytes, n_frames: int, n_bytes: int) -> None:
    """Refuse a basic offset table that is none of these frames: it could hold any bytes."""
    offsets = [int.from_bytes(table[i : i + 4], "little") for i in range(0, len(table), 4)]
    rises = all(a < b for a, b in pairwise([*offsets, n_bytes]))
    if table and (len(table) != 4 * n_frames or offsets[0] or not rises):
        raise _refused()


def _blank(stream: bytearray, is_2000: bool) -> int:
    """Blank what is beside the images of a stream; return how many there are."""
    begin = bytes((0xFF, _SOC if is_2000 else _SOI))
    at = n_images = 0
    while at < len(stream):
        if stream[at : at + 2] != begin:
            raise _refused()
        end = _end_of_image(stream, at + 2, is_2000)
        following = stream.find(begin + b"\xff", end)
        following = len(stream) if following < 0 else following
        stream[end:following] = bytes(following - end)
        at, n_images = following, n_images + 1
    return n_images


def _end_of_image(stream: bytearray, at: int, is_2000: bool) -> int:
    """Blank the comments of one image; return where it ends."""
    scan, last = (_SOD, _EOC) if is_2000 else (_SOS, _EOI)
    while True:
        while stream[at : at + 2] == b"\xff\xff":
            at += 1
        if at + 2 > len(stream) or stream[at] != 0xFF:
            raise _refused()
        marker = stream[at + 1]
        at += 2
        if marker == last:
            return at
        if marker != _SOD or not is_2000:
            if marker in _STANDALONE:
                continue
            length = int.from_bytes(stream[at : at + 2], "big")
            if length < 2 or at + length > len(stream):
                raise _refused()
            _blank_segment(stream, at + 2, at + length, marker, is_2000)
            at += length
        if marker == scan:
            at = _behind_scan(stream, at, is_2000)


def _blank_segment(stream: bytearray, start: int, end: int, marker: int, is_2000: bool) -> None:
    if is_2000 and marker == _COM_2000:
        start = min(start + 2, end)  # Behind the kind of the comment.
    elif is_2000 or not (marker == _COM_JPEG or marker in _APPLICATION):
        return
    stream[start:end] = b" " * (end - start)


def _behind_scan(stream: bytearray, at: int, is_2000: bool) -> int:
    """Return where the next marker is that no coded data can hold."""
    while True:
        at = stream.find(b"\xff", at)
        if at < 0 or at + 1 >= len(stream):
            raise _refused()
        following = stream[at + 1]
        if is_2000:
            # Packets hold nothing above FF8F, beside SOP and EPH.
            is_marker = following > 0x8F and following not in {0x91, 0x92}
        else:
            # JPEG stuffs a zero, JPEG-LS a bit; restarts belong to the scan.
            is_marker = following >= 0x80 and following not in {0xFF, *_STANDALONE}
        if is_marker:
            return at
        at += 1


def _refused() -> ObjectRefusedError:
    return ObjectRefusedError("DEID-PIXELS", "the compressed pixel data are no streams of images")
