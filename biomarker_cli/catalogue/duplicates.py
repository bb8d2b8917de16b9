"""Copies: one instance that was stored more than once.

Archives hand the same instance out twice. A copy with the same SOPInstanceUID, the
same pixels and the same elements, but for those that move no number, may be left
out. Copies that contradict each other are kept and named: which of them is right,
their files cannot tell, and neither their names nor their order decide.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from biomarker_cli.catalogue.contents import Contents, contents_of, differing
from biomarker_cli.catalogue.instances import Defect, Instance, Plane

File = tuple[Instance, tuple[Plane, ...]]

MOST_ELEMENTS_NAMED = 5


@dataclass(frozen=True, slots=True)
class Distinct:
    """The files of a series without copies.

    Attributes
    ----------
    files : list of (Instance, tuple of Plane)
    dropped : mapping of str to tuple of str
        SOPInstanceUID -> paths of its copies that were left out.
    conflicts : mapping of str to Defect
        SOPInstanceUID -> what its copies contradict each other in.
    """

    files: list[File]
    dropped: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    conflicts: Mapping[str, Defect] = field(default_factory=dict)


class _Copy(NamedTuple):
    """What is inside a file.

    Attributes
    ----------
    digest : str
        Of the whole file: of equal copies the one with the lowest stays, whatever
        it is called.
    header : mapping or None
        None where it, or the pixels, cannot be decoded.
    pixels : tuple of bytes
        Digest of each slice.
    """

    digest: str
    header: Contents | None
    pixels: tuple[bytes, ...]

    def says_the_same(self, other: _Copy) -> bool:
        """Tell whether a number may come from either."""
        if self.digest == other.digest:
            return True
        return (
            self.header is not None and self.header == other.header and self.pixels == other.pixels
        )


def drop_duplicates(files: Sequence[File]) -> Distinct:
    """Return the files of a series without copies, and which copies contradict each other.

    Parameters
    ----------
    files : sequence of (Instance, tuple of Plane)
    """
    by_uid: dict[str, list[File]] = defaultdict(list)
    for file in files:
        by_uid[file[0].sop_instance_uid].append(file)
    if len(by_uid) == len(files):
        return Distinct(list(files))
    kept: list[File] = []
    dropped: dict[str, tuple[str, ...]] = {}
    conflicts: dict[str, Defect] = {}
    for uid, group in by_uid.items():
        if len(group) == 1 or not uid:
            kept.extend(group)
            continue
        distinct = _distinct([(file, _look_into(file)) for file in group])
        kept.extend(file for file, _ in distinct)
        stay = {file[0].path for file, _ in distinct}
        if left := tuple(file[0].path for file in group if file[0].path not in stay):
            dropped[uid] = left
        if len(distinct) > 1:
            conflicts[uid] = _conflict(uid, distinct)
    return Distinct(kept, dropped, conflicts)


def _distinct(copies: Sequence[tuple[File, _Copy]]) -> list[tuple[File, _Copy]]:
    """Return one file for each content, in an order that names have no part in."""
    found: list[tuple[File, _Copy]] = []
    for file, copy in sorted(copies, key=lambda item: (item[1].digest, item[0][0].path)):
        defect = file[0].defect
        if not any(copy.says_the_same(c) and f[0].defect == defect for f, c in found):
            found.append((file, copy))
    return found


def _conflict(uid: str, distinct: Sequence[tuple[File, _Copy]]) -> Defect:
    """Name the files and what the first two of them differ in."""
    by_name = sorted(distinct, key=lambda item: item[0][0].path)
    names = " and ".join(Path(file[0].path).name for file, _ in by_name[:2])
    more = f" (and {len(by_name) - 2} more)" if len(by_name) > 2 else ""
    return Defect(
        "SERIES-UID-CONFLICT",
        f"{len(by_name) if more else 'two'} files have SOPInstanceUID {uid} but differ in "
        f"{_difference(by_name[0][1], by_name[1][1])}: {names}{more}",
        "One of them is damaged or was changed: keep the right one.",
    )


def _difference(one: _Copy, other: _Copy) -> str:
    if one.header is None or other.header is None:
        return "what can be read of them"
    paths = differing(one.header, other.header)
    if one.pixels != other.pixels:
        paths.insert(0, "their pixels")
    more = (
        f" and {len(paths) - MOST_ELEMENTS_NAMED} more" if len(paths) > MOST_ELEMENTS_NAMED else ""
    )
    return (", ".join(paths[:MOST_ELEMENTS_NAMED]) or "what the scan found in them") + more


def _look_into(file: File) -> _Copy:
    """Open one file of several with one SOPInstanceUID: all that is read of it, is read here."""
    from biomarker_cli.dicom.errors import HeaderError, PixelError
    from biomarker_cli.dicom.files import DicomFiles
    from biomarker_cli.dicom.headers import ELEMENT_ERRORS
    from biomarker_cli.model.inputs import InputError

    instance, planes = file
    path = Path(instance.path)
    files = DicomFiles()
    try:
        header = contents_of(files.read(path).dataset)
        pixels = tuple(map(_pixel_digest, files.stored(path, range(len(planes)))))
    except (HeaderError, InputError, PixelError, *ELEMENT_ERRORS):
        # Such a file is a copy only of one with the same bytes.
        read = files.inputs.read.get(path)
        return _Copy(read.sha256 if read else instance.path, None, ())
    return _Copy(files.inputs.read[path].sha256, header, pixels)


def _pixel_digest(frame: np.ndarray) -> bytes:
    """Return a digest of the stored numbers, in whatever width and order of bytes they came."""
    kind = "<f8" if frame.dtype.kind == "f" else "<i8"
    numbers = np.ascontiguousarray(frame, dtype=kind)
    return hashlib.sha256(repr(frame.shape).encode() + numbers.tobytes()).digest()
