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

from biomarker_cli.imaging.refusals import not_regular, too_large

Contents = Mapping[Path, bytes | bytearray | memoryview]
"""Bytes of files by their paths, as `files_of_image` returns them."""

MOST_BYTES = 4 * 1024**3
"""Voxels of an image take at most so many bytes: 2,000 slices of 1024 x 1024 in 16 bits."""

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


def read_regular(path: Path) -> bytearray:
    """Return the content of a regular file, read once.

    Raises
    ------
    ImageFileError
        ``FILE-NOT-REGULAR``; ``IMAGE-FILE-TOO-LARGE`` above `MOST_BYTES`.
    OSError
        Where it cannot be read.
    """
    require_regular(path)
    with open(path, "rb", buffering=0, opener=_without_waiting) as file:
        status = require_regular(path, os.fstat(file.fileno()))
        if status.st_size > MOST_BYTES:
            raise too_large(path, f"{status.st_size} bytes, at most {MOST_BYTES} are read")
        return _filled(file, status.st_size)


def _filled(file: FileIO, size: int) -> bytearray:
    content = bytearray(size)
    with memoryview(content) as view:
        end = 0
        while end < size and (n := file.readinto(view[end:])):
            end += n
    del content[end:]
    return content


def _without_waiting(path: str, flags: int) -> int:
    # A pipe that takes the place of the file in between must not hold us.
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def content_of(path: Path, contents: Contents | None) -> memoryview:
    """Return the bytes of a file: those given, or those on the disk where none are given.

    Raises
    ------
    ImageFileError
        ``FILE-NOT-REGULAR``, ``IMAGE-FILE-TOO-LARGE``.
    """
    return memoryview(read_regular(path) if contents is None else contents[path])
