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
    unpack_files,
)
from biomarker_cli.catalogue.second_process import FEWEST_FOR_TWO, PIECE, read_by_two
from biomarker_cli.catalogue.series import (
    named_by_study,
    refused_file,
    refused_series,
    series_candidates,
    stopped,
)
from biomarker_cli.collector import collector_paused
from biomarker_cli.model.inputs import FileSignature

if TYPE_CHECKING:
    from biomarker_cli.catalogue.recording import Recorded
    from biomarker_cli.dicom.quick_headers import HeaderReader

Progress = Callable[[int, int], None]

FilesOfSeries = dict[str, list[FoundFile]]


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
        records, passing = _describe(new, index, reading, progress, len(known))
        by_series: FilesOfSeries = defaultdict(list)
        for file in found.files:
            series = known[file.path] if file.path in known else records[file.path].series
            by_series[series].append(file)
        candidates, is_lasting = _candidates(by_series, records, passing, index, reading)
    refused = [refused_file(path, defect) for path, defect in found.problems]
    signatures = {file.path: file.signature for file in found.files}
    is_lasting = is_lasting and not passing and not refused
    everything = (*named_by_study(candidates), *refused)
    return Catalogue(everything, signatures, is_lasting, tuple(found.roots))


def _describe(
    files: Sequence[FoundFile],
    index: FileIndex,
    reading: ScanReading,
    progress: Progress | None = None,
    n_known: int = 0,
) -> tuple[dict[str, FileRecord], set[str]]:
    """Read files and return their records, by path, and which of them nobody may keep.

    The index keeps the others.
    """
    # Kept as text: the collector would go over millions of small values as they come.
    records: dict[str, FileRecord] = {}
    passing: set[str] = set()
    try:
        for place, pieces in _pieces(files, reading):
            for file, (record, is_passing) in zip(files[place:], pieces, strict=False):
                records[file.path] = record
                if is_passing:
                    passing.add(file.path)
            if progress is not None:
                progress(n_known + len(records), n_known + len(files))
    finally:
        # What an interrupted scan has read need not be read again.
        index.remember(
            (file, records[file.path])
            for file in files
            if file.path in records and file.path not in passing
        )
    return records, passing


def _pieces(
    files: Sequence[FoundFile], reading: ScanReading
) -> Iterable[tuple[int, Sequence[Recorded]]]:
    """Yield what is read of files, piece by piece, with the place of the first of each."""
    if not files:
        return ()
    # A scan of files that the index knows does without the reader.
    from biomarker_cli.catalogue.recording import Recorder

    recorder = Recorder(reading.reader)
    # Headers that are kept are kept in this process.
    if reading.by_two and reading.reader is None and len(files) >= FEWEST_FOR_TWO:
        return read_by_two(files, recorder)
    places = range(0, len(files), PIECE)
    return ((place, [recorder(f) for f in files[place : place + PIECE]]) for place in places)


def _candidates(
    by_series: FilesOfSeries,
    new: Mapping[str, FileRecord],
    passing: set[str],
    index: FileIndex,
    reading: ScanReading,
) -> tuple[list[VolumeCandidate], bool]:
    """Return what the files of each series make, then those that are no DICOM; and if it lasts."""
    refused = by_series.pop(NO_SERIES, [])
    digests = {series: files_digest(files) for series, files in by_series.items()}
    found = index.volumes(digests)
    undone = {series: files for series, files in by_series.items() if series not in found}
    records = _all_records([*chain(*undone.values()), *refused], new, index, reading)
    lasting = []
    for series, files in undone.items():
        described = unpack_files((file.path, records[file.path]) for file in files)
        try:
            found[series] = series_candidates(described)
        except Exception as unexpected:  # noqa: BLE001 - the row of its series; others go on
            defect = stopped("SERIES-INTERNAL", "series", unexpected)
            found[series] = [refused_series([instance for instance, _ in described], defect)]
            continue
        # Copies are told by looking into their files, which may not be read another time.
        n_distinct = len({instance.sop_instance_uid for instance, _ in described})
        if n_distinct == len(files) and passing.isdisjoint(f.path for f in files):
            lasting.append((series, digests[series], found[series]))
    index.remember_volumes(lasting)
    candidates = [c for series in sorted(found, key=series_order) for c in found[series]]
    others = [refused_file(f.path, unpack_defect(records[f.path])) for f in refused]
    return candidates + others, len(lasting) == len(undone)


def _all_records(
    files: Sequence[FoundFile],
    new: Mapping[str, FileRecord],
    index: FileIndex,
    reading: ScanReading,
) -> Mapping[str, FileRecord]:
    """Return the records of files: those just read, and those that the index has."""
    known = index.records(file for file in files if file.path not in new)
    # The index may have been deleted meanwhile, or a record in it may be damaged.
    lost = [file for file in files if file.path not in new and file.path not in known]
    return {**new, **known, **_describe(lost, index, reading)[0]}
