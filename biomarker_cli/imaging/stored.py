"""The bytes of a file: read once, from regular files only, within a bound.

Whoever has the bytes of a file already (to digest them) hands them on as
`Contents`, so that what is measured is what was digested.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from biomarker_cli.model.inputs import read_beginning, read_whole

Contents = Mapping[Path, bytes | bytearray | memoryview]
"""Bytes of files by their paths, as `files_of_image` returns them."""

MOST_HEADER_BYTES = 16 * 1024**2
"""The text header of a segmentation with thousands of segments is smaller."""


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
        ``FILE-NOT-REGULAR``, ``FILE-TOO-LARGE``, ``INPUT-CHANGED``.
    """
    if contents is None:
        return memoryview(read_whole(path)[0] if first is None else read_beginning(path, first))
    return memoryview(contents[path])[:first]
