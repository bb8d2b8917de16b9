"""The index: what scans have read, so that unchanged files are not read again.

A cache, nothing more: it can be deleted at any time, and a scan that cannot use
it works without. It lies in the user's cache folder (``BIOMARKER_CACHE_DIR``
names another) and holds paths, UIDs, geometry, times and keyed digests of patient ids,
no names and no ids of patients. A file counts as unchanged while path, size and
time of modification are the same. Several processes may use it at once: SQLite keeps them apart.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from biomarker_cli.catalogue.files import FoundFile
from biomarker_cli.catalogue.pseudonyms import cache_folder

PATIENCE_SECONDS = 5.0
"""How long a scan waits for another one that is writing."""

SETTLING_NS = 2_000_000_000
"""A file changed so recently might change again within one tick of its clock."""

Record = list[Any]


def pack_record(record: Record) -> str:
    """Return a record as JSON; floats come back as they were."""
    return json.dumps(record, separators=(",", ":"))


def unpack_records(texts: Iterable[str]) -> list[Record]:
    """Return the records of some JSON texts: one call is much faster than one for each."""
    records: list[Record] = json.loads(f"[{','.join(texts)}]")
    return records


class FileIndex:
    """Records of files, by path, as far as they are still true.

    Parameters
    ----------
    folder : Path or None
        Where the index lies; None for none at all.
    """

    def __init__(self, folder: Path | None) -> None:
        self._path = None if folder is None else folder / f"files-{_code_version()}.sqlite"

    @classmethod
    def of_user(cls) -> FileIndex:
        """Return the index in the user's cache folder."""
        return cls(cache_folder())

    def known(self, roots: Iterable[str], files: Sequence[FoundFile]) -> dict[str, Record]:
        """Return the records of the files that have not changed.

        Parameters
        ----------
        roots : iterable of str
            Absolute paths that hold all of `files`.
        files : sequence of FoundFile
        """
        stored: dict[bytes, tuple[int, int, str]] = {}
        with self._connection() as connection:
            if connection is None:
                return {}
            for root in roots:
                name = os.fsencode(root)
                # "0" follows "/" in ASCII: everything below a folder.
                rows = connection.execute(
                    "SELECT path, mtime_ns, size, record FROM files "
                    "WHERE path = ? OR (path > ? AND path < ?)",
                    (name, name.rstrip(b"/") + b"/", name.rstrip(b"/") + b"0"),
                )
                stored.update((path, (mtime, size, text)) for path, mtime, size, text in rows)
        paths, texts = [], []
        for file in files:
            mtime, size, text = stored.get(os.fsencode(file.path), (-1, -1, ""))
            if (mtime, size) == (file.mtime_ns, file.size):
                paths.append(file.path)
                texts.append(text)
        try:
            return dict(zip(paths, unpack_records(texts), strict=True))
        except ValueError:
            self._discard()
            return {}

    def remember(self, new: Iterable[tuple[FoundFile, str]]) -> None:
        """Keep records of files, as `pack_record` writes them."""
        settled = time.time_ns() - SETTLING_NS
        rows = [
            (os.fsencode(f.path), f.mtime_ns, f.size, text)
            for f, text in new
            if f.mtime_ns < settled
        ]
        if not rows:
            return
        with self._connection() as connection:
            if connection is not None:
                connection.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", rows)

    def forget(self, roots: Iterable[str], files: Sequence[FoundFile]) -> None:
        """Drop the records of files below the roots that are no longer there."""
        present = {os.fsencode(file.path) for file in files}
        with self._connection() as connection:
            if connection is None:
                return
            for root in roots:
                name = os.fsencode(root).rstrip(b"/")
                rows = connection.execute(
                    "SELECT path FROM files WHERE path > ? AND path < ?",
                    (name + b"/", name + b"0"),
                )
                gone = [row for row in rows if row[0] not in present]
                connection.executemany("DELETE FROM files WHERE path = ?", gone)

    @contextlib.contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection | None]:
        """Yield an open transaction, None where there is no index to be had."""
        connection = None
        if self._path is not None:
            try:
                connection = self._open(self._path)
            except sqlite3.DatabaseError as error:
                if not isinstance(error, sqlite3.OperationalError):
                    self._discard()
            except OSError:
                pass
        if connection is None:
            yield None
            return
        try:
            # The body is run to its end or not at all: nothing is half written.
            with connection:
                yield connection
        except sqlite3.OperationalError:
            pass
        except sqlite3.DatabaseError:
            self._discard()
        finally:
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
            connection.execute(
                "CREATE TABLE IF NOT EXISTS files "
                "(path BLOB PRIMARY KEY, mtime_ns INTEGER, size INTEGER, record TEXT) WITHOUT ROWID"
            )
        except (sqlite3.Error, OSError):
            connection.close()
            raise
        return connection

    def _discard(self) -> None:
        if self._path is not None:
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)

    @staticmethod
    def _drop_older(path: Path) -> None:
        for other in path.parent.glob("files-*.sqlite"):
            if other != path:
                with contextlib.suppress(OSError):
                    other.unlink()


def _code_version() -> str:
    """Return a digest of the code that makes the records: new code, new index."""
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for source in (*sorted((here.parent / "dicom").glob("*.py")), here / "instances.py"):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]
