"""The index: what scans have read, so that unchanged files are not read again.

A cache, nothing more: it can be deleted at any time, and a scan that cannot use
it works without. It keeps what was read of each file, and what volumes the files
of a series made: while none of them changes, nothing is worked out again. It
lies in the user's cache folder (``BIOMARKER_CACHE_DIR`` names another) and holds
paths, UIDs, geometry, times, height and weight, and keyed digests of who a patient
is, but no names and no ids of patients. A file counts as unchanged while its path and
its whole signature (size, times of modification and change, inode) are the same.
Several processes may use it at once: SQLite keeps them apart.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from biomarker_cli.catalogue.candidate import VolumeCandidate
from biomarker_cli.catalogue.check_sums import check_sum, record_sums
from biomarker_cli.catalogue.files import FoundFile
from biomarker_cli.catalogue.pseudonyms import cache_folder, user_key
from biomarker_cli.catalogue.records import FileRecord, unpack_candidates
from biomarker_cli.model.inputs import FileRead, FileSignature

PATIENCE_SECONDS = 5.0
"""How long a scan waits for another one that is writing."""

_SIGNATURE = "size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER, inode INTEGER"

_TABLES = (
    f"CREATE TABLE IF NOT EXISTS files (path BLOB PRIMARY KEY, {_SIGNATURE}, "
    "series TEXT, series_sum INTEGER, record TEXT, record_sum INTEGER) WITHOUT ROWID",
    f"CREATE TABLE IF NOT EXISTS digests (path BLOB PRIMARY KEY, {_SIGNATURE}, "
    "sha256 TEXT, pixels TEXT, sum INTEGER) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS volumes (series TEXT PRIMARY KEY, files BLOB, candidates TEXT, "
    "sum INTEGER) WITHOUT ROWID",
)


_PAGE_BYTES = 16_384

_SELECT_RECORD = (
    "SELECT series, record, record_sum FROM files "
    "WHERE path = ? AND size = ? AND mtime_ns = ? AND ctime_ns = ? AND inode = ?"
)
_SELECT_DIGESTS = (
    "SELECT sha256, pixels, sum FROM digests "
    "WHERE path = ? AND size = ? AND mtime_ns = ? AND ctime_ns = ? AND inode = ?"
)


class FileIndex:
    """Records of files, by path, as far as they are still true.

    Parameters
    ----------
    folder : Path or None
        Where the index lies; None for none at all.
    trusted : bool
        Whether what is kept is asked for; it is kept anew in any case.
    """

    def __init__(self, folder: Path | None, *, trusted: bool = True) -> None:
        self._name = f"files-{_code_version()}-{key_version()}.sqlite"
        self._path = None if folder is None else folder / self._name
        self._trusted = trusted
        self._held: sqlite3.Connection | None = None
        self._inode = 0

    @classmethod
    def of_user(cls, *, trusted: bool = True) -> FileIndex:
        """Return the index in the user's cache folder."""
        return cls(cache_folder(), trusted=trusted)

    @property
    def name(self) -> str:
        """What tells this index from one of another code or another user's key."""
        return self._name

    @property
    def folder(self) -> Path | None:
        """Where it lies; None for none at all."""
        return None if self._path is None else self._path.parent

    @property
    def is_trusted(self) -> bool:
        """Whether what is kept is asked for."""
        return self._trusted

    def untrusted(self) -> FileIndex:
        """Return the same index, which is asked nothing and keeps what is read anew."""
        return FileIndex(None if self._path is None else self._path.parent, trusted=False)

    def known(self, roots: Iterable[str], files: Sequence[FoundFile]) -> dict[str, str]:
        """Return the series of the files that have not changed, by path.

        Parameters
        ----------
        roots : iterable of str
            Absolute paths that hold all of `files`.
        files : sequence of FoundFile
        """
        stored: dict[bytes, tuple[FileSignature, str]] = {}
        with self._connection() as connection:
            if connection is None or not self._trusted:
                return {}
            for root in roots:
                name = os.fsencode(root)
                # "0" follows "/" in ASCII: everything below a folder.
                rows = connection.execute(
                    "SELECT path, size, mtime_ns, ctime_ns, inode, series, series_sum FROM files "
                    "WHERE path = ? OR (path > ? AND path < ?)",
                    (name, name.rstrip(b"/") + b"/", name.rstrip(b"/") + b"0"),
                )
                stored.update(
                    (path, (FileSignature(*kept), series))
                    for path, *kept, series, found in rows
                    if found == check_sum(series, path)
                )
        if not stored:
            return {}
        known = {}
        for file in files:
            signature, series = stored.get(os.fsencode(file.path), (None, ""))
            if signature == file.signature:
                known[file.path] = series
        return known

    def records(self, files: Iterable[FoundFile]) -> dict[str, FileRecord]:
        """Return the records of files as far as they are known and whole, by path."""
        found: dict[str, FileRecord] = {}
        with self._connection() as connection:
            if connection is None:
                return {}
            for file in files:
                name = os.fsencode(file.path)
                rows = connection.execute(_SELECT_RECORD, (name, *file.signature))
                found.update(
                    (file.path, FileRecord(series, record))
                    for series, record, kept in rows
                    if kept == check_sum(series, name, record)
                )
        return found

    def volumes(self, digests: Mapping[str, bytes]) -> dict[str, list[VolumeCandidate]]:
        """Return the candidates of the series whose files are those that made them.

        Parameters
        ----------
        digests : mapping
            Series -> `files_digest` of its files.
        """
        found: dict[str, list[VolumeCandidate]] = {}
        try:
            with self._connection() as connection:
                if connection is None or not self._trusted:
                    return {}
                for series, digest in digests.items():
                    rows = connection.execute(
                        "SELECT candidates, sum FROM volumes WHERE series = ? AND files = ?",
                        (series, digest),
                    )
                    found.update(
                        (series, unpack_candidates(text))
                        for text, kept in rows
                        if kept == check_sum(series, digest, text)
                    )
        except (KeyError, TypeError, ValueError):
            self.discard()
            return {}
        return found

    def remember(self, new: Iterable[tuple[FoundFile, FileRecord]]) -> None:
        """Keep records of files that were settled when they were read."""
        rows = [_file_row(file, record) for file, record in new]
        if not rows:
            return
        with self._connection() as connection:
            if connection is not None:
                connection.executemany(
                    "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows
                )

    def remember_volumes(self, new: Sequence[tuple[str, bytes, str]]) -> None:
        """Keep what the files of some series made: series, `files_digest`, packed candidates."""
        if not new:
            return
        rows = [(*row, check_sum(*row)) for row in new]
        with self._connection() as connection:
            if connection is not None:
                connection.executemany("INSERT OR REPLACE INTO volumes VALUES (?, ?, ?, ?)", rows)

    def digests(self, files: Mapping[Path, FileSignature]) -> dict[Path, FileRead]:
        """Return what was read of files that have not changed since.

        Parameters
        ----------
        files : mapping
            Path -> signature as it is now.
        """
        found: dict[Path, FileRead] = {}
        with self._connection() as connection:
            if connection is None or not self._trusted:
                return {}
            for path, signature in files.items():
                name = os.fsencode(_absolute(path))
                rows = connection.execute(_SELECT_DIGESTS, (name, *signature))
                found.update(
                    (path, FileRead(signature, sha256, pixels))
                    for sha256, pixels, kept in rows
                    if kept == check_sum(name, sha256, pixels)
                )
        return found

    def remember_digests(self, read: Mapping[Path, FileRead]) -> None:
        """Keep what was read of files."""
        rows = [_digests_row(path, one) for path, one in read.items() if one.is_settled]
        if not rows:
            return
        with self._connection() as connection:
            if connection is not None:
                connection.executemany(
                    "INSERT OR REPLACE INTO digests VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows
                )

    def forget(self, roots: Iterable[str], files: Sequence[FoundFile]) -> None:
        """Drop the records of files below the roots that are no longer there."""
        with self._connection() as connection:
            if connection is None:
                return
            kept: list[tuple[bytes]] = []
            for root in roots:
                name = os.fsencode(root).rstrip(b"/")
                kept += connection.execute(
                    "SELECT path FROM files WHERE path > ? AND path < ?",
                    (name + b"/", name + b"0"),
                )
            present = {os.fsencode(file.path) for file in files} if kept else frozenset()
            gone = [row for row in kept if row[0] not in present]
            if not gone:
                return
            connection.executemany("DELETE FROM files WHERE path = ?", gone)
            connection.executemany("DELETE FROM digests WHERE path = ?", gone)
            # Goes over all files, of which a study of thousands of cases has a million.
            connection.execute("DELETE FROM volumes WHERE series NOT IN (SELECT series FROM files)")

    def doubt(self, paths: Iterable[Path]) -> None:
        """Drop all that is known of files that were not what was known of them."""
        names = [(os.fsencode(_absolute(path)),) for path in paths]
        if not names:
            return
        with self._connection() as connection:
            if connection is None:
                return
            connection.executemany(
                "DELETE FROM volumes WHERE series IN (SELECT series FROM files WHERE path = ?)",
                names,
            )
            connection.executemany("DELETE FROM files WHERE path = ?", names)
            connection.executemany("DELETE FROM digests WHERE path = ?", names)

    @contextlib.contextmanager
    def held_open(self) -> Iterator[None]:
        """Open the index once for all that is asked of it in the block.

        Between two questions it is locked for nobody. No process may be forked in the
        block that asks it something.
        """
        self._hold()
        try:
            yield
        finally:
            self._let_go()

    def _hold(self) -> None:
        self._held = self._opened()
        self._inode = 0 if self._held is None else self._inode_now()

    def _inode_now(self) -> int:
        try:
            return 0 if self._path is None else self._path.stat().st_ino
        except OSError:
            return 0

    def _let_go(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            held.close()

    def _opened(self) -> sqlite3.Connection | None:
        if self._path is not None:
            try:
                return self._open(self._path)
            except sqlite3.DatabaseError as error:
                if not isinstance(error, sqlite3.OperationalError):
                    self.discard()
            except UnicodeDecodeError:  # SQLite quotes what is damaged
                self.discard()
            except OSError:
                pass
        return None

    @contextlib.contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection | None]:
        """Yield an open transaction, None where there is no index to be had."""
        if self._held is not None and self._inode_now() != self._inode:
            # Deleted meanwhile: its journal would be taken for that of the one made since.
            self._let_go()
            self._hold()
        connection = self._held or self._opened()
        if connection is None:
            yield None
            return
        try:
            # The body is run to its end or not at all: nothing is half written.
            with connection:
                yield connection
        except sqlite3.OperationalError:
            pass
        except (sqlite3.DatabaseError, UnicodeDecodeError):
            self.discard()
        finally:
            if connection is not self._held:
                connection.close()

    def _open(self, path: Path) -> sqlite3.Connection:
        if not path.parent.is_dir():
            path.parent.mkdir(parents=True, mode=0o700)
        fresh = not path.exists()
        connection = sqlite3.connect(path, timeout=PATIENCE_SECONDS)
        try:
            if fresh:
                path.chmod(0o600)
                self._drop_older(path)
                # A row takes half a kilobyte: on larger pages they are written in 0.8 of the time.
                connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
                # One transaction: the disk is waited for once.
                connection.execute("BEGIN IMMEDIATE")
            for table in _TABLES:
                connection.execute(table)
            connection.commit()
        except (sqlite3.Error, OSError):
            connection.close()
            raise
        return connection

    def discard(self) -> None:
        """Delete the index: it is damaged."""
        self._let_go()
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)

    @staticmethod
    def _drop_older(path: Path) -> None:
        for other in path.parent.glob("files-*.sqlite"):
            if other != path:
                with contextlib.suppress(OSError):
                    other.unlink()


def _file_row(file: FoundFile, record: FileRecord) -> tuple[object, ...]:
    name, (series, text) = os.fsencode(file.path), record
    series_sum, record_sum = record_sums(series, name, text)
    return (name, *file.signature, series, series_sum, text, record_sum)


def _digests_row(path: Path, read: FileRead) -> tuple[object, ...]:
    name = os.fsencode(_absolute(path))
    said = read.sha256, read.pixels
    return (name, *read.signature, *said, check_sum(name, *said))


def _absolute(path: Path) -> str:
    return os.path.abspath(path)  # noqa: PTH100 - the names of the user, links not resolved


def key_version() -> str:
    """Return a digest of the user's key: with another key, digests of patients are others."""
    return hashlib.sha256(b"biomarker index\0" + user_key()).hexdigest()[:12]


def _code_version() -> str:
    """Return a digest of the code that makes what is kept: new code, new index."""
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for folder in (here, here.parent / "dicom"):
        for source in sorted(folder.glob("*.py")):
            digest.update(source.read_bytes())
    return digest.hexdigest()[:12]
