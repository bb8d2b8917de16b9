"""Read headers without their pixel data, through pydicom."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path
from typing import BinaryIO

from pydicom import config, dcmread
from pydicom.dataset import Dataset, FileDataset
from pydicom.errors import BytesLengthException, InvalidDicomError

from biomarker_cli.dicom.errors import HeaderError

# Odd values of real scanners are judged by the rules above; pydicom would warn
# of each one, whenever it is looked at.
config.settings.reading_validation_mode = config.IGNORE

WHOLE_FILE_BYTES = 16 * 1024 * 1024
"""Files up to this size are read in one go."""

# What pydicom lets through on bytes that are no DICOM.
PARSER_ERRORS = (
    AttributeError,
    BytesLengthException,
    EOFError,
    IndexError,
    InvalidDicomError,
    KeyError,
    MemoryError,
    NotImplementedError,
    OverflowError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


# Sequences are parsed when they are looked at; their ends are then "files" that end.
ELEMENT_ERRORS = (*PARSER_ERRORS, OSError)


def read_header(path: Path) -> Dataset:
    """Return the header of a DICOM file, without pixel data.

    Parameters
    ----------
    path : Path

    Returns
    -------
    pydicom.Dataset

    Raises
    ------
    HeaderError
        ``FILE-UNREADABLE`` where the system refuses, ``FILE-NOT-DICOM`` where
        the content is something else, ``FILE-EMPTY`` for zero bytes.
    """
    try:
        if path.stat().st_size == 0:
            raise HeaderError("FILE-EMPTY", "the file has zero bytes", where=path.name)
        with warnings.catch_warnings():
            # Odd values of real scanners are judged by the rules, not here.
            warnings.simplefilter("ignore")
            with open_bounded(path) as file:
                dataset = _without_buffer(dcmread(file, stop_before_pixels=True))
    except PARSER_ERRORS as error:
        raise not_dicom(path, "the file is not DICOM") from error
    except OSError as error:
        raise unreadable(path, error) from error
    if not dataset:
        raise not_dicom(path, "the file holds no DICOM element")
    return dataset


def parse_header(content: bytes) -> Dataset:
    """Return the header that stands in the first bytes of a file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _without_buffer(dcmread(io.BytesIO(content), stop_before_pixels=True))


def _without_buffer(dataset: FileDataset) -> FileDataset:
    """Let go of the bytes that a header was read from: nothing is read later."""
    dataset.buffer = None
    return dataset


def open_bounded(path: Path) -> BinaryIO:
    """Open a file so that no read reserves more memory than the file has bytes.

    A damaged length field may ask for 4 GB; a plain file would reserve them.
    """
    size = path.stat().st_size
    if size <= WHOLE_FILE_BYTES:
        return io.BytesIO(path.read_bytes())
    return _BoundedFile(path, size)


class _BoundedFile(io.BufferedReader):
    def __init__(self, path: Path, size: int) -> None:
        super().__init__(io.FileIO(path))
        self._size = size

    def read(self, size: int | None = -1, /) -> bytes:
        left = max(self._size - self.tell(), 0)
        return super().read(left if size is None or size < 0 else min(size, left))


def not_dicom(path: Path, found: str) -> HeaderError:
    """Return the error for a file that is something else."""
    return HeaderError("FILE-NOT-DICOM", found, where=path.name)


def unreadable(path: Path, error: OSError) -> HeaderError:
    """Return the error for a file that the system does not hand over."""
    return HeaderError(
        "FILE-UNREADABLE",
        f"the file cannot be read: {error.strerror or 'end of file'}",
        where=path.name,
        hint="Check the permissions and whether the transfer was complete.",
    )
