"""The files that a number is measured from: each opened once, and known by what was read.

A header, the pixels and the digest of a file come from one read of it. What was
planned for a file (its signature, and its digest where somebody has read it before)
is held against what is read: a file that has changed meanwhile is refused by name,
never measured under the digest of another.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path
from typing import Any, NamedTuple

from biomarker_cli.model.errors import CaseError

KEPT_BYTES = 128 * 1024 * 1024
"""Content that planning may keep for the cases that are measured next."""

MADE_BYTES = 32 * 1024
"""A header that is located in its bytes takes about so much."""

MOST_BYTES = 1 << 32
"""No file is taken into memory beyond this: DICOM counts native pixels in 32 bits."""

SETTLING_NS = 2_000_000_000
"""A file changed so recently might change again within one tick of a clock of seconds."""

FINE_SETTLING_NS = 100_000_000
"""The same where the file system counts parts of a second."""

CHANGED = "INPUT-CHANGED"
"""Code of a file that is not what was planned: its case is looked at again."""

_SECOND_NS = 1_000_000_000


class InputError(CaseError):
    """An input cannot be read as it was planned."""


class FileSignature(NamedTuple):
    """What tells, without a look into a file, whether it has changed.

    The time of change (``ctime``) and the inode are those of the system: a copy that
    keeps size and time of modification (``cp -p``, ``rsync -t``) has others.
    """

    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int

    @classmethod
    def of(cls, status: os.stat_result) -> FileSignature:
        """Return the signature in what the system says of a file."""
        return cls(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)

    @property
    def is_settled(self) -> bool:
        """Whether another change would give another signature."""
        latest = max(self.mtime_ns, self.ctime_ns)
        fine = self.ctime_ns % _SECOND_NS != 0
        return latest < time.time_ns() - (FINE_SETTLING_NS if fine else SETTLING_NS)


@dataclass(slots=True)
class FileRead:
    """A file as it was read.

    Attributes
    ----------
    signature : FileSignature
    sha256 : str
    pixels : str
        sha256 of its stored pixels, empty where it is no DICOM image.
    is_settled : bool
        Whether a change since would show in the signature.
    """

    signature: FileSignature
    sha256: str
    pixels: str = ""
    is_settled: bool = True


@dataclass(frozen=True, slots=True)
class KnownFile:
    """What was known of a file before it is measured.

    Attributes
    ----------
    signature : FileSignature
    read : FileRead or None
        What an earlier reading under this signature gave.
    """

    signature: FileSignature
    read: FileRead | None = None


@dataclass(eq=False)
class InputFiles(Mapping[Path, bytes]):
    """Files that are opened once each; by their paths the bytes of those that are known.

    Attributes
    ----------
    known : dict
        Path -> `KnownFile`: what was planned. A file that is not in it may be anything.
    room_bytes : int
        How much may be kept for those who come later.
    read : dict
        Path -> `FileRead`: what was read so far.
    kept_bytes : int
        How much is kept.
    made : dict
        Path -> what a reader has made of the bytes that are kept; it stays in its process.
    """

    known: dict[Path, KnownFile] = field(default_factory=dict)
    room_bytes: int = 0
    read: dict[Path, FileRead] = field(default_factory=dict)
    kept_bytes: int = 0
    made: dict[Path, Any] = field(default_factory=dict, repr=False)
    _content: dict[Path, bytes] = field(default_factory=dict, repr=False)

    def __getitem__(self, path: Path) -> bytes:
        """Return the bytes of a file; see `content`."""
        return self.content(path)

    def __contains__(self, path: object) -> bool:
        """Tell whether a file was planned."""
        return path in self.known

    def __iter__(self) -> Iterator[Path]:
        """Yield the files that were planned."""
        return iter(self.known)

    def __len__(self) -> int:
        """Return how many were planned."""
        return len(self.known)

    def has_room(self, size: int) -> bool:
        """Tell whether a file of this size may be kept for later, with what is made of it."""
        made = len(self._content) * MADE_BYTES
        return self.kept_bytes + made + size + MADE_BYTES <= self.room_bytes

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process may have."""
        return {**self.__dict__, "made": {}}

    def content(self, path: Path) -> bytes:
        """Return the bytes of a file; they are kept until they are `let_go`.

        Raises
        ------
        InputError
            ``INPUT-CHANGED`` where they are not those that were planned,
            ``FILE-TOO-LARGE``, ``FILE-NOT-REGULAR``.
        OSError
            Where the system does not hand the file over.
        """
        found = self._content.get(path)
        if found is None:
            found = self._content[path] = self._take(path)
            self.kept_bytes += len(found)
        return found

    def _take(self, path: Path) -> bytes:
        known = self.known.get(path)
        try:
            content, signature = read_whole(path)
        except FileNotFoundError as error:
            if known is None:
                raise
            raise changed(path, "it is not there any more") from error
        if known is not None and known.signature != signature:
            raise changed(path, "it has changed since the run was planned")
        digest = hashlib.sha256(content).hexdigest()
        before = self.read.get(path) or (known.read if known else None)
        if before is not None and before.sha256 != digest:
            raise changed(path, "its content has changed, though not its signature")
        if path not in self.read:
            pixels = before.pixels if before else ""
            self.read[path] = FileRead(signature, digest, pixels, signature.is_settled)
        return content

    def let_go(self, path: Path) -> None:
        """Keep the bytes of a file no longer; who asks again has it opened again."""
        self.kept_bytes -= len(self._content.pop(path, b""))

    def known_digest(self, path: Path) -> FileRead | None:
        """Return the digests of a file where somebody has read it, None where nobody has."""
        found = self.read.get(path)
        if found is None and path in self.known:
            return self.known[path].read
        return found

    def take_over(self, other: InputFiles) -> None:
        """Take what another has read of the files that are known here, with their bytes."""
        for path, known in self.known.items():
            read = other.read.get(path)
            if read is None or read.signature != known.signature:
                continue
            self.read[path] = read
            content = other._content.get(path)
            if content is not None:
                self._content[path] = content
                self.kept_bytes += len(content)
                if path in other.made:
                    self.made[path] = other.made[path]

    def forget_beyond(self, most: int) -> None:
        """Forget files whose bytes are gone, where more than so many were read or planned."""
        if max(len(self.read), len(self.known)) > most:
            self.read = {path: self.read[path] for path in self._content if path in self.read}
            self.known = {path: self.known[path] for path in self._content if path in self.known}

    def let_all_go(self) -> None:
        """Keep no bytes at all."""
        self._content.clear()
        self.made.clear()
        self.kept_bytes = 0


def read_whole(path: Path) -> tuple[bytes, FileSignature]:
    """Return the bytes of a regular file and its signature, the same before and after.

    Raises
    ------
    InputError
        ``FILE-NOT-REGULAR``, ``FILE-TOO-LARGE``, ``INPUT-CHANGED``.
    OSError
    """
    file, status = _opened(path)
    with file:
        require_size(path, status.st_size)
        signature = FileSignature.of(status)
        content = file.readall()
        now = FileSignature.of(os.fstat(file.fileno()))
    if now != signature or len(content) != signature.size:
        raise changed(path, "it changed while it was read")
    return content, signature


def sha256_of_file(path: Path) -> str:
    """Return the digest of a file of ours, which is read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_beginning(path: Path, most: int) -> bytes:
    """Return so many bytes of a regular file from its beginning, or all where it has less.

    Raises
    ------
    InputError
        ``FILE-NOT-REGULAR``.
    OSError
    """
    file, _ = _opened(path)
    with file:
        return file.read(most)


def _opened(path: Path) -> tuple[FileIO, os.stat_result]:
    """Open a regular file; a pipe would wait for somebody to write into it."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    try:
        status = require_regular(path, os.fstat(descriptor))
    except BaseException:
        os.close(descriptor)
        raise
    return FileIO(descriptor), status


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
    InputError
        ``FILE-NOT-REGULAR`` for a pipe, a socket, a device or a folder.
    OSError
        Where there is nothing, or it may not be looked at.
    """
    status = status or path.stat()
    if not stat.S_ISREG(status.st_mode):
        kinds = (name for is_kind, name in _KINDS if is_kind(status.st_mode))
        raise InputError(
            "FILE-NOT-REGULAR",
            f"expected a regular file, found {next(kinds, 'something else')}",
            where=path.name,
            hint="Copy the data into a file.",
        )
    return status


def require_size(path: Path, size: int) -> None:
    """Refuse a file that no memory should be asked for.

    Raises
    ------
    InputError
        ``FILE-TOO-LARGE`` above `MOST_BYTES`.
    """
    if size > MOST_BYTES:
        raise InputError(
            "FILE-TOO-LARGE",
            f"the file has {size} bytes, at most {MOST_BYTES} are read",
            where=path.name,
            hint="Split it, or check what it is.",
        )


def changed(path: Path, how: str) -> InputError:
    """Return the error for a file that is not what was planned."""
    return InputError(
        CHANGED,
        f"the file is not what was planned: {how}",
        where=path.name,
        hint="Run again when nobody writes to it: the case is measured anew.",
    )
