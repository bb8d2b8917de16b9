"""Zip files of ours: the same bytes for the same files, whoever writes them, and when."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import BinaryIO

ODD_FIELDS = (
    *(ArithmeticError, LookupError, NotImplementedError),
    *(RuntimeError, ValueError, struct.error),
)
"""What the library raises, beside its own errors, for fields that make no sense or a password."""

# What a zip file can say at the earliest: no clock is in one of ours.
_NO_TIME = (1980, 1, 1, 0, 0, 0)
_UNIX = 3
_MODE = stat.S_IFREG | 0o644


def zip_bytes(files: Mapping[str, bytes]) -> bytes:
    """Return a zip file: names sorted, no dates, no owners.

    Parameters
    ----------
    files : mapping
        Name in the archive -> content.
    """
    stream = io.BytesIO()
    write_zip(stream, {name: partial(bytes, content) for name, content in files.items()})
    return stream.getvalue()


def write_zip(
    stream: BinaryIO, files: Mapping[str, Callable[[], bytes]], stored: Collection[str] = ()
) -> None:
    """Write a zip file of which one member at a time is in memory.

    Parameters
    ----------
    stream : BinaryIO
    files : mapping
        Name in the archive -> what gives its content, asked once.
    stored : collection of str
        Names of members that are not compressed: they are already, or are images.
    """
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(name, _NO_TIME)
            entry.create_system, entry.external_attr = _UNIX, _MODE << 16
            entry.compress_type = zipfile.ZIP_STORED if name in stored else zipfile.ZIP_DEFLATED
            archive.writestr(entry, content())
