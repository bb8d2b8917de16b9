"""Archives of another centre: written the same each time, read without being unpacked.

Nothing in an archive names a path here: its members are read into memory, one at a time,
within what the archive says of their size. What a tool of ours would not write (links,
folders, absolute or double names, another compression, a bomb) is refused whole.
"""

from __future__ import annotations

import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from biomarker_cli.exchange.errors import BundleError
from biomarker_cli.model.file_names import DEVICE
from biomarker_cli.model.wording import quoted
from biomarker_cli.model.zip_files import ODD_FIELDS, write_zip

MOST_MEMBERS = 100_000
MOST_MEMBER_BYTES = 512 * 1024 * 1024
MOST_JSON_BYTES = 64 * 1024 * 1024
"""It is taken into memory whole, as objects that are larger than their text."""

MOST_BYTES = 4 * 1024 * 1024 * 1024
MOST_RATIO = 250
"""Text of tables shrinks to a fiftieth; a bomb to less than a thousandth."""

_SMALL_BYTES = 1024 * 1024
"""A ratio says nothing of less."""

_LONGEST_NAME = 300
_NAME = re.compile(r"[A-Za-z0-9_@+-][A-Za-z0-9._@+-]*(?:/[A-Za-z0-9_@+-][A-Za-z0-9._@+-]*)*")
_ENCRYPTED = 0x1

_HEAD, _ENTRY, _ENDS = 30, 46, (22, 98)
"""Bytes before a name in a header and in the directory, and at the end: plain, of 64 bits."""

_LENGTHS_AT, _FAR = 26, 2**31 - 1
"""Where a header tells the lengths of name and extra field; the last offset of 32 bits."""


def is_member_name(name: str) -> bool:
    """Tell whether a member may be called so, on any system: plain words with slashes."""
    if len(name) > _LONGEST_NAME or _NAME.fullmatch(name) is None:
        return False
    return not any(DEVICE.match(part) or part.endswith(".") for part in name.split("/"))


def write_archive(
    stream: BinaryIO, members: Mapping[str, Callable[[], bytes]], stored: Collection[str] = ()
) -> None:
    """Write a zip file of members: the same bytes for the same members.

    Parameters
    ----------
    stream : BinaryIO
    members : mapping
        Name in the archive -> what gives its content.
    stored : collection of str
        Members that are not compressed.

    Raises
    ------
    ValueError
        Where a name is none for a member.
    """
    for name in members:
        if not is_member_name(name):
            raise ValueError(f"no name for a member: {name!r}")
    write_zip(stream, members, stored)


class PlainArchive:
    """A zip file whose members are plain, each once.

    Parameters
    ----------
    path : Path

    Raises
    ------
    BundleError
        ``BUNDLE-NOT-FOUND``, ``BUNDLE-UNREADABLE`` where it is no zip file or cannot be read,
        ``BUNDLE-UNSAFE`` where a tool of ours would not have written it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        if not path.is_file():
            raise BundleError("BUNDLE-NOT-FOUND", f"no such file: {path}", hint="Check its name.")
        try:
            self._zip = zipfile.ZipFile(path)
            entries = self._zip.infolist()
        except (OSError, zipfile.BadZipFile, *ODD_FIELDS) as error:
            raise self._unreadable("it is no zip file, or it is cut short") from error
        self._entries = {entry.filename: entry for entry in entries}
        try:
            self._require_plain(entries)
        except BundleError:
            self.close()
            raise

    def __enter__(self) -> PlainArchive:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._zip.close()

    @property
    def names(self) -> list[str]:
        """Names of the members, sorted."""
        return sorted(self._entries)

    def read(self, name: str) -> bytes:
        """Return the content of a member.

        Raises
        ------
        BundleError
            ``BUNDLE-UNREADABLE`` where it is damaged.
        KeyError
            Where there is none of that name.
        """
        entry = self._entries[name]
        try:
            with self._zip.open(entry) as stream:
                content = _at_most(stream, entry.file_size)
        except (OSError, EOFError, zipfile.BadZipFile, zlib.error, *ODD_FIELDS) as error:
            raise self._unreadable(f"{name} is damaged") from error
        if len(content) != entry.file_size:
            raise self._unreadable(f"{name} has another length than the archive says")
        return content

    def _require_plain(self, entries: list[zipfile.ZipInfo]) -> None:
        if len(entries) > MOST_MEMBERS:
            raise self._unsafe(f"it has {len(entries)} members, more than {MOST_MEMBERS}")
        folded = {name.casefold() for name in self._entries}
        if len(folded) != len(entries):
            raise self._unsafe("two members have one name")
        if folded & {str(above) for name in folded for above in PurePosixPath(name).parents}:
            raise self._unsafe("a member is the folder of another one")
        if self._zip.comment or any(map(_has_own_words, entries)):
            raise self._unsafe("it has comments or fields of its own")
        for entry in entries:
            if why := _why_unsafe(entry):
                raise self._unsafe(f"{quoted(entry.filename)} {why}")
        # Members that share their bytes would grow beyond any ratio.
        packed = sum(entry.compress_size for entry in entries)
        if packed > self._path.stat().st_size:
            raise self._unsafe("its members overlap")
        if sum(entry.file_size for entry in entries) > MOST_BYTES:
            raise self._unsafe(f"its members are more than {MOST_BYTES} bytes")
        self._require_nothing_between(entries)

    def _require_nothing_between(self, entries: list[zipfile.ZipInfo]) -> None:
        """Refuse bytes that are of no member: no digest is of them, and they may say anything."""
        at = 0
        try:
            with self._path.open("rb") as stream:
                for entry in sorted(entries, key=lambda one: one.header_offset):
                    n_name = len(entry.filename)
                    stream.seek(at + _LENGTHS_AT)
                    lengths = stream.read(4)
                    if entry.header_offset != at or lengths != struct.pack("<HH", n_name, 0):
                        raise self._unsafe("bytes of no member stand between its members")
                    at += _HEAD + n_name + entry.compress_size
        except OSError as error:
            raise self._unreadable("it cannot be read") from error
        listed = sum(_ENTRY + len(entry.filename) + len(entry.extra) for entry in entries)
        if self._path.stat().st_size - at - listed not in _ENDS:
            raise self._unsafe("bytes of no member stand behind its members")

    def _unreadable(self, why: str) -> BundleError:
        return BundleError(
            "BUNDLE-UNREADABLE",
            f"the bundle cannot be read: {why}",
            where=str(self._path),
            hint="Ask for it again: a bundle is one file, which arrives whole or not at all.",
        )

    def _unsafe(self, why: str) -> BundleError:
        return BundleError(
            "BUNDLE-UNSAFE",
            f"the archive is not one that `biomarker bundle` writes: {why}",
            where=str(self._path),
            hint="Nothing of it was unpacked. Ask its sender what made it.",
        )


def _has_own_words(entry: zipfile.ZipInfo) -> bool:
    """Tell of a comment or an extra field but the one that says an offset beyond 2 GiB."""
    far = struct.pack("<HHQ", 1, 8, entry.header_offset) if entry.header_offset > _FAR else b""
    return bool(entry.comment) or entry.extra not in {b"", far}


def _why_unsafe(entry: zipfile.ZipInfo) -> str:
    mode = entry.external_attr >> 16
    if not is_member_name(entry.filename):
        return "is no plain name"
    # What the bytes of the name were: some tools see another one behind a zero.
    if entry.orig_filename != entry.filename:
        return "has two names"
    if mode and not stat.S_ISREG(mode):
        return "is a link or no file"
    if entry.flag_bits & _ENCRYPTED:
        return "is encrypted"
    if entry.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        return "is compressed in another way"
    most = MOST_JSON_BYTES if entry.filename.endswith(".json") else MOST_MEMBER_BYTES
    if entry.file_size > most:
        return f"has {entry.file_size} bytes, more than {most}"
    if entry.file_size > _SMALL_BYTES and entry.file_size > MOST_RATIO * entry.compress_size:
        return f"would grow more than {MOST_RATIO} times"
    return ""


def _at_most(stream: IO[bytes], size: int) -> bytes:
    """Return what a stream gives, at most one byte more than was said."""
    return stream.read(size + 1)
