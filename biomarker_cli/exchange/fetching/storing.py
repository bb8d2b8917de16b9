"""Files as they were received, below folders that are named by checked UIDs alone."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from stat import S_ISDIR

from biomarker_cli.exchange.fetching.completeness import read_stored
from biomarker_cli.exchange.fetching.errors import SeriesRefusedError
from biomarker_cli.exchange.fetching.remote import RemoteSeries, uid_from_outside
from biomarker_cli.model.outputs import PART_SUFFIX, PUBLIC_MODE, part_of

MOST_BYTES = 1 << 32
"""Of one object: DICOM counts native pixels in 32 bits."""

USELESS_AT_LEAST, USELESS_PER_INSTANCE = 1000, 10
"""Objects of a series that may come for nothing: whole streams come again after a cut."""

SUFFIX = ".dcm"

_PART = "instance"
_STALE_S = 3600.0

UNREADABLE = "an object"
"""Stands for the UID of one that does not say it."""


class SeriesStore:
    """Takes the instances of a series that are missing on disk.

    Made, it has looked at the folder and changed nothing.

    Parameters
    ----------
    output : Path
    series : RemoteSeries
    expected : iterable of str
        SOPInstanceUIDs of the series at its source.

    Attributes
    ----------
    folder : Path
        ``output/<study uid>/<series uid>``.
    expected : frozenset of str
    missing : set of str
        Those that are not whole on disk.
    n_dropped : int
        Objects that came without being asked for, or a second time.
    n_bytes_received : int
        Of files that were stored.
    faults : dict
        SOPInstanceUID, or `UNREADABLE` -> what is not whole of an object that came.

    Raises
    ------
    RemoteError
        ``FETCH-UID``.
    SeriesRefusedError
        ``FETCH-PLACE`` where a link, or something that is no file, stands in the way.
    """

    def __init__(self, output: Path, series: RemoteSeries, expected: Iterable[str]) -> None:
        self.folder = _folder(output, series)
        self.expected = frozenset(uid_from_outside(uid, "SOPInstanceUID") for uid in expected)
        self.missing = {uid for uid in self.expected if not self._is_whole(uid)}
        self.n_dropped = 0
        self.n_bytes_received = 0
        self._n_useless = 0
        self.faults: dict[str, str] = {}

    def receive(self, pieces: Iterable[bytes]) -> None:
        """Store one Part 10 file; what was not asked for is dropped when it has been read.

        The bytes stay as they came. The file gets its name when it is whole.

        Raises
        ------
        RemoteError
            ``FETCH-SIZE`` beyond `MOST_BYTES`, ``FETCH-ANSWER`` where useless objects come
            without end; and what the pieces raise.
        OSError
            Where the disk is full, or may not be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        part = part_of(self.folder / _PART)
        try:
            n_bytes = _write(part, pieces)
            n_missing = len(self.missing)
            self._keep(part, n_bytes)
            self._n_useless += n_missing == len(self.missing)
        finally:
            part.unlink(missing_ok=True)
        if self._n_useless > USELESS_AT_LEAST + USELESS_PER_INSTANCE * len(self.expected):
            raise SeriesRefusedError(
                "FETCH-ANSWER",
                f"the source has handed over {self._n_useless} objects that were not asked for, "
                "twice or not whole: there may be no end of them",
                where=self.folder.name,
            )

    def tidy(self) -> None:
        """Take away what a fetch that was killed left half; one that is at it may go on."""
        for part in self.folder.glob(f".{_PART}.*{PART_SUFFIX}"):
            # One beside us may have given it its name since, and a folder is none of ours.
            with suppress(FileNotFoundError):
                found = part.lstat()
                if found.st_mtime < time.time() - _STALE_S and not S_ISDIR(found.st_mode):
                    part.unlink()

    def n_bytes_on_disk(self) -> int:
        """Return the size of the files that are whole."""
        return sum(self._path(uid).stat().st_size for uid in self.expected - self.missing)

    def _keep(self, part: Path, n_bytes: int) -> None:
        found = read_stored(part)
        if found is None:
            # Whose it is nobody knows: the instance stays among the missing.
            self.faults[UNREADABLE] = f"{n_bytes} bytes that are no DICOM file, or a cut header"
            return
        uid = found.sop_instance_uid
        if found.uids != (*self._names, uid) or uid not in self.missing:
            self.n_dropped += 1
        elif found.fault:
            self.faults[uid] = found.fault
        else:
            _require_free(self._path(uid))
            part.replace(self._path(uid))
            self.missing.discard(uid)
            self.faults.pop(uid, None)
            self.n_bytes_received += n_bytes

    @property
    def _names(self) -> tuple[str, str]:
        return self.folder.parent.name, self.folder.name

    def _path(self, uid: str) -> Path:
        return self.folder / f"{uid}{SUFFIX}"

    def _is_whole(self, uid: str) -> bool:
        path = self._path(uid)
        _require_free(path)
        try:
            found = read_stored(path)
        except FileNotFoundError:
            return False
        return found is not None and not found.fault and found.uids == (*self._names, uid)


def _folder(output: Path, series: RemoteSeries) -> Path:
    folder = output
    for uid, what in (
        (series.study_uid, "StudyInstanceUID"),
        (series.series_uid, "SeriesInstanceUID"),
    ):
        folder /= uid_from_outside(uid, what)
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            raise _in_the_way(folder)
    return folder


def _require_free(path: Path) -> None:
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise _in_the_way(path)


def _in_the_way(path: Path) -> SeriesRefusedError:
    return SeriesRefusedError(
        "FETCH-PLACE",
        f"a link, or something that is no regular file or folder, stands in the way: {path}",
        hint="Nothing is written through it: move it, or choose another folder with -o.",
    )


def _write(part: Path, pieces: Iterable[bytes]) -> int:
    n_bytes = 0
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with os.fdopen(os.open(part, flags, PUBLIC_MODE), "wb") as stream:
        for piece in pieces:
            n_bytes += len(piece)
            if n_bytes > MOST_BYTES:
                raise SeriesRefusedError(
                    "FETCH-SIZE", f"one object has more than {MOST_BYTES} bytes"
                )
            stream.write(piece)
    return n_bytes
