"""Read NRRD files, attached or detached.

Other readers take an absent origin for (0, 0, 0), a space that is not anatomical for
LPS, and every unit for mm. Here a header says where the image lies, or is refused.

References
----------
Teem, "Definition of NRRD File Format": https://teem.sourceforge.net/nrrd/format.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from biomarker_cli.imaging.detached import DataFiles, data_files, paths_of
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.nrrd_header import NrrdHeader, nrrd_header
from biomarker_cli.imaging.placing import grid_of, numbers_of
from biomarker_cli.imaging.refusals import bad_geometry, bad_shape, scaled, unreadable
from biomarker_cli.imaging.stored import Contents
from biomarker_cli.imaging.voxels import Voxels, read_voxels
from biomarker_cli.model.arrays import AnyArray, FloatArray

_TO_LPS = {
    "right-anterior-superior": (-1.0, -1.0, 1.0),
    "left-anterior-superior": (1.0, -1.0, 1.0),
    "left-posterior-superior": (1.0, 1.0, 1.0),
}
_TO_LPS |= {"".join(word[0] for word in name.split("-")): by for name, by in _TO_LPS.items()}

_TYPES = {
    "i1": "signed char|int8|int8_t",
    "u1": "uchar|unsigned char|uint8|uint8_t",
    "i2": "short|short int|signed short|signed short int|int16|int16_t",
    "u2": "ushort|unsigned short|unsigned short int|uint16|uint16_t",
    "i4": "int|signed int|int32|int32_t",
    "u4": "uint|unsigned int|uint32|uint32_t",
    "i8": "longlong|long long|long long int|signed long long|signed long long int|int64|int64_t",
    "u8": "ulonglong|unsigned long long|unsigned long long int|uint64|uint64_t",
    "f4": "float",
    "f8": "double",
}
_DTYPES = {name: dtype for dtype, names in _TYPES.items() for name in names.split("|")}

_ENCODINGS = {
    "raw": "raw",
    **dict.fromkeys(("gzip", "gz"), "gzip"),
    **dict.fromkeys(("bzip2", "bz2"), "bzip2"),
    **dict.fromkeys(("ascii", "text", "txt"), "text"),
    "hex": "hex",
}

_MM = frozenset({"", "mm", "millimeter", "millimeters", "millimetre", "millimetres"})
_SPATIAL_KINDS = frozenset({"domain", "space", "none", "???"})

_VECTOR = re.compile(r"none|\([^()]*\)", re.IGNORECASE)
_QUOTED = re.compile(r'"([^"]*)"')

_MOST_AXES = 16


@dataclass(frozen=True)
class NrrdImage:
    """Voxels of an NRRD file, its grid and what programs wrote beside them.

    Attributes
    ----------
    array : ndarray, shape (z, y, x) or (z, y, x, layers)
        The latter where one axis does not lie in space.
    geometry : Geometry
    pairs : mapping of str to str
    """

    array: AnyArray
    geometry: Geometry
    pairs: Mapping[str, str]


def read_nrrd(path: Path, content: memoryview, contents: Contents | None = None) -> NrrdImage:
    """Read an NRRD file.

    Parameters
    ----------
    path : Path
        ``.nrrd`` or ``.nhdr``.
    content : memoryview
        Its bytes.
    contents : mapping, optional
        Bytes of the files that it names, if they are in memory.

    Raises
    ------
    ImageFileError
        ``IMAGE-FILE-UNREADABLE``, ``IMAGE-FILE-SHAPE``, ``IMAGE-FILE-GEOMETRY``,
        ``IMAGE-FILE-SCALED``, ``IMAGE-FILE-DETACHED``, ``IMAGE-FILE-TOO-LARGE``.
    """
    header = nrrd_header(content, path)
    sizes = _sizes(header, path)
    for field in ("oldmin", "oldmax"):
        if field in header.fields:
            raise scaled(path, f"{field[:3]} {field[3:]} {header.fields[field]}")
    directions = _directions(header, sizes, path)
    _require_kinds(header, directions, path)
    _require_mm(header, path)
    affine = _affine(header, [d for d in directions if d is not None], path)
    spatial = [size for size, d in zip(sizes, directions, strict=True) if d is not None]
    geometry = grid_of(tuple(spatial), affine, path)
    array: AnyArray = read_voxels(_voxels(header, sizes, path), path, content, contents)
    if len(sizes) == 4:
        layers = 3 - next(axis for axis, d in enumerate(directions) if d is None)
        array = np.moveaxis(array, layers, -1)
    return NrrdImage(array, geometry, header.pairs)


def files_of_nrrd(path: Path, content: memoryview) -> list[Path]:
    """Return the files that an NRRD header keeps its voxels in; none where they follow it.

    Raises
    ------
    ImageFileError
        ``IMAGE-FILE-UNREADABLE``, ``IMAGE-FILE-DETACHED``.
    """
    return paths_of(_files(nrrd_header(content, path), path), path)


def _files(header: NrrdHeader, path: Path) -> DataFiles:
    said = header.fields.get("datafile")
    return DataFiles() if said is None else data_files(said, iter(header.listed), path)


def _field(header: NrrdHeader, name: str, path: Path) -> str:
    value = header.fields.get(name)
    if value is None:
        raise unreadable(path, f"the header has no {name!r}")
    return value


def _sizes(header: NrrdHeader, path: Path) -> list[int]:
    """Return the sizes of the axes, the fastest first."""
    said = _field(header, "dimension", path)
    words = _field(header, "sizes", path).split()
    if not all(re.fullmatch(r"[0-9]{1,18}", word) for word in (said, *words)):
        raise unreadable(path, f"dimension {said[:30]!r} or sizes are no whole numbers")
    sizes = [int(word) for word in words]
    if len(sizes) != int(said) or len(sizes) > _MOST_AXES:
        raise unreadable(path, f"expected {said} sizes, found {len(sizes)}")
    if not 3 <= len(sizes) <= 4 or min(sizes) < 1:
        raise bad_shape(path, f"the sizes {sizes}")
    return sizes


def _directions(header: NrrdHeader, sizes: list[int], path: Path) -> list[list[float] | None]:
    """Return the direction of each axis; None for the one that does not lie in space."""
    fields = header.fields
    if "space" not in fields:
        raise bad_geometry(path, "the NRRD header has no 'space'")
    if "spacedimension" in fields:
        raise bad_geometry(path, "the header has 'space dimension' beside 'space'")
    if "spacedirections" not in fields:
        raise bad_geometry(path, "the header has no 'space directions'")
    said = fields["spacedirections"]
    words = _VECTOR.findall(said)
    if len(words) != len(sizes) or _VECTOR.sub("", said).strip():
        raise bad_geometry(path, f"expected {len(sizes)} space directions, found {said[:80]!r}")
    directions = [None if w.lower() == "none" else _vector(w, path) for w in words]
    n_spatial = sum(direction is not None for direction in directions)
    if n_spatial != 3:
        raise bad_shape(path, f"{n_spatial} axes in space")
    for name in ("spacings", "axismins", "axismaxs", "units"):
        if any(w.strip('"').lower() not in {"", "nan"} for w in fields.get(name, "").split()):
            raise bad_geometry(path, f"the header has {name!r} beside 'space directions'")
    return directions


def _vector(word: str, path: Path) -> list[float]:
    try:
        numbers = numbers_of(word.strip("()").split(","))
    except ValueError as error:
        raise bad_geometry(path, f"{word[:60]!r} is no vector") from error
    if len(numbers) != 3:
        raise bad_geometry(path, f"expected a vector of three numbers, found {word[:60]!r}")
    return numbers


def _require_kinds(header: NrrdHeader, directions: list[list[float] | None], path: Path) -> None:
    said = header.fields.get("kinds")
    if said is None:
        return
    kinds = said.lower().split()
    if len(kinds) != len(directions):
        raise unreadable(path, f"expected {len(directions)} kinds, found {len(kinds)}")
    for kind, direction in zip(kinds, directions, strict=True):
        is_odd = kind in {"domain", "space"} if direction is None else kind not in _SPATIAL_KINDS
        if is_odd:
            raise bad_shape(path, f"the kinds {said!r} with directions of {directions}")


def _require_mm(header: NrrdHeader, path: Path) -> None:
    said = header.fields.get("spaceunits", "")
    if any(unit.strip().lower() not in _MM for unit in _QUOTED.findall(said) or said.split()):
        raise bad_geometry(path, f"expected space units of mm, found {said[:60]}")


def _affine(header: NrrdHeader, directions: list[list[float]], path: Path) -> FloatArray:
    """Return the map from indices to LPS mm."""
    space = header.fields["space"]
    turn = _TO_LPS.get(space.lower())
    if turn is None:
        raise bad_geometry(
            path,
            f"expected the space LPS, RAS or LAS, found {space[:60]!r}, which is not anatomical",
        )
    if "spaceorigin" not in header.fields:
        raise bad_geometry(path, "the header has no 'space origin'")
    affine = np.eye(4)
    affine[:3, :3] = np.array(directions).T
    affine[:3, 3] = _vector(header.fields["spaceorigin"], path)
    affine[:3] *= np.array(turn)[:, np.newaxis]
    return affine


def _voxels(header: NrrdHeader, sizes: list[int], path: Path) -> Voxels:
    fields = header.fields
    kind = _field(header, "type", path).lower()
    encoding = _ENCODINGS.get(_field(header, "encoding", path).lower())
    if kind not in _DTYPES or encoding is None:
        raise unreadable(path, f"type {kind[:30]!r} or encoding {fields['encoding'][:30]!r}")
    dtype = np.dtype(_DTYPES[kind])
    order = fields.get("endian", "").lower()
    if dtype.itemsize > 1 and encoding != "text":
        if order not in {"little", "big"}:
            raise unreadable(path, f"endian is {order[:30]!r}, expected little or big")
        dtype = dtype.newbyteorder("<" if order == "little" else ">")
    return Voxels(
        dtype=dtype,
        shape=tuple(sizes[::-1]),
        encoding=encoding,
        start=header.start,
        files=_files(header, path),
        n_lines=_skip(header, "lineskip", 0, path),
        n_bytes=_skip(header, "byteskip", -1, path),
    )


def _skip(header: NrrdHeader, name: str, least: int, path: Path) -> int:
    said = header.fields.get(name, "0")
    if not re.fullmatch(r"-?[0-9]{1,12}", said) or int(said) < least:
        raise unreadable(path, f"{name} is {said[:30]!r}")
    return int(said)
