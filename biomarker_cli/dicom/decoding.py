"""What may go wrong while pixels are decoded, by name."""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydicom.errors import InvalidDicomError

from biomarker_cli.dicom.errors import PixelError

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


@contextmanager
def decoding(path: Path) -> Iterator[None]:
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
