"""The bytes of a file: read once, from regular files only, within a bound.

Whoever has the bytes of a file already (to digest them) hands them on as
`Contents`, so that what is measured is what was digested.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from io import FileIO
from pathlib import Path

import numpy as np

from biomarker_cli.imaging.refusals import not_regular, too_large

Contents = Mapping[Path, bytes | bytearray | memoryview]
"""Bytes of files by their paths, as `files_of_image` returns them."""

MOST_BYTES = 4 * 1024**3
"""Voxels of an image take at most so many bytes: 2,000 slices of 1024 x 1024 in 16 bits."""

MOST_HEADER_BYTES = 16 * 1024**2
"""The text header of a segmentation with thousands of segments is smaller."""

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def require_regular(path: Path, status: os.stat_result | None = None) -> os.stat_result:
    """Return the status of a file; refuse what may never end or never begin.

    Parameters
    ----------
    path : Path
        Links are followed.
    status : os.stat_result, optional
        Where it is known already.

    Raises
    ------
    ImageFileError
        ``FILE-NOT-REGULAR`` for a pipe, a socket, a device or a folder.
    OSError
        Where there is nothing, or it may not be looked at.
    """
    status = status or path.stat()
    if stat.S_ISREG(status.st_mode):
        return status
    kinds = (name for is_kind, name in _KINDS if is_kind(status.st_mode))
    raise not_regular(path, next(kinds, "something else"))


def read_regular(path: Path, first: int | None = None) -> memoryview:
    """Return the content of a regular file, read once, writable.

    Parameters
    ----------
    path : Path
    first : int, optional
        Only so many bytes, from the beginning.

    Raises
    ------
    ImageFileError
        ``FILE-NOT-REGULAR``; ``IMAGE-FILE-TOO-LARGE`` for all of a file above `MOST_BYTES`.
    OSError
        Where it cannot be read.
    """
    require_regular(path)
    with open(path, "rb", buffering=0, opener=_without_waiting) as file:
        status = require_regular(path, os.fstat(file.fileno()))
        if first is None and status.st_size > MOST_BYTES:
            raise too_large(path, f"{status.st_size} bytes, at most {MOST_BYTES} are read")
        return _filled(file, min(status.st_size, first or MOST_BYTES))


def _filled(file: FileIO, size: int) -> memoryview:
    # Unlike a bytearray, which is filled with zeros first.
    content = np.empty(size, dtype=np.uint8).data
    end = 0
    while end < size and (n := file.readinto(content[end:])):
        end += n
    return content[:end]


def _without_waiting(path: str, flags: int) -> int:
    # A pipe that takes the place of the file in between must not hold us.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def content_of(path: Path, contents: Contents | None, first: int | None = None) -> memoryview:
    """Return the bytes of a file: those given, or those on the disk where none are given.

    Parameters
    ----------
    path : Path
    contents : mapping or None
    first : int, optional
        Only so many bytes, from the beginning.

    Raises
    ------
    ImageFileError
        ``FILE-NOT-REGULAR``, ``IMAGE-FILE-TOO-LARGE``.
    """
    if contents is None:
        return read_regular(path, first)
    return memoryview(contents[path])[:first]
