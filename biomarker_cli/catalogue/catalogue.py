"""Catalogue: the volumes, segmentations and refused files below some paths."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from biomarker_cli.catalogue.candidate import VolumeCandidate
from biomarker_cli.catalogue.files import PASSING_CODES, FoundFile, find_files
from biomarker_cli.catalogue.index import FileIndex
from biomarker_cli.catalogue.instances import Defect
from biomarker_cli.catalogue.records import (
    NO_SERIES,
    FileRecord,
    files_digest,
    pack_defect,
    pack_file,
    series_order,
    unpack_defect,
    unpack_files,
)
from biomarker_cli.catalogue.series import (
    named_by_study,
    refused_file,
    refused_series,
    series_candidates,
    stopped,
)
from biomarker_cli.collector import collector_paused
from biomarker_cli.model.inputs import FileSignature, InputError

if TYPE_CHECKING:
    from biomarker_cli.dicom.quick_headers import HeaderReader

Progress = Callable[[int, int], None]

FilesOfSeries = dict[str, list[FoundFile]]

PROGRESS_STEPS = 200
"""How often, at most, the progress of a scan is told."""


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
    """

    candidates: tuple[VolumeCandidate, ...]
    signatures: Mapping[str, FileSignature] = field(default_factory=dict, repr=False, compare=False)
    is_lasting: bool = True

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

    Raises
    ------
    InputNotFoundError
        ``PATH-NOT-FOUND`` where a path does not exist.
    """
    found = find_files(paths)
    index = index or FileIndex.of_user()
    with collector_paused():
        known = index.known(found.roots, found.files)
    new = [file for file in found.files if file.path not in known]
    records, passing = _describe(new, len(found.files), progress, index, reader)
    if new:
        index.forget(found.roots, found.files)
    with collector_paused():
        by_series: FilesOfSeries = defaultdict(list)
        for file in found.files:
            series = known[file.path] if file.path in known else records[file.path].series
            by_series[series].append(file)
        candidates, is_lasting = _candidates(by_series, records, passing, index, reader)
    refused = [refused_file(path, defect) for path, defect in found.problems]
    signatures = {file.path: file.signature for file in found.files}
    is_lasting = is_lasting and not passing and not refused
    return Catalogue((*named_by_study(candidates), *refused), signatures, is_lasting)


def _describe(
    files: Sequence[FoundFile],
    n_all: int,
    progress: Progress | None,
    index: FileIndex,
    reader: HeaderReader | None,
) -> tuple[dict[str, FileRecord], set[str]]:
    """Read files and return their records, by path, and which of them nobody may keep.

    The index keeps the others.
    """
    if not files:
        return {}, set()
    # A scan of files that the index knows does without pydicom.
    from biomarker_cli.catalogue.describing import describe_file
    from biomarker_cli.dicom.errors import HeaderError
    from biomarker_cli.dicom.quick_headers import HeaderReader

    reader = reader or HeaderReader()
    n_known = n_all - len(files)
    every = max(n_all // PROGRESS_STEPS, 1)
    # Kept as text: the collector would go over millions of small values as they come.
    records: dict[str, FileRecord] = {}
    passing: set[str] = set()
    try:
        for number, file in enumerate(files, start=1):
            try:
                record = pack_file(*describe_file(Path(file.path), file.signature, reader))
            except (HeaderError, InputError) as error:
                record = pack_defect(Defect(error.code, error.message, error.hint))
                if error.code in PASSING_CODES:
                    passing.add(file.path)
            except Exception as unexpected:  # noqa: BLE001 - the row of its file; others go on
                record = pack_defect(stopped("FILE-INTERNAL", "file", unexpected))
                passing.add(file.path)
            records[file.path] = record
            if not file.signature.is_settled:
                # Another change might not be seen: what was read may not be what stays.
                passing.add(file.path)
            if progress is not None and number % every == 0:
                progress(n_known + number, n_all)
    finally:
        # What an interrupted scan has read need not be read again.
        index.remember(
            (file, records[file.path])
            for file in files
            if file.path in records and file.path not in passing
        )
    if progress is not None:
        progress(n_all, n_all)
    return records, passing


def _candidates(
    by_series: FilesOfSeries,
    new: Mapping[str, FileRecord],
    passing: set[str],
    index: FileIndex,
    reader: HeaderReader | None,
) -> tuple[list[VolumeCandidate], bool]:
    """Return what the files of each series make, then those that are no DICOM; and if it lasts."""
    refused = by_series.pop(NO_SERIES, [])
    digests = {series: files_digest(files) for series, files in by_series.items()}
    found = index.volumes(digests)
    undone = {series: files for series, files in by_series.items() if series not in found}
    records = _all_records([*chain(*undone.values()), *refused], new, index, reader)
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
    reader: HeaderReader | None,
) -> Mapping[str, FileRecord]:
    """Return the records of files: those just read, and those that the index has."""
    known = index.records(file for file in files if file.path not in new)
    # The index may have been deleted meanwhile, or a record in it may be damaged.
    lost = [file for file in files if file.path not in new and file.path not in known]
    return {**new, **known, **_describe(lost, len(lost), None, index, reader)[0]}
