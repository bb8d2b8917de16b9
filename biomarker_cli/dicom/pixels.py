"""Decode pixel data, frame by frame, as they are stored.

What the stored numbers mean is said in `biomarker_cli.dicom.values`.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.pixels import iter_pixels, pixel_array

from biomarker_cli.dicom.errors import PixelError
from biomarker_cli.dicom.headers import WHOLE_FILE_BYTES, read_header
from biomarker_cli.dicom.mosaics import read_tiles

# pydicom's plugins hand through whatever their C code raises.
DECODER_ERRORS = (
    AttributeError,
    EOFError,
    IndexError,
    InvalidDicomError,
    KeyError,
    MemoryError,
    NotImplementedError,
    OSError,
    OverflowError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
    ZeroDivisionError,
    struct.error,
    zlib.error,
)

_PIXEL_ELEMENTS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


class OpenFrames(NamedTuple):
    """A file whose frames are being decoded.

    Attributes
    ----------
    dataset : pydicom.Dataset
        Header, without pixel data once the frames have been taken.
    stored : iterator of ndarray, shape (rows, columns)
        Raises `PixelError` as it goes.
    header_bytes : bytes
        The file up to its pixel data; empty where that is not all of the header.
    """

    dataset: Dataset
    stored: Iterator[npt.NDArray[Any]]
    header_bytes: bytes = b""


def open_frames(path: Path, frames: Sequence[int]) -> OpenFrames:
    """Open a file and decode frames of it one after the other.

    Parameters
    ----------
    path : Path
    frames : sequence of int
        Indices from 0; of the tiles where the file is a mosaic.

    Returns
    -------
    OpenFrames
        Frames in the order of `frames`.

    Raises
    ------
    PixelError
        ``PIXELS-UNREADABLE`` where the file is cut or cannot be decoded,
        ``PIXELS-ABSENT`` where it holds a header alone, ``PIXELS-COLOUR``.
    """
    with _decoding(path):
        large = path.stat().st_size > WHOLE_FILE_BYTES
        content = b"" if large else path.read_bytes()
        dataset = read_header(path) if large else dcmread(io.BytesIO(content))
        _require_grey(dataset, path)
        if not large and not any(keyword in dataset for keyword in _PIXEL_ELEMENTS):
            raise PixelError(
                "PIXELS-ABSENT",
                "the file holds a header but no pixel data",
                where=path.name,
                hint="Transfer the file again, with its pixels.",
            )
        before = _before_pixels(dataset, content)
    return OpenFrames(dataset, _stored(dataset, path, frames, large=large), before)


def _before_pixels(dataset: Dataset, content: bytes) -> bytes:
    """Return the file up to its pixel element, empty where its place is not certain."""
    for keyword in _PIXEL_ELEMENTS:
        element = dataset.get_item(keyword) if keyword in dataset else None
        if isinstance(element, RawDataElement):
            at = element.value_tell - (8 if element.is_implicit_VR else 12)
            tag = struct.pack("<HH", element.tag.group, element.tag.element)
            # Not so in a deflated file, whose places are those of the inflated one.
            if content[at : at + 4] == tag:
                return content[:at]
    return b""


def read_stored_frames(path: Path, frames: Sequence[int]) -> list[npt.NDArray[Any]]:
    """Decode frames of one file, as stored; see `open_frames`."""
    return list(open_frames(path, frames).stored)


def _stored(
    dataset: Dataset, path: Path, frames: Sequence[int], *, large: bool
) -> Iterator[npt.NDArray[Any]]:
    with _decoding(path):
        tiles = read_tiles(dataset)
        if _is_odd_frame_syntax(dataset):
            pieces = _odd_frames(dcmread(path) if large else dataset, path, frames)
        elif tiles:
            picture = pixel_array(path if large else dataset)
            pieces = iter([tiles[index].cut(picture) for index in frames])
        elif len(frames) == 1 and int(dataset.get("NumberOfFrames") or 1) == 1:
            pieces = iter([pixel_array(path if large else dataset)])
        else:
            pieces = iter_pixels(path if large else dataset, indices=frames)
    for _ in frames:
        with _decoding(path):
            piece = np.asarray(next(pieces))
        yield piece
    for keyword in _PIXEL_ELEMENTS:
        if keyword in dataset:
            delattr(dataset, keyword)


def _is_odd_frame_syntax(dataset: Dataset) -> bool:
    """Tell whether frames are compressed in a way that pydicom does not know."""
    from biomarker_cli.dicom.segment_frames import DEFLATED_IMAGE_FRAME, RLE_LOSSLESS

    syntax = str(dataset.file_meta.get("TransferSyntaxUID", ""))
    one_bit = int(dataset.get("BitsAllocated") or 0) == 1
    return syntax == DEFLATED_IMAGE_FRAME or (syntax == RLE_LOSSLESS and one_bit)


def _odd_frames(dataset: Dataset, path: Path, frames: Sequence[int]) -> Iterator[npt.NDArray[Any]]:
    from biomarker_cli.dicom.segment_frames import decode_frame

    signed = int(dataset.get("PixelRepresentation") or 0) == 1
    for index in frames:
        decoded = decode_frame(dataset, index, path.name)
        yield decoded.view(f"i{decoded.itemsize}") if signed else decoded


@contextmanager
def _decoding(path: Path) -> Iterator[None]:
    """Turn whatever a decoder raises into the error that names the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except StopIteration as error:
        raise _unreadable(path, "fewer frames than the header says") from error
    except DECODER_ERRORS as error:
        raise _unreadable(path, type(error).__name__) from error


def _unreadable(path: Path, found: str) -> PixelError:
    return PixelError(
        "PIXELS-UNREADABLE",
        f"the pixel data cannot be decoded: {found}",
        where=path.name,
        hint="The file may be cut short: transfer it again and compare its size.",
    )


def _require_grey(dataset: Dataset, path: Path) -> None:
    samples = int(dataset.get("SamplesPerPixel") or 1)
    if samples != 1:
        raise PixelError(
            "PIXELS-COLOUR",
            f"expected one sample per pixel, found {samples}",
            where=path.name,
            hint="A colour image is a picture, not a measurement.",
        )
