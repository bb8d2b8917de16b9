"""Write MetaImage and NRRD files with chosen flaws, and hold what is read against SimpleITK."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from biomarker_cli.imaging.errors import ImageFileError
from biomarker_cli.imaging.files import read_image_file
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import HU

VOXELS = np.arange(60, dtype="<i2").reshape(3, 4, 5)

META_FIELDS = {
    "ObjectType": "Image",
    "NDims": "3",
    "BinaryData": "True",
    "BinaryDataByteOrderMSB": "False",
    "CompressedData": "False",
    "TransformMatrix": "0.8 0.6 0 -0.6 0.8 0 0 0 1",
    "Offset": "1 2 3",
    "ElementSpacing": "1 2 3",
    "DimSize": "5 4 3",
    "ElementType": "MET_SHORT",
}
NRRD_FIELDS = {
    "type": "int16",
    "dimension": "3",
    "space": "left-posterior-superior",
    "sizes": "5 4 3",
    "space directions": "(1,0,0) (0,2,0) (0,0,3)",
    "space origin": "(7,8,9)",
    "encoding": "raw",
    "endian": "little",
}


def write_meta(
    path: Path,
    voxels: bytes | None = None,
    named: str = "LOCAL",
    separator: str = " = ",
    line_end: str = "\n",
    **change: Any,
) -> Path:
    """Write a MetaImage; a field that is None is left out."""
    fields = {key: value for key, value in (META_FIELDS | change).items() if value is not None}
    fields |= {"ElementDataFile": named}
    lines = [f"{key}{separator}{value}" for key, value in fields.items()]
    return _write(path, lines, line_end, voxels)


def write_nrrd(
    path: Path, voxels: bytes | None = None, extra: str = "", line_end: str = "\n", **change: Any
) -> Path:
    """Write an NRRD; a field that is None is left out, `extra` stands behind the others."""
    change = {key.replace("_", " "): value for key, value in change.items()}
    fields = {key: value for key, value in (NRRD_FIELDS | change).items() if value is not None}
    lines = ["NRRD0004", *(f"{key}: {value}" for key, value in fields.items())]
    return _write(path, lines, line_end, voxels, extra + line_end)


def _write(
    path: Path, lines: list[str], line_end: str, voxels: bytes | None, behind: str = ""
) -> Path:
    head = "".join(line + line_end for line in lines) + behind
    path.write_bytes(head.encode() + (VOXELS.tobytes() if voxels is None else voxels))
    return path


def refusal(path: Path) -> str:
    """Return the code of the error by which a file is refused, which names the file."""
    with pytest.raises(ImageFileError) as caught:
        read_image_file(path, HU)
    assert caught.value.where == path.name
    return caught.value.code


def read_as_itk(path: Path) -> Volume:
    """Read a file, and hold voxels, their type and their place against SimpleITK."""
    volume, image = read_image_file(path, HU), sitk.ReadImage(str(path))
    array = sitk.GetArrayFromImage(image)
    assert np.array_equal(volume.array, array)
    assert volume.array.dtype == array.dtype
    assert volume.array.flags.writeable
    grid = volume.geometry
    assert np.allclose(grid.spacing_mm, image.GetSpacing(), rtol=1e-14)
    assert np.allclose(grid.origin_mm, image.GetOrigin(), rtol=1e-14)
    assert np.allclose(grid.direction, image.GetDirection(), atol=1e-14)
    return volume
