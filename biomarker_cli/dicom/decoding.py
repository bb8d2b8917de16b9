"""What may go wrong while pixels are decoded, by name."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biomarker_cli.dicom.errors import PixelError

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_DESCRIPTION = (
    *("SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "NumberOfFrames"),
    *("Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
    *("PixelData", "FloatPixelData", "DoubleFloatPixelData"),
)

_PANIC = "pyo3_runtime"
"""Module of what a decoder written in Rust raises when it panics: it is no `Exception`."""


def decoder_errors() -> tuple[type[Exception], ...]:
    """Return what comes out of decoders: pydicom hands through whatever their C code raises."""
    # Asked when something was raised: until then most files do without pydicom.
    from biomarker_cli.dicom.headers import ELEMENT_ERRORS

    return (*ELEMENT_ERRORS, RuntimeError, ZeroDivisionError)


@contextmanager
def decoding(path: Path) -> Iterator[None]:
    """Turn whatever a decoder raises into the error that names the file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except StopIteration as error:
        raise _unreadable(path, "fewer frames than the header says") from error
    except decoder_errors() as error:
        raise _unreadable(path, type(error).__name__) from error
    except BaseException as error:
        if type(error).__module__ != _PANIC:
            raise
        raise _unreadable(path, "the decoder gave up") from None


def _unreadable(path: Path, found: str) -> PixelError:
    return PixelError(
        "PIXELS-UNREADABLE",
        f"the pixel data cannot be decoded: {found}",
        where=path.name,
        hint="Transfer the file again, and compare its size with that of the source.",
    )


def require_values(dataset: Dataset) -> None:
    """Refuse items where the pixels should be described, and a number of frames that is none.

    pydicom would write the items all out: each level of a damaged sequence in a
    sequence would double the text of its error.

    Raises
    ------
    TypeError
    """
    from pydicom.sequence import Sequence

    for keyword in _DESCRIPTION:
        if isinstance(dataset.get(keyword), Sequence):
            raise TypeError(f"{keyword} is a sequence")
    # pydicom takes a decimal string for it in some of its ways to the pixels, not in all.
    if not isinstance(dataset.get("NumberOfFrames") or 1, int):
        raise TypeError("NumberOfFrames is no integer")


def require_no_more_frames(n_bytes: int, n_frames: int, frame_bits: int) -> None:
    """Refuse native pixel data with more frames than are said: none is left out silently.

    Raises
    ------
    ValueError
    """
    expected = -(-n_frames * frame_bits // 8)
    padding = expected % 2 if n_bytes == expected + 1 else 0  # an odd length is made even
    if (n_bytes - padding - expected) * 8 >= frame_bits:
        raise ValueError(f"more pixel data than {n_frames} frames need")


def require_grey(samples: Any, path: Path) -> None:
    """Refuse a colour image.

    Raises
    ------
    PixelError
        ``PIXELS-COLOUR``.
    """
    if int(samples) != 1:
        raise PixelError(
            "PIXELS-COLOUR",
            f"expected one sample per pixel, found {samples}",
            where=path.name,
            hint="A colour image is a picture, not a measurement.",
        )


def absent(path: Path) -> PixelError:
    """Return the error for a file that holds a header alone."""
    return PixelError(
        "PIXELS-ABSENT",
        "the file holds a header but no pixel data",
        where=path.name,
        hint="Transfer the file again, with its pixels.",
    )
