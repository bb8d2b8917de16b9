"""Catalogue: the volumes, segmentations and refused files below some paths."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from biomarker_cli.catalogue.candidate import VolumeCandidate
from biomarker_cli.catalogue.files import FoundFile, find_files
from biomarker_cli.catalogue.index import FileIndex
from biomarker_cli.catalogue.records import (
    NO_SERIES,
    FileRecord,
    files_digest,
    series_order,
    unpack_defect,
)
from biomarker_cli.catalogue.second_process import FEWEST_FOR_TWO, SharedWork
from biomarker_cli.catalogue.series import named_by_study, refused_file
from biomarker_cli.catalogue.series_made import made_of
from biomarker_cli.collector import collector_paused
from biomarker_cli.model.inputs import FileSignature

if TYPE_CHECKING:
    from biomarker_cli.dicom.quick_headers import HeaderReader

Progress = Callable[[int, int], None]

FilesOfSeries = dict[str, list[FoundFile]]

PIECE = 100
"""Files that are read at a time."""


class ScanReading(NamedTuple):
    """Who reads what the index does not know.

    Attributes
    ----------
    reader : HeaderReader or None
        None for one that keeps nothing.
    by_two : bool
        Whether a second process may help.
    """

    reader: HeaderReader | None
    by_two: bool


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What lies below some paths.

    Attributes
    ----------
    candidates : tuple of VolumeCandidate
        Sorted by study, series and volume; files that are no DICOM last.
    signatures : mapping
        Path -> signature of the files as they were found.
    is_lasting : bool
        Whether another scan finds the same while no signature changes; where copies were
        told apart, or a file could not be read, it may not.
    roots : tuple of str
        The paths, absolute.
    """

    candidates: tuple[VolumeCandidate, ...]
    signatures: Mapping[str, FileSignature] = field(default_factory=dict, repr=False, compare=False)
    is_lasting: bool = True
    roots: tuple[str, ...] = field(default=(), repr=False, compare=False)

    @property
    def volumes(self) -> tuple[VolumeCandidate, ...]:
        """Image volumes, refused ones included."""
        return tuple(c for c in self.candidates if c.is_image)

    @property
    def unreadable(self) -> tuple[VolumeCandidate, ...]:
        """DICOM files that are damaged: nobody has seen what they hold."""
        return tuple(
            c
            for c in self.candidates
            if not c.is_image
            and c.error_code.startswith("FILE-")
            and c.error_code != "FILE-NOT-DICOM"
        )

    def matching(self, wanted: str) -> tuple[VolumeCandidate, ...]:
        """Return the image volumes with this volume id or series UID."""
        return tuple(c for c in self.volumes if c.is_called(wanted))


def scan(
    paths: Iterable[Path],
    progress: Progress | None = None,
    index: FileIndex | None = None,
    reader: HeaderReader | None = None,
    *,
    by_two: bool = False,
) -> Catalogue:
    """Index the files below some paths and group them into volumes.

    Parameters
    ----------
    paths : iterable of Path
        Files or folders.
    progress : callable, optional
        Called now and then with the number of files done and in all.
    index : FileIndex, optional
        Remembers unchanged files; by default that of the user.
    reader : HeaderReader, optional
        Reads the headers of the others.
    by_two : bool
        Whether a second process may help where there is much to read.

    Raises
    ------
    InputNotFoundError
        ``PATH-NOT-FOUND`` where a path does not exist.
    """
    index = index or FileIndex.of_user()
    with collector_paused():
        found = find_files(paths)
        known = index.known(found.roots, found.files)
        new = [file for file in found.files if file.path not in known]
        if new:
            index.forget(found.roots, found.files)
        reading = ScanReading(reader, by_two)
        read = _read(new, index, reading, progress, len(known))
        by_series: FilesOfSeries = defaultdict(list)
        for file in found.files:
            series = known[file.path] if file.path in known else read.records[file.path].series
            by_series[series].append(file)
        candidates, is_lasting = _candidates(by_series, read, index, reading)
    refused = [refused_file(path, defect) for path, defect in found.problems]
    signatures = {file.path: file.signature for file in found.files}
    is_lasting = is_lasting and not read.passing and not refused
    everything = (*named_by_study(candidates), *refused)
    return Catalogue(everything, signatures, is_lasting, tuple(found.roots))


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read of files.

    Attributes
    ----------
    files : sequence of FoundFile
    records : dict
        By path, of those that were read. Kept as text: the collector would go over
        millions of small values as they come.
    passing : set of str
        Paths of those that nobody may keep.
    """

    files: Sequence[FoundFile]
    records: dict[str, FileRecord] = field(default_factory=dict)
    passing: set[str] = field(default_factory=set)

    def keep(self, index: FileIndex) -> None:
        """Have the index keep what may be kept."""
        index.remember(
            (file, self.records[file.path])
            for file in self.files
            if file.path in self.records and file.path not in self.passing
        )


def _read(
    files: Sequence[FoundFile],
    index: FileIndex,
    reading: ScanReading,
    progress: Progress | None = None,
    n_known: int = 0,
) -> _Read:
    """Read files; where that is interrupted, the index keeps what was read so far."""
    read = _Read(files)
    if not files:
        return read
    # A scan of files that the index knows does without the reader.
    from biomarker_cli.catalogue.recording import Recorder

    # Headers that are kept are kept in this process.
    by_two = reading.by_two and reading.reader is None and len(files) >= FEWEST_FOR_TWO
    try:
        with SharedWork(files, Recorder(reading.reader), PIECE, by_two=by_two) as shared:
            for place, pieces in shared.pieces():
                for file, (series, text, is_passing) in zip(files[place:], pieces, strict=False):
                    read.records[file.path] = FileRecord(series, text)
                    if is_passing:
                        read.passing.add(file.path)
                if progress is not None:
                    progress(n_known + len(read.records), n_known + len(files))
    except BaseException:
        read.keep(index)
        raise
    return read


def _candidates(
    by_series: FilesOfSeries, read: _Read, index: FileIndex, reading: ScanReading
) -> tuple[list[VolumeCandidate], bool]:
    """Return what the files of each series make, then those that are no DICOM; and if it lasts."""
    refused = by_series.pop(NO_SERIES, [])
    digests = {series: files_digest(files) for series, files in by_series.items()}
    found = index.volumes(digests)
    undone = {series: files for series, files in by_series.items() if series not in found}
    n_files = sum(map(len, undone.values()))
    records = _all_records([*chain(*undone.values()), *refused], read, index, reading)
    tasks = [[(file.path, records[file.path]) for file in files] for files in undone.values()]
    names = list(undone)
    lasting = []
    by_two = reading.by_two and n_files >= FEWEST_FOR_TWO
    with SharedWork(tasks, made_of, max(1, len(tasks) // 100), by_two=by_two) as shared:
        # The second process stacks meanwhile.
        read.keep(index)
        for place, pieces in shared.pieces():
            for series, made in zip(names[place:], pieces, strict=False):
                found[series] = made.candidates
                if made.is_lasting and read.passing.isdisjoint(f.path for f in undone[series]):
                    lasting.append((series, digests[series], made.text))
    index.remember_volumes(sorted(lasting))
    candidates = [c for series in sorted(found, key=series_order) for c in found[series]]
    others = [refused_file(f.path, unpack_defect(records[f.path])) for f in refused]
    return candidates + others, len(lasting) == len(undone)


def _all_records(
    files: Sequence[FoundFile], read: _Read, index: FileIndex, reading: ScanReading
) -> Mapping[str, FileRecord]:
    """Return the records of files: those just read, and those that the index has."""
    others = [file for file in files if file.path not in read.records]
    if not others:
        return read.records
    known = index.records(others)
    # The index may have been deleted meanwhile, or a record in it may be damaged.
    lost = [file for file in others if file.path not in known]
    if lost:
        again = _read(lost, index, reading)
        again.keep(index)
        known |= again.records
    return {**read.records, **known}
