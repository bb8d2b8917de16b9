"""The bytes of a file: read once, from regular files only, within a bound.

Whoever has the bytes of a file already (to digest them) hands them on as
`Contents`, so that what is measured is what was digested.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from io import FileIO
from pathlib import Path

import numpy as np

from biomarker_cli.model.inputs import MOST_BYTES, require_regular, require_size

Contents = Mapping[Path, bytes | bytearray | memoryview]
"""Bytes of files by their paths, as `files_of_image` returns them."""

MOST_HEADER_BYTES = 16 * 1024**2
"""The text header of a segmentation with thousands of segments is smaller."""


def read_regular(path: Path, first: int | None = None) -> memoryview:
    """Return the content of a regular file, read once, writable.

    Parameters
    ----------
    path : Path
    first : int, optional
        Only so many bytes, from the beginning.

    Raises
    ------
    InputError
        ``FILE-NOT-REGULAR``, ``FILE-TOO-LARGE``.
    OSError
        Where it cannot be read.
    """
    require_regular(path)
    with open(path, "rb", buffering=0, opener=_without_waiting) as file:
        status = require_regular(path, os.fstat(file.fileno()))
        if first is None:
            require_size(path, status.st_size)
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
    InputError
        ``FILE-NOT-REGULAR``, ``FILE-TOO-LARGE``.
    """
    if contents is None:
        return read_regular(path, first)
    return memoryview(contents[path])[:first]
