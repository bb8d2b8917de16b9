"""The files that the header of an image names for its voxels.

They are inputs like the header: they lie in its folder or below, and each is there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

from biomarker_cli.imaging.refusals import detached, too_large
from biomarker_cli.imaging.stored import Contents
from biomarker_cli.model.inputs import MOST_BYTES, require_regular

MOST_FILES = 100_000
"""More files than this are no slices of an image."""

_LONGEST = 4096
"""Letters of a path that a system takes."""

_PATTERN = re.compile(
    r"(.*?%0?\d{0,3}[du].*?)\s+(-?\d{1,9})\s+(-?\d{1,9})\s+(-?\d{1,9})(?:\s+(\d))?"
)
_LIST = re.compile(r"LIST(?:\s+(\d)D?)?", re.IGNORECASE)


@dataclass(frozen=True)
class DataFiles:
    """The files that a header names for its voxels.

    Attributes
    ----------
    names : tuple of str
        As the header has them, in the order of the slowest axis; none where the
        voxels follow the header.
    n_axes : int or None
        Axes that lie within one file, where the header says so.
    is_single : bool
        One name, not a list or a pattern.
    """

    names: tuple[str, ...] = ()
    n_axes: int | None = None
    is_single: bool = False


def data_files(said: str, lines: Iterator[str], path: Path) -> DataFiles:
    """Return the files that a header names.

    Parameters
    ----------
    said : str
        A file name, ``name%03d.raw first last step [axes]`` or ``LIST [axes]``.
    lines : iterator of str
        What follows in the header: the names of a list.
    path : Path
        The header, for messages.

    Raises
    ------
    ImageFileError
        ``IMAGE-FILE-DETACHED`` where it is none of these.
    """
    if len(said) > _LONGEST:
        raise detached(path, f"a name of {len(said)} letters")
    listed = _LIST.fullmatch(said)
    if listed:
        names = tuple(name for line in lines if (name := line.strip()))
        if not names:
            raise detached(path, "its list of files is empty")
        return DataFiles(names, int(listed[1]) if listed[1] else None)
    if "%" not in said:
        return DataFiles((said,), is_single=True)
    found = _PATTERN.fullmatch(said)
    if not found or found[1].count("%") != 1:
        raise detached(path, f"{said!r} is no pattern with first, last and step")
    first, last, step = (int(found[group]) for group in (2, 3, 4))
    if step == 0 or (last - first) // step < 0 or (last - first) // step >= MOST_FILES:
        raise detached(path, f"{said!r} counts to no number of files")
    numbers = range(first, last + (1 if step > 0 else -1), step)
    names = tuple(found[1] % number for number in numbers)
    return DataFiles(names, int(found[5]) if found[5] else None)


def paths_of(files: DataFiles, path: Path) -> list[Path]:
    """Return where the files of a header lie, each of them there and below its folder.

    Raises
    ------
    ImageFileError
        ``IMAGE-FILE-DETACHED`` for a name that is absolute, leads out of the folder of
        the header (links are followed), is named twice, or isn't there;
        ``FILE-NOT-REGULAR``; ``IMAGE-FILE-TOO-LARGE``.
    """
    folder = path.parent.resolve()
    found: dict[Path, Path] = {}
    n_bytes = 0
    for place in _places(files, path):
        name = place.name[:100]
        try:
            target = place.resolve()
            if not target.is_relative_to(folder):
                raise detached(path, f"{name!r} leads out of the folder of the header")
            if not place.exists():
                raise detached(path, f"no such file: {name!r}")
            n_bytes += require_regular(place).st_size
        except (OSError, RuntimeError, ValueError) as error:
            raise detached(path, f"{name!r} cannot be looked at") from error
        if target in found or target == path.resolve():
            raise detached(path, f"{name!r} is named twice, or is the header itself")
        found[target] = place
    if n_bytes > MOST_BYTES:
        raise too_large(path, f"{n_bytes} bytes in its files, at most {MOST_BYTES} are read")
    return list(found.values())


def _places(files: DataFiles, path: Path) -> list[Path]:
    """Return the paths that the names say, whatever lies there."""
    if len(files.names) > MOST_FILES:
        raise detached(path, f"{len(files.names)} files")
    for name in files.names:
        said = PurePath(name)
        if said.is_absolute() or ".." in said.parts or "\0" in name:
            # Where it leads says who works where: tables hold no path of a machine.
            last = said.name[:100]
            raise detached(path, f"that of {last!r} is absolute, or leads out of its folder")
    places = [path.parent / name for name in files.names]
    if len(set(places)) < len(places):
        raise detached(path, "a file is named twice")
    return places


def held_in(files: DataFiles, path: Path, contents: Contents) -> list[Path]:
    """Return the paths of files whose bytes are in memory, as `paths_of` gave them."""
    places = _places(files, path)
    absent = [place.name for place in places if place not in contents]
    if absent:
        raise detached(path, f"{absent[0][:100]!r} was not read with its header")
    return places
