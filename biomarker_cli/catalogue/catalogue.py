"""Catalogue: the volumes, segmentations and refused files below some paths."""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biomarker_cli.catalogue.candidate import VolumeCandidate
from biomarker_cli.catalogue.files import FoundFile, FoundFiles, find_files
from biomarker_cli.catalogue.index import FileIndex, Record, pack_record, unpack_records
from biomarker_cli.catalogue.instances import Defect, Instance, Plane
from biomarker_cli.catalogue.series import refused_file, series_candidates

if TYPE_CHECKING:
    from biomarker_cli.dicom.quick_headers import HeaderReader

Progress = Callable[[int, int], None]

FilesOfSeries = dict[tuple[str, str], list[tuple[Instance, tuple[Plane, ...]]]]

_VECTORS = tuple(
    Plane._fields.index(name) - 1
    for name in ("position_mm", "orientation", "pixel_spacing_mm", "gradient", "image_type")
)

PROGRESS_STEPS = 200
"""How often, at most, the progress of a scan is told."""


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What lies below some paths.

    Attributes
    ----------
    candidates : tuple of VolumeCandidate
        Sorted by study, series and volume; files that are no DICOM last.
    """

    candidates: tuple[VolumeCandidate, ...]

    @property
    def volumes(self) -> tuple[VolumeCandidate, ...]:
        """Image volumes, refused ones included."""
        return tuple(c for c in self.candidates if c.is_image)

    def matching(self, wanted: str) -> tuple[VolumeCandidate, ...]:
        """Return the image volumes with this volume id or series UID."""
        return tuple(c for c in self.volumes if wanted in {c.volume_id, c.series_uid})


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
    records = _records(found, progress, index or FileIndex.of_user(), reader)
    by_series: FilesOfSeries = defaultdict(list)
    others: list[VolumeCandidate] = []
    with _collector_paused():
        for path, (facts, plane_facts) in records:
            if isinstance(facts, str):
                others.append(refused_file(Path(path), Defect(facts, *plane_facts)))
                continue
            instance, planes = _from_record(path, facts, plane_facts)
            by_series[instance.study_uid, instance.series_uid].append((instance, planes))
    others.extend(refused_file(Path(path), defect) for path, defect in found.problems)
    candidates = [c for _, files in sorted(by_series.items()) for c in series_candidates(files)]
    return Catalogue(tuple(candidates + others))


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Pause the garbage collector while millions of plain values are made.

    They hold no cycles, and going over them again and again takes longer than
    making them.
    """
    was_running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_running:
            gc.enable()


def _records(
    found: FoundFiles, progress: Progress | None, index: FileIndex, reader: HeaderReader | None
) -> list[tuple[str, Record]]:
    """Return the record of every file, from the index or from the file itself."""
    with _collector_paused():
        known = index.known(found.roots, found.files)
    new = [file for file in found.files if file.path not in known]
    total = len(found.files)
    every = max(total // PROGRESS_STEPS, 1)
    # Kept as text: the collector would go over millions of small values as they come.
    made: list[tuple[FoundFile, str]] = []
    if new and reader is None:
        reader = _new_reader()
    try:
        for number, file in enumerate(new, start=1):
            made.append((file, pack_record(_read_record(file, reader or _new_reader()))))
            if progress is not None and number % every == 0:
                progress(len(known) + number, total)
    finally:
        # What an interrupted scan has read need not be read again.
        index.remember((file, text) for file, text in made if "FILE-UNREADABLE" not in text)
    if new:
        index.forget(found.roots, found.files)
    if progress is not None:
        progress(total, total)
    with _collector_paused():
        records = unpack_records(text for _, text in made)
    fresh = {file.path: record for (file, _), record in zip(made, records, strict=True)}
    return [(f.path, known[f.path] if f.path in known else fresh[f.path]) for f in found.files]


def _read_record(file: FoundFile, reader: HeaderReader) -> Record:
    """Return what is to be remembered of a file: its instance and planes, or its defect."""
    from biomarker_cli.catalogue.describing import describe_file
    from biomarker_cli.dicom.errors import HeaderError

    try:
        instance, planes = describe_file(Path(file.path), file.size, reader)
    except HeaderError as error:
        return [error.code, [error.message, error.hint]]
    return [list(instance[1:]), [list(plane[1:]) for plane in planes]]


def _new_reader() -> HeaderReader:
    # A scan of files that the index knows does without pydicom.
    from biomarker_cli.dicom.quick_headers import HeaderReader

    return HeaderReader()


def _from_record(
    path: str, facts: list[Any], plane_facts: list[list[Any]]
) -> tuple[Instance, tuple[Plane, ...]]:
    defect = facts[-1]
    instance = Instance._make(
        [path, *facts[:-1], defect if defect is None else Defect._make(defect)]
    )
    planes = []
    for values in plane_facts:
        # JSON knows no tuples; keys of grouping must be some.
        for place in _VECTORS:
            if values[place] is not None:
                values[place] = tuple(values[place])
        planes.append(Plane(instance, *values))
    return instance, tuple(planes)
