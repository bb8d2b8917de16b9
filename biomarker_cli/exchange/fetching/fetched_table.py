"""``fetched.csv``: what became of each series, kept beside the files over several fetches."""

# The annotations of the row are objects: the schema reads them.
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from biomarker_cli.exchange.fetching.errors import SourceError
from biomarker_cli.exchange.uids import is_archive_uid
from biomarker_cli.tables.columns import read_columns
from biomarker_cli.tables.package import DATA_PACKAGE, write_datapackage
from biomarker_cli.tables.rows import about, columns_of
from biomarker_cli.tables.schema import Table
from biomarker_cli.tables.writing import write_table

try:
    import fcntl
except ImportError:  # no POSIX: two fetches that end at once are then the user's to avoid
    fcntl = None  # type: ignore[assignment]

COMPLETE, INCOMPLETE, FAILED = "complete", "incomplete", "failed"


@dataclass(frozen=True, kw_only=True)
class FetchedRow:
    """A row of ``fetched.csv``."""

    study_uid: Annotated[str, about("StudyInstanceUID")]
    series_uid: Annotated[str, about("SeriesInstanceUID")]
    modality: Annotated[str, about("Modality, as the source says")] = ""
    n_expected: Annotated[
        int | None, about("instances that the source lists; empty where it could not be asked")
    ] = None
    n_on_disk: Annotated[int, about("those that are here, whole")] = 0
    n_bytes: Annotated[int, about("size of their files")] = 0
    n_dropped: Annotated[
        int, about("objects that came without being asked for, or twice, and were not kept")
    ] = 0
    status: Annotated[
        str,
        about(
            "complete where each listed instance is here with all its pixel bytes",
            COMPLETE,
            INCOMPLETE,
            FAILED,
        ),
    ]
    error_code: Annotated[str, about("stable code where it is not complete")] = ""


FETCHED = Table(
    "fetched", "series of a source", columns_of(FetchedRow), ("study_uid", "series_uid")
)
"""The table ``fetched.csv`` in the folder of the studies."""

_NUMBERS = ("n_expected", "n_on_disk", "n_bytes", "n_dropped")
_TEXTS = ("study_uid", "series_uid", "modality", "status", "error_code")


def earlier_rows(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of earlier fetches into a folder; none where it holds nothing.

    Raises
    ------
    SourceError
        ``OUTPUT-EXISTS`` where the folder holds tables of something else,
        ``FETCH-PLACE`` where its ``fetched.csv`` is not one.
    TableError
        Where it cannot be read.
    """
    path = folder / FETCHED.file_name
    for one in (path, folder / DATA_PACKAGE):
        if one.is_symlink() or (one.exists() and not one.is_file()):
            raise _no_table(one, "it is a link, or no regular file")
    if not path.exists():
        if (folder / DATA_PACKAGE).exists():
            raise SourceError(
                "OUTPUT-EXISTS",
                f"{folder} holds other tables: {DATA_PACKAGE}",
                hint="Choose another folder with -o.",
            )
        return []
    columns = read_columns(path, _TEXTS, (), _NUMBERS)
    rows = []
    for at in range(len(columns)):
        row: dict[str, Any] = {name: columns.texts[name][at] for name in _TEXTS}
        for name in _NUMBERS:
            number = columns.numbers[name][at]
            row[name] = int(number) if number == number and abs(number) < 2**53 else None
        rows.append(row)
    keys = {(row["study_uid"], row["series_uid"]) for row in rows}
    if len(keys) != len(rows) or not all(is_archive_uid(uid) for key in keys for uid in key):
        raise _no_table(path, "a series stands twice, or is no UID")
    if any(row["status"] not in (COMPLETE, INCOMPLETE, FAILED) for row in rows):
        raise _no_table(path, "a status is none of its words")
    return rows


def _no_table(path: Path, what: str) -> SourceError:
    return SourceError(
        "FETCH-PLACE",
        f"{path} is not what `biomarker fetch` writes: {what}",
        hint="Move it, or choose another folder with -o.",
    )


def write_fetched(rows: Iterable[FetchedRow], folder: Path) -> None:
    """Write the table and its data package; rows of this fetch replace those of others.

    The others are read now, and not when this one began: fetches into one folder may run
    beside each other.

    Raises
    ------
    SourceError
        As `earlier_rows` does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        merged = {(row["study_uid"], row["series_uid"]): row for row in earlier_rows(folder)}
        merged |= {(row.study_uid, row.series_uid): asdict(row) for row in rows}
        write_table(FETCHED, merged.values(), folder)
        write_datapackage([FETCHED], folder, "fetched")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other fetch writes its table, where the file system has locks."""
    if fcntl is None:
        yield
        return
    held = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)
