"""Where the cohort of a run folder is kept between runs: a database in the user's cache."""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
from pathlib import Path

_FORMAT = 2

TABLES = (
    "CREATE TABLE IF NOT EXISTS cases (number INTEGER PRIMARY KEY, case_id TEXT UNIQUE, "
    "place INTEGER, pass INTEGER, mark TEXT, own_refusal TEXT, own_flags TEXT, survey TEXT, "
    "action TEXT DEFAULT '', reason TEXT DEFAULT '', kept TEXT DEFAULT '', "
    "distrusted INTEGER DEFAULT 0, status TEXT, head TEXT, seal TEXT, log TEXT, "
    "survey_sum INTEGER, result_sum INTEGER)",
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

_SUMS = (
    "COUNT(*), SUM(number), SUM((value & 4294967295) + (value >> 32)), "
    "SUM((owner & 4294967295) + (owner >> 32)), SUM((value & 65535) * "
    "(kind IN ('instance', 'study', 'frame', 'patient', 'pixels')))"
)
_MARKS = tuple(
    f"SELECT {_SUMS} FROM marks {way}"  # noqa: S608 - names of ours
    for way in ("WHERE kind > ''", "INDEXED BY marks_of")
)
"""SQLite holds the marks twice, by their key and by `marks_of`: no bit turns in both."""


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
        if not fresh:
            _require_sound(connection)
        for table in TABLES:
            connection.execute(table)
        connection.execute(
            "INSERT OR REPLACE INTO about VALUES ('folder', ?)", (str(folder.absolute()),)
        )
    except (OSError, ValueError, sqlite3.Error) as error:
        if connection is not None:
            connection.close()
        # ValueError: a message of SQLite that quotes what is damaged is no text.
        if not isinstance(error, (OSError, sqlite3.OperationalError)):
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)
        return None
    return connection


def _require_sound(connection: sqlite3.Connection) -> None:
    """Raise where pages are damaged: it would come out in the middle of a run, or not at all.

    A bit that turns in a text is seen by its check sum (`sum_of`).

    Raises
    ------
    sqlite3.DatabaseError
    """
    try:
        found = connection.execute("PRAGMA quick_check(1)").fetchone()
        made = {sql for (sql,) in connection.execute("SELECT sql FROM sqlite_master") if sql}
        if made:
            # Of all tables it would take a minute where there are millions of marks.
            cases = connection.execute("PRAGMA integrity_check(cases)").fetchone()
            one, other = (connection.execute(sums).fetchone() for sums in _MARKS)
            if cases != ("ok",) or one != other:
                raise sqlite3.DatabaseError("damaged")
    except sqlite3.OperationalError as error:  # text that is none
        raise sqlite3.DatabaseError("damaged") from error
    # One that was made and not begun has no tables yet.
    if found != ("ok",) or (made and made != {t.replace(" IF NOT EXISTS", "") for t in TABLES}):
        raise sqlite3.DatabaseError("damaged")


def sum_of(*values: str | bytes | None) -> int:
    """Return a check sum of texts: SQLite does not see a bit of a text that is another."""
    digest = hashlib.blake2b(digest_size=8)
    for value in values:
        said = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value or b""
        digest.update(len(said).to_bytes(8, "big") + said)
    return int.from_bytes(digest.digest(), "big", signed=True)


def hash_of(*parts: str) -> int:
    """Return a number that stands for text; of 10 million, two agree once in 400,000 studies."""
    text = "\0".join(parts).encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big", signed=True)


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
