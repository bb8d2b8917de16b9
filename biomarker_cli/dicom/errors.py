"""Errors of the DICOM room."""

from __future__ import annotations

from pathlib import Path

from biomarker_cli.model.errors import CaseError


class HeaderError(CaseError):
    """A file that is no DICOM, or whose header cannot be read."""


class PixelError(CaseError):
    """Pixel data that cannot be decoded, or do not fit their header."""


def empty(path: Path) -> HeaderError:
    """Return the error for a file of zero bytes."""
    return HeaderError("FILE-EMPTY", "the file has zero bytes", where=path.name)


def cut_short(path: Path, size: int) -> HeaderError:
    """Return the error for a file that ends inside its header."""
    return HeaderError(
        "FILE-TRUNCATED",
        f"the file ends inside its header, after {size} bytes",
        where=path.name,
        hint="Transfer the file again and compare its size.",
    )


def not_dicom(path: Path, found: str) -> HeaderError:
    """Return the error for a file that is something else."""
    return HeaderError("FILE-NOT-DICOM", found, where=path.name)


def compressed(path: Path) -> HeaderError:
    """Return the error for a DICOM file that somebody has packed."""
    return HeaderError(
        "FILE-COMPRESSED",
        "the file is a DICOM file within gzip",
        where=path.name,
        hint="Unpack it (gunzip), and read what comes out.",
    )


def inflates(path: Path, most: int) -> HeaderError:
    """Return the error for a deflated data set that is larger than any that is read."""
    return HeaderError(
        "FILE-INFLATES",
        f"the data set is deflated and would grow to more than {most} bytes",
        where=path.name,
        hint="If it is what you sent, write it without the deflated transfer syntax.",
    )


def unreadable(path: Path, error: OSError) -> HeaderError:
    """Return the error for a file that the system does not hand over."""
    return HeaderError(
        "FILE-UNREADABLE",
        f"the file cannot be read: {error.strerror or 'end of file'}",
        where=path.name,
        hint="Check the permissions and whether the transfer was complete.",
    )
