"""Decode pixel data and apply the rescale of each frame."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.pixels import pixel_array

from biomarker_cli.dicom.errors import PixelError
from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.dicom.mosaics import read_tiles

# pydicom's plugins hand through whatever their C code raises.
DECODER_ERRORS = (
    AttributeError,
    EOFError,
    IndexError,
    KeyError,
    MemoryError,
    NotImplementedError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)


def read_stored_frames(path: Path, frames: list[int]) -> list[npt.NDArray[Any]]:
    """Decode frames of one file, as stored.

    Parameters
    ----------
    path : Path
    frames : list of int
        Indices from 0; of the tiles where the file is a mosaic.

    Returns
    -------
    list of ndarray, shape (rows, columns)

    Raises
    ------
    PixelError
        ``PIXELS-UNREADABLE`` where the file is cut or cannot be decoded.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = dcmread(path)
            _require_grey(dataset, path)
            tiles = read_tiles(dataset)
            if tiles:
                picture = np.asarray(pixel_array(dataset))
                return [tiles[index].cut(picture) for index in frames]
            return [np.asarray(pixel_array(dataset, index=index)) for index in frames]
    except DECODER_ERRORS as error:
        raise PixelError(
            "PIXELS-UNREADABLE",
            f"the pixel data cannot be decoded: {type(error).__name__}",
            where=path.name,
            hint="The file may be cut short: transfer it again and compare its size.",
        ) from error


def _require_grey(dataset: Dataset, path: Path) -> None:
    samples = int(dataset.get("SamplesPerPixel", 1))
    if samples != 1:
        raise PixelError(
            "PIXELS-COLOUR",
            f"expected one sample per pixel, found {samples}",
            where=path.name,
            hint="A colour image is a picture, not a measurement.",
        )


def rescale(stored: npt.NDArray[Any], header: FrameHeader) -> npt.NDArray[np.float64]:
    """Apply the linear rescale of a frame.

    Parameters
    ----------
    stored : ndarray, shape (rows, columns)
    header : FrameHeader
        Record of this very frame: slope and intercept may differ frame by frame.

    Returns
    -------
    ndarray of float64, shape (rows, columns)

    References
    ----------
    DICOM PS3.3 C.11.1 (Modality LUT), C.7.6.16.2.9 (Pixel Value Transformation).
    """
    if header.get("ModalityLUTSequence") is not None:
        raise PixelError(
            "PIXELS-MODALITY-LUT",
            "a modality look-up table is not supported",
            where=header.sop_instance_uid,
        )
    slope = float(header.get("RescaleSlope", 1.0))
    intercept = float(header.get("RescaleIntercept", 0.0))
    result = stored.astype(np.float64)
    if slope != 1.0:
        result *= slope
    if intercept != 0.0:
        result += intercept
    return result
