"""One run at a time in one folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from biomarker_cli.study.errors import StudyError

try:
    import fcntl
except ImportError:  # no POSIX: two runs at once are then the user's to avoid
    fcntl = None  # type: ignore[assignment]


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold a folder; the system lets go of it however the process ends.

    Raises
    ------
    StudyError
        ``RUN-BUSY`` where another process holds it.
    """
    with (folder / ".lock").open("w") as stream:
        if fcntl is not None:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StudyError(
                    "RUN-BUSY",
                    f"another run is writing into {folder.parent}",
                    hint="Wait for it to end, or choose another folder with -o.",
                ) from error
        yield
