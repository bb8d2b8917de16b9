"""Stored pixels straight from the bytes of a file: native ones, and RLE.

Most images of scanners are stored one pixel after the other, or in runs (RLE). Their
header has been walked over when pixels are asked for, so that no parser need build it
again. Whatever else there is (JPEG, one bit per pixel, big endian) is for pydicom; of
a file that is not described without a doubt nothing is decoded here.

References
----------
DICOM PS3.5 8.1 and 8.2 (Native and Encapsulated Format), Annex G (RLE),
PS3.3 C.7.6.3.1 (Image Pixel).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from biomarker_cli.dicom.decoding import require_no_more_frames
from biomarker_cli.dicom.element_walk import PixelPlace
from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.model.arrays import AnyArray

NATIVE = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1"})
RLE_LOSSLESS = "1.2.840.10008.1.2.5"

_PIXELS, _FLOATS, _DOUBLES = 0x7FE00010, 0x7FE00008, 0x7FE00009
_WIDTHS = {8: 1, 16: 2, 32: 4}
_RLE_HEADER_BYTES = 64
_ITEM, _END_OF_ITEMS = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_GREY = ("MONOCHROME2", "MONOCHROME1")


class PixelLayout(NamedTuple):
    """How the pixels of a file are stored.

    Attributes
    ----------
    place : PixelPlace
    rows, columns, n_frames : int
    dtype : dtype
    unused_bits : int
        High bits of each number that are no part of it.
    is_rle : bool
    """

    place: PixelPlace
    rows: int
    columns: int
    n_frames: int
    dtype: np.dtype[Any]
    unused_bits: int
    is_rle: bool

    @property
    def frame_bytes(self) -> int:
        """Size of a frame that is not compressed."""
        return self.rows * self.columns * self.dtype.itemsize


def layout_of(header: FrameHeader, syntax: str, place: PixelPlace | None) -> PixelLayout | None:
    """Return how the pixels of a file are stored, None where pydicom has to say.

    Parameters
    ----------
    header : FrameHeader
        Of the whole file.
    syntax : str
        Transfer syntax UID.
    place : PixelPlace or None
    """
    is_rle = syntax == RLE_LOSSLESS
    if place is None or (place.length is None) != is_rle or not (is_rle or syntax in NATIVE):
        return None
    numbers = {name: header.get(name) for name in ("Rows", "Columns", "SamplesPerPixel")}
    n_frames = header.get("NumberOfFrames", 1)
    if not all(isinstance(n, int) and n >= 1 for n in (*numbers.values(), n_frames)):
        return None
    found = _number_type(header, place.tag)
    if numbers["SamplesPerPixel"] != 1 or found is None or (is_rle and place.tag != _PIXELS):
        return None
    shown_as = header.get("PhotometricInterpretation")
    if not isinstance(shown_as, str) or shown_as not in _GREY:
        return None
    dtype, unused = found
    return PixelLayout(place, numbers["Rows"], numbers["Columns"], n_frames, dtype, unused, is_rle)


def _number_type(header: FrameHeader, tag: int) -> tuple[np.dtype[Any], int] | None:
    """Return the type of the stored numbers, and how many of their high bits are not used."""
    if tag != _PIXELS:
        width, bits = {_FLOATS: ("<f4", 32), _DOUBLES: ("<f8", 64)}.get(tag, ("", 0))
        fits = bool(width) and header.get("BitsAllocated") == bits
        return (np.dtype(width), 0) if fits else None
    allocated, stored = header.get("BitsAllocated"), header.get("BitsStored")
    signed = header.get("PixelRepresentation")
    if not all(isinstance(number, int) for number in (allocated, stored, signed)):
        return None
    if allocated not in _WIDTHS or signed not in {0, 1}:
        return None
    if not 1 <= stored <= allocated:
        return None
    return np.dtype(f"<{'iu'[signed == 0]}{_WIDTHS[allocated]}"), allocated - stored


def stored_frames(content: bytes, layout: PixelLayout, frames: Sequence[int]) -> Iterator[AnyArray]:
    """Yield frames as they are stored.

    Parameters
    ----------
    content : bytes
        Of the whole file.
    layout : PixelLayout
    frames : sequence of int
        From 0.

    Yields
    ------
    ndarray, shape (rows, columns)
        Not to be written to.

    Raises
    ------
    ValueError
        Where the pixel data are shorter than promised, or hold more frames.
    """
    pieces = _rle(content, layout, frames) if layout.is_rle else _native(content, layout, frames)
    for piece in pieces:
        if layout.unused_bits:
            # Overlays and other things may stand there; the sign is that of the bits in use.
            piece = np.right_shift(np.left_shift(piece, layout.unused_bits), layout.unused_bits)
        yield piece.reshape(layout.rows, layout.columns)


def _native(content: bytes, layout: PixelLayout, frames: Sequence[int]) -> Iterator[AnyArray]:
    length = layout.place.length or 0
    expected = layout.frame_bytes * layout.n_frames
    if length < expected or layout.place.start + expected > len(content):
        raise ValueError(f"{expected} bytes of pixel data are promised, {length} are there")
    require_no_more_frames(length, layout.n_frames, 8 * layout.frame_bytes)
    for index in frames:
        if index >= layout.n_frames:
            raise ValueError(f"there is no frame {index + 1}")
        first = layout.place.start + index * layout.frame_bytes
        yield np.frombuffer(content, layout.dtype, layout.rows * layout.columns, first)


def _rle(content: bytes, layout: PixelLayout, frames: Sequence[int]) -> Iterator[AnyArray]:
    from pydicom.encaps import generate_frames

    items = content[layout.place.start : _end_of_items(content, layout.place.start)]
    encoded = list(generate_frames(items, number_of_frames=layout.n_frames))
    if len(encoded) > layout.n_frames:
        raise ValueError(f"{layout.n_frames} frames are promised, {len(encoded)} are there")
    for index in frames:
        yield _frame_of_runs(encoded[index], layout)


def _end_of_items(content: bytes, start: int) -> int:
    """Return where the items of encapsulated pixel data end.

    Of a frame that was cut short, the item would go on into whatever follows it.

    References
    ----------
    DICOM PS3.5 A.4.
    """
    place = start
    while place + 8 <= len(content):
        tag, length = content[place : place + 4], struct.unpack_from("<L", content, place + 4)[0]
        if tag == _END_OF_ITEMS:
            return place
        if tag != _ITEM:
            break
        place += 8 + length
    raise ValueError("the compressed data do not end where their items do")


def _frame_of_runs(encoded: bytes, layout: PixelLayout) -> AnyArray:
    """Decode a frame in runs: one segment for each byte of a number, the highest first."""
    from rle.rle import decode_segment

    n_numbers, n_bytes = layout.rows * layout.columns, layout.dtype.itemsize
    n_segments, *offsets = struct.unpack_from("<16L", encoded)
    ends = [*offsets[1:n_bytes], len(encoded)]
    if n_segments != n_bytes:
        raise ValueError(f"{n_bytes} segments of runs are expected, {n_segments} are there")
    numbers = np.empty((n_numbers, n_bytes), np.uint8)
    for number, (start, end) in enumerate(zip(offsets, ends, strict=False)):
        if not _RLE_HEADER_BYTES <= start < end <= len(encoded):
            raise ValueError("a segment of runs lies outside its frame")
        found = decode_segment(encoded[start:end])
        # What is cut short must not become zeros; a segment may be padded.
        if not n_numbers <= len(found) < 2 * n_numbers + 1:
            raise ValueError(f"{n_numbers} bytes of pixel data are promised, {len(found)} decoded")
        numbers[:, n_bytes - 1 - number] = np.frombuffer(found, np.uint8, n_numbers)
    return numbers.reshape(-1).view(layout.dtype)
