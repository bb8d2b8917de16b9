"""Read headers without their pixel data."""

from __future__ import annotations

import struct
import warnings
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from biomarker_cli.dicom.errors import HeaderError


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
            dataset = dcmread(path, stop_before_pixels=True)
    except OSError as error:
        raise HeaderError(
            "FILE-UNREADABLE",
            f"the file cannot be read: {error.strerror or 'end of file'}",
            where=path.name,
            hint="Check the permissions and whether the transfer was complete.",
        ) from error
    except (InvalidDicomError, struct.error, ValueError, KeyError, NotImplementedError) as error:
        raise HeaderError("FILE-NOT-DICOM", "the file is not DICOM", where=path.name) from error
    if not dataset:
        raise HeaderError("FILE-NOT-DICOM", "the file holds no DICOM element", where=path.name)
    return dataset
