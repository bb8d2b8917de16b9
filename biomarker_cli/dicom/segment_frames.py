"""Decode the frames of a segmentation one by one.

Segmentations are stored with one bit per pixel, packed across frames, and may
be compressed in ways that hold for such frames only. Packed bits, the deflated
image frame (PS3.5 A.4.13) and RLE of packed bits are read here, the rest by
pydicom, whose decoder of single frames (3.0.2) fails where frames of one bit
per pixel do not start at a byte.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import get_frame
from pydicom.pixels import pixel_array

from biomarker_cli.dicom.decoding import decoding, require_values
from biomarker_cli.dicom.deflated import MOST_INFLATED_BYTES, MeasuredContent
from biomarker_cli.dicom.native_pixels import RLE_LOSSLESS
from biomarker_cli.model.arrays import AnyArray

DEFLATED_IMAGE_FRAME = "1.2.840.10008.1.2.8.1"
LITTLE_ENDIAN = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99"})
"""Implicit, explicit and deflated: the pixels follow each other without a wrapper."""


def read_with_pixels(content: bytes, path: Path) -> Dataset:
    """Return the data set in the bytes of a file with its pixel data, not yet decoded.

    Raises
    ------
    PixelError
        ``PIXELS-UNREADABLE`` where the file is cut.
    HeaderError
        ``FILE-INFLATES``.
    """
    with decoding(path):
        dataset = dcmread(MeasuredContent(content, path))
        require_values(dataset)
        return dataset


def decode_frame(dataset: Dataset, index: int, where: str) -> AnyArray:
    """Decode one frame of a segmentation, as stored.

    Parameters
    ----------
    dataset : pydicom.Dataset
        With pixel data.
    index : int
        From 0.
    where : str
        File name, for messages.

    Returns
    -------
    ndarray, shape (rows, columns)

    Raises
    ------
    PixelError
        ``PIXELS-UNREADABLE`` where the frame cannot be decoded.
    """
    syntax = str(dataset.file_meta.get("TransferSyntaxUID", ""))
    with decoding(Path(where)):
        if syntax in LITTLE_ENDIAN and int(dataset.BitsAllocated) == 1:
            return _packed_bits(dataset, index)
        if syntax == DEFLATED_IMAGE_FRAME:
            return _unpack(_inflate(_encapsulated(dataset, index), dataset), dataset)
        if syntax == RLE_LOSSLESS and int(dataset.BitsAllocated) == 1:
            return _unpack(_rle_segment(_encapsulated(dataset, index)), dataset)
        return np.asarray(pixel_array(dataset, index=index))


def _packed_bits(dataset: Dataset, index: int) -> AnyArray:
    """Return a frame of pixels that are packed across frames (PS3.5 8.1.1)."""
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    n_pixels = rows * columns * int(dataset.get("NumberOfFrames") or 1)
    if len(dataset.PixelData) > -(-n_pixels // 8) + 1:
        # Frames that a writer padded to whole bytes would all be read shifted.
        raise ValueError(f"more pixel data than {n_pixels} pixels of one bit need")
    first = index * rows * columns
    last = first + rows * columns
    content = memoryview(dataset.PixelData)[first // 8 : -(-last // 8)]
    bits = np.unpackbits(np.frombuffer(content, dtype=np.uint8), bitorder="little")
    offset = first % 8
    if offset + rows * columns > len(bits):
        raise EOFError(f"frame {index + 1} lies behind the end of the pixel data")
    return bits[offset : offset + rows * columns].reshape(rows, columns)


def _encapsulated(dataset: Dataset, index: int) -> bytes:
    n_frames = int(dataset.get("NumberOfFrames") or 1)
    return get_frame(dataset.PixelData, index, number_of_frames=n_frames)


def _inflate(content: bytes, dataset: Dataset) -> bytes:
    """Inflate one frame, and no more than it needs: a few bytes may stand for gigabytes."""
    needed = -(-int(dataset.Rows) * int(dataset.Columns) * int(dataset.BitsAllocated) // 8)
    if needed > MOST_INFLATED_BYTES:
        raise ValueError(f"a frame of {needed} bytes, at most {MOST_INFLATED_BYTES} are inflated")
    return zlib.decompressobj(-15).decompress(content, needed)


def _unpack(content: bytes, dataset: Dataset) -> AnyArray:
    """Return the pixels of one frame that is packed for itself."""
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    n_pixels = rows * columns
    bits = int(dataset.BitsAllocated)
    if bits == 1:
        packed = np.frombuffer(content, dtype=np.uint8)
        pixels: AnyArray = np.unpackbits(packed, bitorder="little")[:n_pixels]
    else:
        pixels = np.frombuffer(content, dtype=np.dtype(f"<u{bits // 8}"))[:n_pixels]
    return pixels.reshape(rows, columns)


def _rle_segment(content: bytes) -> bytes:
    """Decode the single segment of an RLE frame (PS3.5 Annex G)."""
    n_segments = int.from_bytes(content[:4], "little")
    if n_segments != 1:
        raise ValueError(f"expected one RLE segment, found {n_segments}")
    position = int.from_bytes(content[4:8], "little")
    decoded = bytearray()
    while position + 1 < len(content):
        header = content[position]
        if header < 128:
            decoded += content[position + 1 : position + 2 + header]
            position += header + 2
        elif header > 128:
            decoded += content[position + 1 : position + 2] * (257 - header)
            position += 2
        else:
            position += 1
    return bytes(decoded)
