"""One run at a time in one folder; the shards of a run beside each other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from biomarker_cli.study.errors import StudyError

try:
    import fcntl
except ImportError:  # no POSIX: two runs at once are then the user's to avoid
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"


@contextmanager
def exclusive(folder: Path, name: str = LOCK) -> Iterator[None]:
    """Hold a folder alone; the system lets go of it however the process ends.

    Parameters
    ----------
    folder : Path
    name : str
        Of the lock: a folder may have several.

    Raises
    ------
    StudyError
        ``RUN-BUSY`` where another process holds it, ``RUN-NO-LOCKS`` where the file system
        has none.
    """
    with _held(folder, name, alone=True):
        yield


@contextmanager
def beside_others(folder: Path, name: str = LOCK) -> Iterator[None]:
    """Hold a folder so that others may hold it as well, but nobody alone.

    Raises
    ------
    StudyError
        As `exclusive` does.
    """
    with _held(folder, name, alone=False):
        yield


@contextmanager
def _held(folder: Path, name: str, *, alone: bool) -> Iterator[None]:
    # Nothing is cut: the name may be a link, and what it leads to somebody else's.
    with (folder / name).open("a") as stream:
        if fcntl is not None:
            kind = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
            try:
                fcntl.flock(stream, kind | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StudyError(
                    "RUN-BUSY",
                    f"another run is writing into {folder.parent}",
                    hint="Wait for it to end, or choose another folder with -o.",
                ) from error
            except OSError as error:
                raise StudyError(
                    "RUN-NO-LOCKS",
                    f"the file system of {folder.parent} has no locks ({error.strerror}), so that "
                    "two runs could write over each other",
                    hint="Choose a folder on another file system with -o, or have it mounted "
                    "with locks.",
                ) from error
        yield
