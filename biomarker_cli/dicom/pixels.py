"""Decode pixel data, frame by frame, as they are stored.

What the stored numbers mean is said in `biomarker_cli.dicom.values`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import generate_fragments
from pydicom.pixels import iter_pixels, pixel_array

from biomarker_cli.dicom.decoding import (
    absent,
    decoder_errors,
    decoding,
    require_grey,
    require_no_more_frames,
    require_values,
)
from biomarker_cli.dicom.deflated import MeasuredContent
from biomarker_cli.dicom.errors import HeaderError
from biomarker_cli.dicom.mosaics import read_tiles
from biomarker_cli.model.arrays import AnyArray

PIXEL_ELEMENTS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")

_UNUSABLE: tuple[type[Exception], ...] = (*decoder_errors(), HeaderError)

_START_OF_IMAGE = (b"\xff\xd8", b"\xff\x4f\xff\x51")
"""How a frame of JPEG and JPEG-LS begins, and one of JPEG 2000; none goes on like that."""


def decoded_frames(content: bytes, path: Path, frames: Sequence[int]) -> Iterator[AnyArray]:
    """Decode frames of a file through pydicom, one after the other, as they are stored.

    Parameters
    ----------
    content : bytes
        Of the whole file.
    path : Path
        For messages.
    frames : sequence of int
        Indices from 0; of the tiles where the file is a mosaic.

    Raises
    ------
    PixelError
        ``PIXELS-UNREADABLE`` where the file is cut or cannot be decoded,
        ``PIXELS-ABSENT`` where it holds a header alone, ``PIXELS-COLOUR``.
    HeaderError
        ``FILE-INFLATES``.
    """
    with decoding(path):
        dataset = dcmread(MeasuredContent(content, path))
        require_values(dataset)
        require_grey(dataset.get("SamplesPerPixel") or 1, path)
        if not any(keyword in dataset for keyword in PIXEL_ELEMENTS):
            raise absent(path)
        _require_no_other_frames(dataset)
        tiles = read_tiles(dataset)
        if _is_odd_frame_syntax(dataset):
            pieces = _odd_frames(dataset, path, frames)
        elif tiles:
            frame = pixel_array(dataset)
            pieces = iter([tiles[index].cut(frame) for index in frames])
        elif len(frames) == 1 and int(dataset.get("NumberOfFrames") or 1) == 1:
            pieces = iter([pixel_array(dataset)])
        else:
            pieces = iter_pixels(dataset, indices=frames)
    for _ in frames:
        with decoding(path):
            piece = np.asarray(next(pieces))
            if piece.ndim != 2:
                raise ValueError(f"one frame is promised, {len(piece)} are there")
        yield piece


def _require_no_other_frames(dataset: Dataset) -> None:
    """Refuse pixel data with more frames than are said, whatever their syntax."""
    promised, content = int(dataset.get("NumberOfFrames") or 1), dataset.get("PixelData")
    if not content:
        return
    if dataset["PixelData"].is_undefined_length:  # encapsulated, in whatever syntax
        found = sum(piece.startswith(_START_OF_IMAGE) for piece in generate_fragments(content))
        if found > promised:
            raise ValueError(f"{promised} frames are promised, {found} are there")
        return
    frame_bits = int(dataset.Rows) * int(dataset.Columns) * int(dataset.BitsAllocated)
    require_no_more_frames(len(content), promised, frame_bits)


def _is_odd_frame_syntax(dataset: Dataset) -> bool:
    """Tell whether frames are compressed in a way that pydicom does not know."""
    from biomarker_cli.dicom.native_pixels import RLE_LOSSLESS
    from biomarker_cli.dicom.segment_frames import DEFLATED_IMAGE_FRAME

    syntax = str(dataset.file_meta.get("TransferSyntaxUID", ""))
    one_bit = int(dataset.get("BitsAllocated") or 0) == 1
    return syntax == DEFLATED_IMAGE_FRAME or (syntax == RLE_LOSSLESS and one_bit)


def _odd_frames(dataset: Dataset, path: Path, frames: Sequence[int]) -> Iterator[AnyArray]:
    from biomarker_cli.dicom.segment_frames import decode_frame

    signed = int(dataset.get("PixelRepresentation") or 0) == 1
    for index in frames:
        decoded = decode_frame(dataset, index, path.name)
        yield decoded.view(f"i{decoded.itemsize}") if signed else decoded


def pixel_bytes(content: bytes, path: Path) -> bytes:
    """Return the stored pixels of a file as pydicom finds them, empty where it finds none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = dcmread(MeasuredContent(content, path))
        return bytes(next((dataset.get(name) for name in PIXEL_ELEMENTS if name in dataset), b""))
    except _UNUSABLE:
        # Reading the pixels will say what is wrong with the file.
        return b""
