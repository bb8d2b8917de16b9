"""Archives of protocols: written the same byte by byte, and read as from a stranger.

Members are read into memory within bounds, whatever their headers say; nothing is
ever unpacked by the name that stands in an archive.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from biomarker_cli.model.wording import quoted
from biomarker_cli.model.zip_files import ODD_FIELDS, zip_bytes
from biomarker_cli.protocol.errors import ProtocolError
from biomarker_cli.protocol.yaml_source import MOST_BYTES, read_content

ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz")

_MOST_ARCHIVE_BYTES = 20_000_000
_MOST_MEMBERS = 2_000
_MOST_WHOLE_BYTES = 50_000_000
_MOST_RATIO = 200
"""Of a file to its packed size; the YAML of a protocol packs to a fifth or so."""

_LONGEST_NAME = 300


def is_archive(path: Path) -> bool:
    """Tell whether a path is named as an archive of protocols."""
    return path.name.lower().endswith(ARCHIVE_SUFFIXES)


def read_archive(path: Path) -> dict[str, bytes]:
    """Return the content of each regular file of an archive by its name.

    Raises
    ------
    ProtocolError
        ``SHARE-INVALID`` for what is no archive, a link or a device, a name that is
        absolute, leads upwards or stands twice, and sizes beyond all bounds.
    """
    try:
        content = read_content(path, _MOST_ARCHIVE_BYTES)
    except ProtocolError as error:
        code = "SHARE-NOT-FOUND" if error.code == "PROTOCOL-NOT-FOUND" else "SHARE-INVALID"
        raise ProtocolError(code, error.message, where=path.name) from error
    members = _zip_members if path.name.lower().endswith(".zip") else _tar_members
    found: dict[str, bytes] = {}
    lowered: set[str] = set()
    whole = 0
    try:
        for number, (stored, data) in enumerate(members(content, path.name)):
            _require_name(stored, path.name)
            name = str(PurePosixPath(stored))
            if name.lower() in lowered:
                raise _invalid(f"the name {quoted(name)} stands twice", path.name)
            whole += len(data)
            if number >= _MOST_MEMBERS or whole > _MOST_WHOLE_BYTES:
                raise _invalid("it holds more than any collection of protocols", path.name)
            lowered.add(name.lower())
            found[name] = data
    except (zipfile.BadZipFile, tarfile.TarError, zlib.error, OSError, EOFError) as error:
        raise _invalid("it is no whole archive", path.name) from error
    except ODD_FIELDS as error:
        raise _invalid("it is packed in a way that is not read", path.name) from error
    return found


def _zip_members(content: bytes, name: str) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for member in archive.infolist():
            mode = member.external_attr >> 16
            if mode and (mode & 0o170000) not in (0, 0o100000, 0o040000):
                raise _invalid(f"{quoted(member.filename)} is no regular file", name)
            if member.is_dir():
                continue
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise NotImplementedError(member.compress_type)
            # The stored name is told, not what the library cleans of it.
            with archive.open(member) as stream:
                data = _bounded(stream.read(MOST_BYTES + 1), member.filename, name)
            if len(data) > _MOST_RATIO * max(member.compress_size, 512):
                raise _invalid(f"{quoted(member.filename)} unpacks beyond all bounds", name)
            yield member.orig_filename, data


def _tar_members(content: bytes, name: str) -> Iterator[tuple[str, bytes]]:
    if content[:2] == b"\x1f\x8b":
        most = min(_MOST_WHOLE_BYTES, _MOST_RATIO * max(len(content), 512))
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as packed:
            content = packed.read(most + 1)
        if len(content) > most:
            raise _invalid("it unpacks beyond all bounds", name)
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
        for member in archive:
            if member.isdir():
                continue
            if not member.isreg():
                raise _invalid(f"{quoted(member.name)} is no regular file", name)
            stream = archive.extractfile(member)
            assert stream is not None  # noqa: S101 - it is a regular file
            yield member.name, _bounded(stream.read(MOST_BYTES + 1), member.name, name)


def _bounded(data: bytes, member: str, name: str) -> bytes:
    if len(data) > MOST_BYTES:
        raise _invalid(f"{quoted(member)} is larger than {MOST_BYTES} bytes", name)
    return data


def _require_name(member: str, name: str) -> None:
    """Refuse a name that could mean a file outside of the archive, on any system."""
    parts = PurePosixPath(member).parts
    is_bad = (
        not member.isprintable()
        or len(member) > _LONGEST_NAME
        or member.startswith("/")
        or any(character in member for character in "\\:")
        or ".." in parts
    )
    if is_bad:
        raise _invalid(f"the name {quoted(member)} leads out of it", name)


def _invalid(problem: str, name: str) -> ProtocolError:
    return ProtocolError("SHARE-INVALID", f"the archive cannot be read: {problem}", where=name)


def archive_bytes(files: Mapping[str, bytes], path: Path) -> bytes:
    """Return an archive of files, of the kind that a path is named as.

    The same files give the same bytes: names sorted, no dates, no owners.
    """
    if path.name.lower().endswith(".zip"):
        return zip_bytes(files)
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in sorted(files.items()):
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(data), 0o644
            tar.addfile(member, io.BytesIO(data))
    whole = stream.getvalue()
    return whole if path.name.lower().endswith(".tar") else gzip.compress(whole, mtime=0)
