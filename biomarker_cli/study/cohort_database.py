"""Where the cohort of a run folder is kept between runs: a database in the user's cache."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
from pathlib import Path

_FORMAT = 1

TABLES = (
    "CREATE TABLE IF NOT EXISTS cases (number INTEGER PRIMARY KEY, case_id TEXT UNIQUE, "
    "place INTEGER, pass INTEGER, mark TEXT, own_refusal TEXT, own_flags TEXT, survey TEXT, "
    "action TEXT DEFAULT '', reason TEXT DEFAULT '', kept TEXT DEFAULT '', "
    "distrusted INTEGER DEFAULT 0, status TEXT, head TEXT, seal TEXT, log TEXT)",
    "CREATE INDEX IF NOT EXISTS by_place ON cases (place)",
    "CREATE TABLE IF NOT EXISTS marks (kind TEXT, value INTEGER, owner INTEGER, number INTEGER, "
    "PRIMARY KEY (kind, value, owner, number)) WITHOUT ROWID",
    "CREATE INDEX IF NOT EXISTS marks_of ON marks (number, kind)",
    "CREATE TABLE IF NOT EXISTS findings (number INTEGER, rank INTEGER, code TEXT, message TEXT, "
    "place TEXT, hint TEXT, PRIMARY KEY (number, rank)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS flags (number INTEGER, flag TEXT, PRIMARY KEY (number, flag)) "
    "WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID",
)
_PATIENCE_S = 2.0


def kept_database(folder: Path, cache: Path) -> sqlite3.Connection | None:
    """Return the database of the folder of a run in a cache, None where there is none."""
    name = hashlib.sha256(os.fsencode(folder.absolute())).hexdigest()[:24]
    path = cache / "cohorts" / f"{name}-{_FORMAT}.sqlite"
    connection = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = not path.exists()
        connection = sqlite3.connect(path, timeout=_PATIENCE_S)
        if fresh:
            path.chmod(0o600)
            _drop_orphans(path)
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("BEGIN IMMEDIATE")
        for table in TABLES:
            connection.execute(table)
        connection.execute(
            "INSERT OR REPLACE INTO about VALUES ('folder', ?)", (str(folder.absolute()),)
        )
    except (OSError, sqlite3.Error) as error:
        if connection is not None:
            connection.close()
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(
            error, sqlite3.OperationalError
        ):
            path.unlink(missing_ok=True)
        return None
    return connection


def _drop_orphans(path: Path) -> None:
    """Delete the databases of folders that are gone."""
    for other in path.parent.glob("*.sqlite"):
        if other == path:
            continue
        with contextlib.suppress(OSError, sqlite3.Error):
            connection = sqlite3.connect(f"file:{other}?mode=ro", uri=True, timeout=0)
            try:
                row = connection.execute("SELECT value FROM about WHERE name = 'folder'").fetchone()
            finally:
                connection.close()
            if row is None or not Path(row[0]).is_dir():
                other.unlink()
