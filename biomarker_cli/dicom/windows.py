"""Windows on the bytes of a file: on the disk, in memory, or the items of a sequence."""

from __future__ import annotations

import os
from pathlib import Path

from biomarker_cli.dicom.errors import empty, unreadable
from biomarker_cli.model.inputs import FileSignature, changed

CHUNK_BYTES = 16 * 1024
"""Read at a time: most headers are shorter, and the page cache hands it over at once."""

SEQUENCE_CHUNKS = (0, 256 * 1024, 4 * 1024 * 1024, 64 * 1024 * 1024)
"""Read in turn, until it ends, where a sequence does not say how long it is."""

LONGEST_VALUE_KEPT = 64 * 1024
"""Longer values (vendor blobs, icons) are stepped over."""

SHARED_GROUPS, PER_FRAME_GROUPS = 0x52009229, 0x52009230
FUNCTIONAL_GROUPS = frozenset({SHARED_GROUPS, PER_FRAME_GROUPS})
"""Sequences that describe frames: kept where other values would be too long."""


def opened(path: str, signature: FileSignature) -> int:
    """Return a descriptor of a file that was found: the caller closes it.

    Raises
    ------
    HeaderError
        ``FILE-EMPTY``, ``FILE-UNREADABLE``.
    InputError
        ``INPUT-CHANGED`` where it is not the one that was found.
    """
    descriptor = opened_unseen(path, signature)
    try:
        require_found(descriptor, path, signature)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def opened_unseen(path: str, signature: FileSignature) -> int:
    """Return a descriptor, as `opened` does, of what may be another file by now.

    Raises
    ------
    HeaderError
        ``FILE-EMPTY``, ``FILE-UNREADABLE``.
    """
    if signature.size == 0:
        raise empty(Path(path))
    try:
        return os.open(path, os.O_RDONLY)
    except OSError as error:
        raise unreadable(Path(path), error) from error


def require_found(descriptor: int, path: str, signature: FileSignature) -> None:
    """Refuse an open file that is not the one that was found.

    Raises
    ------
    HeaderError
        ``FILE-UNREADABLE``.
    InputError
        ``INPUT-CHANGED``.
    """
    try:
        now = FileSignature.of(os.fstat(descriptor))
    except OSError as error:
        raise unreadable(Path(path), error) from error
    if now != signature:
        raise changed(Path(path), "it has changed since it was found")


class ByteWindow:
    """The part of a file that is looked at."""

    __slots__ = ("base", "bytes", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.base = 0
        self.bytes = self._taken(0, CHUNK_BYTES)

    def _taken(self, position: int, length: int) -> bytes:
        raise NotImplementedError

    def move(self, position: int, length: int = CHUNK_BYTES) -> None:
        """Put the window at a place in the file."""
        self.base = position
        self.bytes = self._taken(position, min(length, self.size - position))

    def read(self, position: int, length: int) -> bytes:
        """Return bytes of the file, fewer at its end."""
        at = position - self.base
        if at >= 0 and at + length <= len(self.bytes):
            return self.bytes[at : at + length]
        return self._taken(position, length)

    def value(self, tag: int, start: int, end: int) -> bytes | None:
        """Return a value, None where it is too long to keep."""
        longest = SEQUENCE_CHUNKS[-1] if tag in FUNCTIONAL_GROUPS else LONGEST_VALUE_KEPT
        return self.read(start, end - start) if end - start <= longest else None


class FileWindow(ByteWindow):
    """A file that is read piece by piece: no more than its header."""

    __slots__ = ("descriptor",)

    def __init__(self, descriptor: int, size: int) -> None:
        self.descriptor = descriptor
        super().__init__(size)

    def _taken(self, position: int, length: int) -> bytes:
        return os.pread(self.descriptor, length, position)


class ContentWindow(ByteWindow):
    """A file that is in memory."""

    __slots__ = ("content",)

    def __init__(self, content: bytes) -> None:
        self.content = content
        super().__init__(len(content))

    def _taken(self, position: int, length: int) -> bytes:
        return self.content[position : position + length]


class Held(ByteWindow):
    """Bytes that are looked at as a whole: the items of a sequence."""

    __slots__ = ()

    def __init__(self, content: bytes) -> None:
        self.size = len(content)
        self.base = 0
        self.bytes = content

    def move(self, position: int, length: int = CHUNK_BYTES) -> None:
        """Do nothing: all there is is in memory."""

    def read(self, position: int, length: int) -> bytes:
        """Return bytes of the content, fewer at its end."""
        return self.bytes[position : position + length]

    def value(self, _tag: int, start: int, end: int) -> bytes | None:
        """Return a value: it is in memory, however long."""
        return self.bytes[start:end]
