"""NIfTI, NRRD and MetaImage files: read with correct axes, write NIfTI.

These files carry a grid but no acquisition: what their numbers mean has to be
declared by the user, and the rows say so (flag ``quantity_declared``). NIfTI
stores patient coordinates as RAS, the others as LPS; a `Geometry` is always LPS.

A file is read once, whole, or taken from the bytes that somebody has read already.
"""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np

from biomarker_cli.imaging.errors import ImageFileError
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.metaimage import files_of_metaimage, read_metaimage
from biomarker_cli.imaging.nifti import read_nifti
from biomarker_cli.imaging.placing import RAS_TO_LPS
from biomarker_cli.imaging.refusals import bad_shape, too_large, unreadable
from biomarker_cli.imaging.stored import MOST_HEADER_BYTES, Contents, content_of
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.arrays import AnyArray
from biomarker_cli.model.outputs import whole_file
from biomarker_cli.model.quantity import Quantity

NIFTI_SUFFIXES = (".nii", ".nii.gz")
NRRD_SUFFIXES = (".nrrd", ".nhdr")
META_SUFFIXES = (".mha", ".mhd")
IMAGE_SUFFIXES = NIFTI_SUFFIXES + NRRD_SUFFIXES + META_SUFFIXES


def is_image_file(path: Path) -> bool:
    """Tell by its name whether a file is NIfTI, NRRD or MetaImage."""
    return path.name.lower().endswith(IMAGE_SUFFIXES)


def files_of_image(path: Path, contents: Contents | None = None) -> list[Path]:
    """Return an image file and all files that a header in it keeps its voxels in.

    Parameters
    ----------
    path : Path
    contents : mapping, optional
        Bytes of `path`, if they are in memory.

    Returns
    -------
    list of Path
        Every file that `read_image_file` reads, `path` first.

    Raises
    ------
    ImageFileError
        ``IMAGE-FILE-DETACHED`` where voxels lie outside the folder of the header, or
        nowhere; ``IMAGE-FILE-UNREADABLE`` where the header cannot be read;
        ``FILE-NOT-REGULAR``.
    """
    name = path.name.lower()
    if not name.endswith(NRRD_SUFFIXES + META_SUFFIXES):
        return [path]
    content = _content(path, contents, MOST_HEADER_BYTES)
    if name.endswith(NRRD_SUFFIXES):
        from biomarker_cli.imaging.nrrd import files_of_nrrd

        return [path, *files_of_nrrd(path, content)]
    return [path, *files_of_metaimage(path, content)]


def read_image_file(path: Path, quantity: Quantity, contents: Contents | None = None) -> Volume:
    """Read a NIfTI, NRRD or MetaImage file.

    Parameters
    ----------
    path : Path
        ``.nii``, ``.nii.gz``, ``.nrrd``, ``.nhdr``, ``.mha`` or ``.mhd``.
    quantity : Quantity
        What the user declares the numbers to be.
    contents : mapping of Path to bytes, optional
        What `files_of_image` names, if it is in memory: then nothing is opened.

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
        patient is absent, sheared or told in two ways, ``IMAGE-FILE-SCALED``,
        ``IMAGE-FILE-DETACHED``, ``IMAGE-FILE-TOO-LARGE``, ``FILE-NOT-REGULAR``.
    """
    name = path.name.lower()
    try:
        if name.endswith(NIFTI_SUFFIXES):
            array, geometry = read_nifti(path, _content(path, contents))
        elif name.endswith(NRRD_SUFFIXES):
            array, geometry = _one_layer(path, contents)
        elif name.endswith(META_SUFFIXES):
            array, geometry = read_metaimage(path, _content(path, contents), contents)
        else:
            raise _bad_format(path)
    except MemoryError as error:
        raise too_large(path, "there is not the memory for it") from error
    except OSError as error:
        raise unreadable(path, error.strerror or type(error).__name__) from error
    return Volume(
        array=array,
        geometry=geometry,
        quantity=quantity,
        volume_id=path.name,
        flags=frozenset({"quantity_declared"}),
    )


def _content(path: Path, contents: Contents | None, first: int | None = None) -> memoryview:
    try:
        return content_of(path, contents, first)
    except OSError as error:
        raise unreadable(path, error.strerror or type(error).__name__) from error


def _one_layer(path: Path, contents: Contents | None) -> tuple[AnyArray, Geometry]:
    from biomarker_cli.imaging.nrrd import read_nrrd

    image = read_nrrd(path, _content(path, contents), contents)
    if image.array.ndim == 3:
        return image.array, image.geometry
    if image.array.shape[3] != 1:
        raise bad_shape(path, f"{image.array.shape[3]} layers")
    return np.ascontiguousarray(image.array[..., 0]), image.geometry


def write_nifti(array: AnyArray, geometry: Geometry, path: Path) -> None:
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
    if array.shape != geometry.shape:
        raise ValueError(f"array {array.shape} on a grid of {geometry.shape}")
    _write_nifti(_storable(array).transpose(2, 1, 0), geometry, path, "none")


def write_nifti_vectors(vectors: AnyArray, geometry: Geometry, path: Path) -> None:
    """Write three components for each voxel as NIfTI-1, as ITK writes a displacement field.

    The components stay along the LPS axes, which is what programs built on ITK expect of
    the intent ``vector``.

    Parameters
    ----------
    vectors : ndarray, shape (z, y, x, 3)
    geometry : Geometry
    path : Path
        ``.nii`` or ``.nii.gz``; the same numbers give the same bytes.

    Raises
    ------
    ImageFileError
        ``IMAGE-FILE-FORMAT`` for another suffix.
    """
    if vectors.shape != (*geometry.shape, 3):
        raise ValueError(f"vectors {vectors.shape} on a grid of {geometry.shape}")
    _write_nifti(vectors.transpose(2, 1, 0, 3)[:, :, :, None, :], geometry, path, "vector")


def _write_nifti(array: AnyArray, geometry: Geometry, path: Path, intent: str) -> None:
    if not path.name.lower().endswith(NIFTI_SUFFIXES):
        raise _bad_format(path)
    import nibabel

    affine = RAS_TO_LPS @ geometry.affine
    image = nibabel.Nifti1Image(array, affine)
    image.header.set_intent(intent)
    image.header.set_xyzt_units("mm")
    image.set_sform(affine, code="scanner")
    image.set_qform(affine, code="scanner")
    content = image.to_bytes()
    with whole_file(path) as file:
        if not path.name.lower().endswith(".gz"):
            file.write(content)
            return
        # Level 9, the default, takes 16 times as long on noise and saves a seventh.
        with gzip.GzipFile("", "wb", compresslevel=6, fileobj=file, mtime=0) as packed:
            packed.write(content)


def _storable(array: AnyArray) -> AnyArray:
    if array.dtype == np.bool_:
        return array.astype(np.uint8)
    if array.dtype.kind in "iu" and array.dtype.itemsize == 8:
        narrow = array.astype(np.int32)
        if not np.array_equal(narrow, array):
            raise ValueError("integers beyond 32 bits cannot be written as NIfTI")
        return narrow
    return array


def _bad_format(path: Path) -> ImageFileError:
    return ImageFileError(
        "IMAGE-FILE-FORMAT",
        f"expected a file that ends in {', '.join(IMAGE_SUFFIXES)}",
        where=path.name,
    )
