"""Read headers without their pixel data, through pydicom."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from pydicom import config, dcmread
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError

from biomarker_cli.dicom.deflated import MeasuredContent, require_measured
from biomarker_cli.dicom.errors import HeaderError, compressed, empty, not_dicom, unreadable
from biomarker_cli.model.inputs import FileSignature, changed

# Odd values of real scanners are judged by the rules above; pydicom would warn
# of each one, whenever it is looked at.
config.settings.reading_validation_mode = config.IGNORE

WHOLE_FILE_BYTES = 16 * 1024 * 1024
"""Files up to this size are read in one go."""

_GZIP, _GZIP_WINDOW, _PACKED_HEAD = b"\x1f\x8b", 31, 4096
_PREAMBLE, _MARK = 128, b"DICM"

# What pydicom lets through on bytes that are no DICOM.
PARSER_ERRORS = (
    AttributeError,
    BytesLengthException,
    EOFError,
    InvalidDicomError,
    LookupError,
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


def read_header(
    path: Path, signature: FileSignature | None = None, most_inflated: int | None = None
) -> Dataset:
    """Return the header of a DICOM file, without pixel data.

    Parameters
    ----------
    path : Path
    signature : FileSignature, optional
        Of the file that is meant.
    most_inflated : int, optional
        Bytes of a deflated data set, by default as many as are ever read.

    Returns
    -------
    pydicom.Dataset

    Raises
    ------
    HeaderError
        ``FILE-UNREADABLE`` where the system refuses, ``FILE-NOT-DICOM`` where
        the content is something else, ``FILE-COMPRESSED`` where that is DICOM
        within gzip, ``FILE-EMPTY`` for zero bytes, ``FILE-INFLATES``.
    InputError
        ``INPUT-CHANGED`` where another file lies there now.
    """
    try:
        found = FileSignature.of(path.stat())
        if signature is not None and found != signature:
            raise changed(path, "it has changed since it was found")
        if found.size == 0:
            raise empty(path)
        with _open_bounded(path, most_inflated) as file:
            return _parsed(file, path)
    except OSError as error:
        raise unreadable(path, error) from error


def parse_header(content: bytes, path: Path) -> Dataset:
    """Return the header in the bytes of a file, which may end before its pixels.

    Raises
    ------
    HeaderError
        ``FILE-NOT-DICOM``, ``FILE-COMPRESSED``, ``FILE-INFLATES``.
    """
    return _parsed(MeasuredContent(content, path), path)


def _parsed(file: BinaryIO, path: Path) -> Dataset:
    try:
        with warnings.catch_warnings():
            # Odd values of real scanners are judged by the rules, not here.
            warnings.simplefilter("ignore")
            dataset = dcmread(file, stop_before_pixels=True)
    except PARSER_ERRORS as error:
        raise _something_else(file, path) from error
    except OSError as error:
        if error.errno is not None:
            raise
        # Said by the parser, of what it reads: the system has handed the file over.
        raise _something_else(file, path) from error
    # The bytes that it was read from are let go of: nothing is read later.
    dataset.buffer = None
    if not dataset:
        raise not_dicom(path, "the file holds no DICOM element")
    return dataset


def _something_else(file: BinaryIO, path: Path) -> HeaderError:
    """Return what to say of a file that is no DICOM file as it stands."""
    file.seek(0)
    head = file.read(_PACKED_HEAD)
    if head.startswith(_GZIP):
        with suppress(zlib.error):
            # No more than the mark of DICOM, whatever the file would unfold to.
            unpacked = zlib.decompressobj(_GZIP_WINDOW).decompress(head, _PREAMBLE + len(_MARK))
            if unpacked[_PREAMBLE:] == _MARK:
                return compressed(path)
    return not_dicom(path, "the file is not DICOM")


def _open_bounded(path: Path, most_inflated: int | None) -> BinaryIO:
    """Open a file so that no read reserves more memory than the file has bytes.

    A damaged length field may ask for 4 GB; a plain file would reserve them.
    """
    size = path.stat().st_size
    if size <= WHOLE_FILE_BYTES:
        return MeasuredContent(path.read_bytes(), path, most_inflated)
    return _BoundedFile(path, size, most_inflated)


class _BoundedFile(io.BufferedReader):
    def __init__(self, path: Path, size: int, most_inflated: int | None) -> None:
        super().__init__(io.FileIO(path))
        self._path, self._size, self._most = path, size, most_inflated

    def read(self, size: int | None = -1, /) -> bytes:
        left = max(self._size - self.tell(), 0)
        if size is not None and size >= 0:
            return super().read(min(size, left))
        rest = super().read(left)
        require_measured(rest, self._path, self._most)  # As `MeasuredContent` does.
        return rest
