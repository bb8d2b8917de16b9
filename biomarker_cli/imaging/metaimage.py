"""Read MetaImage files (.mha, .mhd), attached or detached.

Other readers fill in what a header leaves out, and give voxels of damaged or absent
files as zeros or as whatever lies in memory. Here such a file is refused.

References
----------
MetaIO, "MetaImage: reading a brick-of-bytes" and tag reference:
https://itk.org/Wiki/ITK/MetaIO/Documentation
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from biomarker_cli.imaging.detached import DataFiles, data_files, paths_of
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.placing import ORTHOGONAL_TOLERANCE, grid_of, numbers_of
from biomarker_cli.imaging.refusals import bad_geometry, bad_shape, scaled, unreadable
from biomarker_cli.imaging.stored import MOST_HEADER_BYTES, Contents
from biomarker_cli.imaging.voxels import Voxels, read_voxels
from biomarker_cli.model.arrays import AnyArray, FloatArray

_LAST = "ElementDataFile"

_SEPARATOR = re.compile("[=:]")

_SPACING = ("ElementSpacing",)
_ORIGIN = ("Offset", "Position", "Origin")
_AXES = ("TransformMatrix", "Orientation", "Rotation")
_ORDER = ("BinaryDataByteOrderMSB", "ElementByteOrderMSB")

_PLACE = frozenset((*_SPACING, *_ORIGIN, *_AXES))
_KNOWN = frozenset(
    (
        *(*_PLACE, *_ORDER, _LAST, "BinaryData", "CompressedData", "CompressedDataSize"),
        *("DimSize", "DistanceUnits", "ElementNumberOfChannels", "ElementType", "HeaderSize"),
        *("ElementToIntensityFunctionOffset", "ElementToIntensityFunctionSlope"),
        *("NDims", "ObjectType"),
    )
)
"""Fields that are read. All others are what programs keep beside them."""

_IN_OTHER_CAPITALS = {name.lower(): name for name in _KNOWN - _PLACE}
"""MetaIO passes over them: what they say would be lost."""

_DTYPES = {
    "MET_CHAR": "i1",
    "MET_UCHAR": "u1",
    "MET_SHORT": "i2",
    "MET_USHORT": "u2",
    "MET_INT": "i4",
    "MET_UINT": "u4",
    "MET_LONG": "i4",
    "MET_ULONG": "u4",
    "MET_LONG_LONG": "i8",
    "MET_ULONG_LONG": "u8",
    "MET_FLOAT": "f4",
    "MET_DOUBLE": "f8",
}


@dataclass(frozen=True)
class _Header:
    path: Path
    fields: Mapping[str, str]
    start: int
    listed: tuple[str, ...] = field(default=())

    def get(self, names: tuple[str, ...], default: str | None = None) -> str:
        """Return a field by any of its names, of which a header has one."""
        present = [name for name in names if name in self.fields]
        if len(present) > 1 and len({self.fields[name] for name in present}) > 1:
            raise unreadable(self.path, f"the header has {' and '.join(present)}, which differ")
        if present:
            return self.fields[present[0]]
        if default is None:
            raise unreadable(self.path, f"the header has no {names[0]}")
        return default

    def flag(self, names: tuple[str, ...], default: str | None = None) -> bool:
        said = self.get(names, default)
        if said[:1] not in {"T", "t", "1", "F", "f", "0"}:
            raise unreadable(self.path, f"{names[0]} is {said[:30]!r}, expected True or False")
        return said[:1] in {"T", "t", "1"}

    def place(self, names: tuple[str, ...], n_numbers: int) -> FloatArray:
        """Return numbers that place the image; they are never filled in."""
        if not any(name in self.fields for name in names):
            raise bad_geometry(self.path, f"the header has no {names[0]}")
        words = self.get(names).split()
        try:
            numbers = numbers_of(words)
        except ValueError:
            numbers = []
        if len(numbers) != n_numbers:
            raise bad_geometry(
                self.path, f"expected {n_numbers} numbers in {names[0]}, found {words[:9]}"
            )
        return np.array(numbers)


def read_metaimage(
    path: Path, content: memoryview, contents: Contents | None = None
) -> tuple[AnyArray, Geometry]:
    """Read a MetaImage file.

    Parameters
    ----------
    path : Path
        ``.mha`` or ``.mhd``.
    content : memoryview
        Its bytes.
    contents : mapping, optional
        Bytes of the files that it names, if they are in memory.

    Returns
    -------
    tuple of (ndarray, Geometry)
        Voxels of shape (z, y, x), in the type of the file.

    Raises
    ------
    ImageFileError
        ``IMAGE-FILE-UNREADABLE``, ``IMAGE-FILE-SHAPE``, ``IMAGE-FILE-GEOMETRY``,
        ``IMAGE-FILE-SCALED``, ``IMAGE-FILE-DETACHED``, ``IMAGE-FILE-TOO-LARGE``.
    """
    header = _header(content, path)
    shape_xyz = _shape(header)
    _require_unscaled(header)
    geometry = grid_of(shape_xyz, _affine(header), path)
    return read_voxels(_voxels(header, shape_xyz), path, content, contents), geometry


def files_of_metaimage(path: Path, content: memoryview) -> list[Path]:
    """Return the files that a MetaImage header keeps its voxels in; none where they follow it.

    Raises
    ------
    ImageFileError
        ``IMAGE-FILE-UNREADABLE``, ``IMAGE-FILE-DETACHED``.
    """
    return paths_of(_files(_header(content, path)), path)


def _header(content: memoryview, path: Path) -> _Header:
    text = bytes(content[:MOST_HEADER_BYTES])
    fields: dict[str, str] = {}
    position = 0
    while position < len(text):
        end = text.find(b"\n", position)
        end = len(text) if end < 0 else end
        line = text[position:end].decode("utf-8", "surrogateescape")
        position = end + 1
        # Values of other programs may go on over lines, and their names may hold anything.
        key, *rest = (part.strip() for part in _SEPARATOR.split(line, maxsplit=1))
        if not rest or key not in _KNOWN:
            if key.lower() in _IN_OTHER_CAPITALS:
                known = _IN_OTHER_CAPITALS[key.lower()]
                raise unreadable(path, f"expected the field {known}, found {key}")
            continue
        if key in fields:
            raise unreadable(path, f"the header gives {key} twice")
        fields[key] = value = rest[0]
        if key == _LAST:
            listed = text[position:] if value[:4].upper() == "LIST" else b""
            names = listed.decode("utf-8", "surrogateescape").splitlines()
            return _Header(path, fields, min(position, len(text)), tuple(names))
    raise unreadable(path, f"the header has no {_LAST}")


def _shape(header: _Header) -> tuple[int, ...]:
    words = header.get(("DimSize",)).split()
    n_axes = header.get(("NDims",))
    channels = header.get(("ElementNumberOfChannels",), "1")
    is_whole = all(re.fullmatch(r"[0-9]{1,18}", word) for word in words)
    if header.get(("ObjectType",), "Image") != "Image" or not is_whole:
        raise unreadable(header.path, "the header is not that of an image with whole sizes")
    sizes = tuple(int(word) for word in words)
    if n_axes != str(len(sizes)):
        raise unreadable(header.path, f"expected {n_axes[:20]} sizes, found {len(sizes)}")
    if len(sizes) != 3 or min(sizes) < 1 or channels != "1":
        raise bad_shape(header.path, f"the sizes {sizes} with {channels[:20]} channels")
    return sizes


def _require_unscaled(header: _Header) -> None:
    for name, neutral in (("Slope", 1.0), ("Offset", 0.0)):
        key = f"ElementToIntensityFunction{name}"
        said = header.get((key,), str(neutral))
        try:
            is_neutral = numbers_of([said]) == [neutral]
        except ValueError:
            is_neutral = False
        if not is_neutral:
            raise scaled(header.path, f"{key} {said[:30]}")


def _affine(header: _Header) -> FloatArray:
    spacing = header.place(_SPACING, 3)
    origin = header.place(_ORIGIN, 3)
    # The header lists the directions of the axes one after the other.
    axes = header.place(_AXES, 9).reshape(3, 3).T
    unit = header.get(("DistanceUnits",), "mm")
    if unit.lower() not in {"mm", "?"}:
        raise bad_geometry(header.path, f"expected DistanceUnits of mm, found {unit[:30]!r}")
    if not (spacing > 0).all():
        raise bad_geometry(header.path, f"the voxel spacing is {spacing.tolist()} mm")
    with np.errstate(all="ignore"):
        lengths = np.linalg.norm(axes, axis=0)
    if not (np.abs(lengths - 1.0) <= ORTHOGONAL_TOLERANCE).all():
        raise bad_geometry(header.path, f"the axes have lengths of {lengths.tolist()}, not of 1")
    affine = np.eye(4)
    affine[:3, :3] = axes * spacing
    affine[:3, 3] = origin
    return affine


def _files(header: _Header) -> DataFiles:
    said = header.fields[_LAST]
    if said.upper() == "LOCAL":
        return DataFiles()
    return data_files(said, iter(header.listed), header.path)


def _voxels(header: _Header, shape_xyz: tuple[int, ...]) -> Voxels:
    kind = header.get(("ElementType",))
    if kind not in _DTYPES:
        raise bad_shape(header.path, f"voxels of the type {kind[:30]!r}")
    dtype = np.dtype(_DTYPES[kind])
    is_binary = header.flag(("BinaryData",), "True")
    is_packed = header.flag(("CompressedData",), "False")
    if dtype.itemsize > 1 and is_binary:
        dtype = dtype.newbyteorder(">" if header.flag(_ORDER) else "<")
    if is_packed and not is_binary:
        raise unreadable(header.path, "numbers that are written out and compressed")
    files = _files(header)
    skip = header.get(("HeaderSize",), "0")
    packed = header.get(("CompressedDataSize",), "")
    if not re.fullmatch(r"-1|[0-9]{1,12}", skip) or not re.fullmatch(r"[0-9]{0,18}", packed):
        raise unreadable(header.path, "HeaderSize or CompressedDataSize is no whole number")
    if skip != "0" and (is_packed or not is_binary or not files.names):
        raise unreadable(header.path, "a HeaderSize is read with raw voxels in another file only")
    is_one = files.is_single or not files.names
    return Voxels(
        dtype=dtype,
        shape=shape_xyz[::-1],
        encoding="zlib" if is_packed else "raw" if is_binary else "text",
        start=header.start,
        files=files,
        n_bytes=int(skip),
        packed_size=int(packed) if is_packed and packed and is_one else None,
    )
