"""What the index keeps, as JSON: floats come back as they were.

A record is what was read of one file; beside it stand the candidates that the
files of a series made.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from biomarker_cli.catalogue.candidate import FrameRef, VolumeCandidate, VolumeStatus
from biomarker_cli.catalogue.files import FoundFile
from biomarker_cli.catalogue.instances import Defect, Instance, Plane, Visit
from biomarker_cli.imaging.geometry import Geometry

NO_SERIES = ""
"""Series of files that are no DICOM or cannot be read."""

_VECTORS = tuple(
    Plane._fields.index(name) - 1
    for name in ("position_mm", "orientation", "pixel_spacing_mm", "gradient", "image_type")
)


# Made once: `json.dumps` with separators would make one for each of 100,000 records.
json_text = json.JSONEncoder(separators=(",", ":")).encode
"""Return the JSON of a value, without blanks."""


class FileRecord(NamedTuple):
    """What was read of a file.

    Attributes
    ----------
    series : str
        Names the series: see `series_name`.
    text : str
        JSON of its instance and planes, or of its defect.
    """

    series: str
    text: str


@lru_cache(maxsize=1024)
def series_name(study_uid: str, series_uid: str) -> str:
    """Return the name of a series in the index."""
    return json_text([study_uid, series_uid])


def series_order(name: str) -> list[str]:
    """Return what series are sorted by."""
    uids: list[str] = json.loads(name)
    return uids


def pack_file(instance: Instance, planes: Sequence[Plane]) -> FileRecord:
    """Return the record of a DICOM file."""
    text = json_text([list(instance[1:]), [list(plane[1:]) for plane in planes]])
    return FileRecord(series_name(instance.study_uid, instance.series_uid), text)


def pack_defect(defect: Defect) -> FileRecord:
    """Return the record of a file that cannot be used."""
    return FileRecord(NO_SERIES, json_text(list(defect)))


def unpack_files(
    records: Iterable[tuple[str, FileRecord]],
) -> list[tuple[Instance, tuple[Plane, ...]]]:
    """Return the instance and planes of some files, named by their paths."""
    paths, texts = zip(*((path, record.text) for path, record in records), strict=True)
    # One call is much faster than one for each text.
    return [
        _file(path, *facts)
        for path, facts in zip(paths, json.loads(f"[{','.join(texts)}]"), strict=True)
    ]


def _file(
    path: str, facts: list[Any], plane_facts: list[list[Any]]
) -> tuple[Instance, tuple[Plane, ...]]:
    *said, references, defect = facts
    instance = Instance._make(
        [path, *said, tuple(references), defect if defect is None else Defect._make(defect)]
    )
    planes = []
    for values in plane_facts:
        # JSON knows no tuples; keys of grouping must be some.
        for place in _VECTORS:
            if values[place] is not None:
                values[place] = tuple(values[place])
        planes.append(Plane(instance, *values))
    return instance, tuple(planes)


def unpack_defect(record: FileRecord) -> Defect:
    """Return why a file cannot be used."""
    return Defect._make(json.loads(record.text))


def files_digest(files: Iterable[FoundFile]) -> bytes:
    """Return a digest of what tells whether any of some files has changed."""
    lines = [
        f"{path}\0{size} {modified} {changed} {inode}\0"
        for path, (size, modified, changed, inode) in files
    ]
    return hashlib.blake2b(os.fsencode("".join(lines)), digest_size=16).digest()


def pack_candidates(candidates: Iterable[VolumeCandidate]) -> str:
    """Return candidates as JSON."""
    return json_text([_candidate_fields(candidate) for candidate in candidates])


def _candidate_fields(candidate: VolumeCandidate) -> dict[str, Any]:
    fields = {name: getattr(candidate, name) for name in VolumeCandidate.__slots__}
    grid = candidate.geometry
    if grid is not None:
        fields["geometry"] = [grid.shape, grid.spacing_mm, grid.origin_mm, grid.direction]
    return {**fields, "flags": sorted(candidate.flags)}


def unpack_candidates(text: str) -> list[VolumeCandidate]:
    """Return candidates from JSON.

    Raises
    ------
    ValueError
        Where the text is damaged.
    """
    return [_candidate(fields) for fields in json.loads(text)]


def _candidate(fields: dict[str, Any]) -> VolumeCandidate:
    grid = fields["geometry"]
    return VolumeCandidate(
        **{
            **fields,
            "patient_keys": tuple(fields["patient_keys"]),
            "refs": tuple(map(FrameRef._make, fields["refs"])),
            "geometry": None if grid is None else Geometry(*map(tuple, grid)),
            "status": VolumeStatus(fields["status"]),
            "flags": frozenset(fields["flags"]),
            "visit": Visit._make(fields["visit"]),
            "references": tuple(fields["references"]),
            "duplicates": tuple(map(FrameRef._make, fields["duplicates"])),
        }
    )
