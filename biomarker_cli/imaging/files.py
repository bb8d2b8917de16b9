"""NIfTI, NRRD and MetaImage files: read with correct axes, write NIfTI.

These files carry a grid but no acquisition: what their numbers mean has to be
declared by the user, and the rows say so (flag ``quantity_declared``). NIfTI
stores patient coordinates as RAS, the others as LPS; a `Geometry` is always LPS.
"""

from __future__ import annotations

import glob
import gzip
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from biomarker_cli.imaging.errors import ImageFileError
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.plain_nifti import read_plain_nifti
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import Quantity

RAS_TO_LPS = np.diag([-1.0, -1.0, 1.0, 1.0])

NIFTI_SUFFIXES = (".nii", ".nii.gz")
NRRD_SUFFIXES = (".nrrd", ".nhdr")
META_SUFFIXES = (".mha", ".mhd")
IMAGE_SUFFIXES = NIFTI_SUFFIXES + NRRD_SUFFIXES + META_SUFFIXES

ORTHOGONAL_TOLERANCE = 1e-4
"""Largest dot product of two unit axes of a grid without shear (float32 headers)."""

TRANSFORM_TOLERANCE_MM = 1e-2
"""Largest distance between a corner placed by the sform and by the qform."""

_MM_PER_NIFTI_UNIT = {"unknown": 1.0, "mm": 1.0, "meter": 1000.0, "micron": 1e-3}

# Separator and keys of the line that names the voxel file of a detached header.
_DATA_FILE_LINES = {
    ".mhd": ("=", ("ElementDataFile",)),
    ".nhdr": (":", ("data file", "datafile")),
}

_META_FIELDS = (
    ("ElementSpacing",),
    ("Offset", "Position", "Origin"),
    ("TransformMatrix", "Orientation", "Rotation"),
)


def is_image_file(path: Path) -> bool:
    """Tell by its name whether a file is NIfTI, NRRD or MetaImage."""
    return path.name.lower().endswith(IMAGE_SUFFIXES)


def files_of_image(path: Path) -> list[Path]:
    """Return an image file and the one that a detached header keeps its voxels in.

    Parameters
    ----------
    path : Path
        Where ``.mhd`` or ``.nhdr`` spread the voxels over many files, all that
        share its name are returned.
    """
    line = _DATA_FILE_LINES.get(path.suffix.lower())
    if line is None:
        return [path]
    separator, keys = line
    fields = _header_fields(path, separator)
    for named in (path.parent / fields[key] for key in keys if fields.get(key)):
        if named.is_file():
            return [path, named]
    return sorted(p for p in path.parent.glob(f"{glob.escape(path.stem)}*") if p.is_file())


def read_image_file(path: Path, quantity: Quantity) -> Volume:
    """Read a NIfTI, NRRD or MetaImage file.

    Parameters
    ----------
    path : Path
        ``.nii``, ``.nii.gz``, ``.nrrd``, ``.nhdr``, ``.mha`` or ``.mhd``.
    quantity : Quantity
        What the user declares the numbers to be.

    Returns
    -------
    Volume
        Array of shape (z, y, x) in the type of the file, or float64 where the
        file scales its numbers; geometry in LPS mm; flag ``quantity_declared``.

    Raises
    ------
    ImageFileError
        ``IMAGE-FILE-FORMAT`` for another suffix, ``IMAGE-FILE-UNREADABLE`` for
        a broken file, ``IMAGE-FILE-SHAPE`` where it is no single 3D volume of
        one number per voxel, ``IMAGE-FILE-GEOMETRY`` where its place in the
        patient is absent, sheared or told in two ways.
    """
    name = path.name.lower()
    try:
        if name.endswith(NIFTI_SUFFIXES):
            array, geometry = _read_nifti(path)
        elif name.endswith(NRRD_SUFFIXES + META_SUFFIXES):
            array, geometry = _read_itk(path)
        else:
            raise _bad_format(path)
    except (OSError, EOFError, RuntimeError, ValueError, zlib.error) as error:
        raise ImageFileError(
            "IMAGE-FILE-UNREADABLE",
            f"the image file cannot be read: {_first_line(error)}",
            where=path.name,
            hint="The file may be cut short or damaged: copy it again and compare its size.",
        ) from error
    return Volume(
        array=array,
        geometry=geometry,
        quantity=quantity,
        volume_id=path.name,
        flags=frozenset({"quantity_declared"}),
    )


def write_nifti(array: npt.NDArray[Any], geometry: Geometry, path: Path) -> None:
    """Write an array as NIfTI-1, with the same bytes for the same numbers.

    Parameters
    ----------
    array : ndarray, shape (z, y, x)
        Booleans are written as uint8, 64-bit integers as 32-bit.
    geometry : Geometry
    path : Path
        ``.nii`` or ``.nii.gz``; the compressed form holds no time and no file name.

    Raises
    ------
    ImageFileError
        ``IMAGE-FILE-FORMAT`` for another suffix.
    """
    if not path.name.lower().endswith(NIFTI_SUFFIXES):
        raise _bad_format(path)
    if array.shape != geometry.shape:
        raise ValueError(f"array {array.shape} on a grid of {geometry.shape}")
    import nibabel

    affine = RAS_TO_LPS @ geometry.affine
    image = nibabel.Nifti1Image(_storable(array).transpose(2, 1, 0), affine)
    image.header.set_xyzt_units("mm")
    image.set_sform(affine, code="scanner")
    image.set_qform(affine, code="scanner")
    content = image.to_bytes()
    with path.open("wb") as file:
        if not path.name.lower().endswith(".gz"):
            file.write(content)
            return
        # Level 9, the default, takes 16 times as long on noise and saves a seventh.
        with gzip.GzipFile("", "wb", compresslevel=6, fileobj=file, mtime=0) as packed:
            packed.write(content)


def _storable(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if array.dtype == np.bool_:
        return array.astype(np.uint8)
    if array.dtype.kind in "iu" and array.dtype.itemsize == 8:
        narrow = array.astype(np.int32)
        if not np.array_equal(narrow, array):
            raise ValueError("integers beyond 32 bits cannot be written as NIfTI")
        return narrow
    return array


def _read_nifti(path: Path) -> tuple[npt.NDArray[Any], Geometry]:
    plain = read_plain_nifti(path)
    if plain is not None:
        voxels, told = plain
        affine = _chosen_affine(told.sform, told.qform, told.shape, path)
        affine[:3] *= told.mm_per_unit
        return voxels, _geometry(told.shape, RAS_TO_LPS @ affine, path)
    return _read_by_nibabel(path)


def _read_by_nibabel(path: Path) -> tuple[npt.NDArray[Any], Geometry]:
    import nibabel
    from nibabel.filebasedimages import ImageFileError as NiftiError
    from nibabel.spatialimages import HeaderDataError

    try:
        image: Any = nibabel.load(path)
        array = np.asanyarray(image.dataobj)
    except (NiftiError, HeaderDataError) as error:
        raise ValueError(str(error)) from error
    if array.ndim > 3 and set(array.shape[3:]) == {1}:
        array = array.reshape(array.shape[:3])
    _require_scalar_volume(array, path)
    sform, qform = image.header.get_sform(coded=True)[0], image.header.get_qform(coded=True)[0]
    affine = _chosen_affine(sform, qform, image.header.get_data_shape()[:3], path)
    affine[:3] *= _MM_PER_NIFTI_UNIT[image.header.get_xyzt_units()[0]]
    native = np.ascontiguousarray(array.T, dtype=array.dtype.newbyteorder("="))
    return native, _geometry(array.shape, RAS_TO_LPS @ affine, path)


def _chosen_affine(
    sform: npt.NDArray[np.float64] | None,
    qform: npt.NDArray[np.float64] | None,
    shape_xyz: tuple[int, ...],
    path: Path,
) -> npt.NDArray[np.float64]:
    """Return the affine that places a NIfTI file; refuse none, and two that disagree."""
    chosen = qform if sform is None else sform
    if chosen is None:
        raise _bad_geometry(
            path, "neither sform nor qform is set, so its place in the patient is unknown"
        )
    if sform is not None and qform is not None:
        corners = np.array([(*np.multiply(c, shape_xyz), 1.0) for c in np.ndindex(2, 2, 2)])
        apart = float(np.linalg.norm(corners @ (sform - qform).T, axis=1).max())
        if apart > TRANSFORM_TOLERANCE_MM:
            raise _bad_geometry(path, f"sform and qform disagree by up to {apart:.3g} mm")
    return np.array(chosen, dtype=np.float64)


def _read_itk(path: Path) -> tuple[npt.NDArray[Any], Geometry]:
    import SimpleITK as sitk  # noqa: N813 - the name its documentation uses

    if path.name.lower().endswith(META_SUFFIXES):
        _require_meta_fields(path)
    image = sitk.ReadImage(str(path))
    if path.name.lower().endswith(NRRD_SUFFIXES) and not image.HasMetaDataKey("NRRD_space"):
        raise _bad_geometry(path, "the NRRD header has no 'space'")
    if image.GetNumberOfComponentsPerPixel() != 1 or image.GetDimension() != 3:
        raise _bad_shape(
            path, f"{image.GetDimension()} dimensions of {image.GetPixelIDTypeAsString()}"
        )
    array = sitk.GetArrayFromImage(image)
    _require_scalar_volume(array, path)
    affine = np.eye(4)
    direction = np.array(image.GetDirection(), dtype=np.float64).reshape(3, 3)
    affine[:3, :3] = direction * np.array(image.GetSpacing())
    affine[:3, 3] = image.GetOrigin()
    return array, _geometry(array.shape[::-1], affine, path)


def _require_meta_fields(path: Path) -> None:
    """Refuse a MetaImage header whose place would be filled in by default."""
    present = _header_fields(path, "=")
    for names in _META_FIELDS:
        if not present.keys() & set(names):
            raise _bad_geometry(path, f"the header has no {names[0]}")


def _header_fields(path: Path, separator: str) -> dict[str, str]:
    """Return the fields of a text header, up to its empty line or its voxels."""
    fields: dict[str, str] = {}
    with path.open("rb") as file:
        for line in file:
            key, _, value = line.decode("latin-1").partition(separator)
            fields[key.strip()] = value.strip()
            if key.strip() in {"", "ElementDataFile"} or len(fields) > 200:
                break
    return fields


def _require_scalar_volume(array: npt.NDArray[Any], path: Path) -> None:
    if array.ndim != 3 or array.dtype.kind not in "iufb" or 0 in array.shape:
        raise _bad_shape(path, f"shape {array.shape} of {array.dtype}")


def _geometry(shape_xyz: tuple[int, ...], affine: npt.NDArray[np.float64], path: Path) -> Geometry:
    columns = affine[:3, :3]
    spacing = np.linalg.norm(columns, axis=0)
    if not np.isfinite(affine).all() or spacing.min() <= 0:
        raise _bad_geometry(path, f"the voxel spacing is {spacing.tolist()} mm")
    axes = columns / spacing
    cosine = float(np.abs(axes.T @ axes - np.eye(3)).max())
    if cosine > ORTHOGONAL_TOLERANCE:
        raise _bad_geometry(path, f"the axes are not perpendicular (cosine {cosine:.3g})")
    nx, ny, nz = shape_xyz
    x, y, z = spacing.tolist()
    origin = affine[:3, 3].tolist()
    return Geometry(
        shape=(nz, ny, nx),
        spacing_mm=(x, y, z),
        origin_mm=(origin[0], origin[1], origin[2]),
        direction=tuple(axes.ravel().tolist()),
    )


def _bad_format(path: Path) -> ImageFileError:
    return ImageFileError(
        "IMAGE-FILE-FORMAT",
        f"expected a file that ends in {', '.join(IMAGE_SUFFIXES)}",
        where=path.name,
    )


def _bad_shape(path: Path, found: str) -> ImageFileError:
    return ImageFileError(
        "IMAGE-FILE-SHAPE",
        f"expected one volume of three dimensions with one number per voxel, found {found}",
        where=path.name,
        hint="Split a series of volumes into one file each.",
    )


def _bad_geometry(path: Path, found: str) -> ImageFileError:
    return ImageFileError(
        "IMAGE-FILE-GEOMETRY",
        f"the grid of the image cannot be trusted: {found}",
        where=path.name,
        hint="Convert the image again from its DICOM series.",
    )


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1].strip() if lines else type(error).__name__
