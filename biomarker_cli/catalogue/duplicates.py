"""Exact duplicates: one instance that was stored more than once.

Archives hand the same instance out twice. A copy with the same SOPInstanceUID,
the same place and the same pixels may be left out; anything less than that is
no copy, and what comes of it is refused further on.
"""

from __future__ import annotations

import filecmp
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from biomarker_cli.catalogue.instances import Instance, Plane

File = tuple[Instance, tuple[Plane, ...]]


def drop_exact_duplicates(files: Sequence[File]) -> tuple[list[File], int]:
    """Return the files of a series without exact copies, and how many were dropped.

    Parameters
    ----------
    files : sequence of (Instance, tuple of Plane)
        In the order of their paths: the first of several copies stays.
    """
    by_uid: dict[str, list[File]] = defaultdict(list)
    for file in files:
        by_uid[file[0].sop_instance_uid].append(file)
    if len(by_uid) == len(files):
        return list(files), 0
    kept: list[File] = []
    for uid, group in by_uid.items():
        distinct: list[File] = []
        for file in group:
            if not uid or not any(_same(file, other) for other in distinct):
                distinct.append(file)
        kept.extend(distinct)
    return kept, len(files) - len(kept)


def _same(one: File, other: File) -> bool:
    if _facts(one) != _facts(other):
        return False
    paths = Path(one[0].path), Path(other[0].path)
    try:
        return filecmp.cmp(*paths, shallow=False) or _same_pixels(*paths, len(one[1]))
    except OSError:
        return False


def _facts(file: File) -> tuple[object, ...]:
    instance, planes = file
    return (instance._replace(path=""), *(plane[1:] for plane in planes))


def _same_pixels(one: Path, other: Path, n_slices: int) -> bool:
    from biomarker_cli.dicom.errors import HeaderError, PixelError
    from biomarker_cli.dicom.files import DicomFiles

    files, frames = DicomFiles(), list(range(n_slices))
    try:
        pairs = zip(files.stored(one, frames), files.stored(other, frames), strict=True)
        return all(np.array_equal(a, b) for a, b in pairs)
    except (HeaderError, PixelError):
        return False
