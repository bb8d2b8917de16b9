"""Write files of ours: each is the old one or the new one, never half of one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

PRIVATE_MODE = 0o600
"""Of a file that its owner alone may read."""

PUBLIC_MODE = 0o666

PART_SUFFIX = ".part"
"""Ending of what a writer that died has left behind."""


def part_of(path: Path) -> Path:
    """Return a name beside a file that is written under it first; nobody else has it."""
    return path.with_name(f".{path.name}.{os.urandom(4).hex()}{PART_SUFFIX}")


def write_part(part: Path, content: bytes, mode: int = PUBLIC_MODE) -> None:
    """Write a file that is about to get its name, so that it survives a power cut."""
    with _new_file(part, mode) as stream:
        stream.write(content)


def write_beside(path: Path, content: bytes) -> Path:
    """Write a file under another name beside its own, and return that.

    Raises
    ------
    OSError
        Where it cannot be written; nothing of it is left then.
    """
    part = part_of(path)
    try:
        write_part(part, content)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return part


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Yield a stream; what was written to it becomes the file when the block ends.

    Where the block raises, the file is as it was.

    Parameters
    ----------
    path : Path
        In a folder that exists. A file of the name is replaced; a link stays, and what
        it leads to is replaced; a device or a pipe takes what is written as it comes.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as stream:
            yield stream
        return
    path = Path(os.path.realpath(path))
    part = part_of(path)
    try:
        with _new_file(part, PUBLIC_MODE) as stream:
            yield stream
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def replace_file(path: Path, content: bytes) -> None:
    """Write a file anew, as `whole_file` does."""
    with whole_file(path) as stream:
        stream.write(content)


@contextmanager
def _new_file(path: Path, mode: int) -> Iterator[BinaryIO]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as stream:
        yield stream
        stream.flush()
        os.fsync(stream.fileno())
