"""Transforms that were made elsewhere: ITK text files, and DICOM objects."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from biomarker_cli.dicom.headers import parse_header, read_header
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.model.inputs import read_beginning
from biomarker_cli.model.wording import counted
from biomarker_cli.registration.errors import RegistrationError
from biomarker_cli.registration.linear_parts import keeps_sides
from biomarker_cli.registration.spatial_reading import transform_in_header

TFM_SUFFIX = ".tfm"

_MOST_BYTES = 100_000
"""A rigid or affine transform takes some hundred: what is longer is a field."""


def read_transform(path: Path, fixed_frame: str, moving_frame: str) -> FloatArray:
    """Return the transform in a file; see `transform_in`.

    Raises
    ------
    RegistrationError
        As `transform_in`.
    HeaderError
        Where the file is no DICOM, or cannot be read.
    InputError
        ``FILE-NOT-REGULAR``.
    OSError
        Where a text file may not be read.
    """
    if is_itk_file(path):
        return _of_itk(read_beginning(path, _MOST_BYTES + 1), path.name)
    return transform_in_header(read_header(path), fixed_frame, moving_frame, path.name)


def transform_in(content: bytes, path: Path, fixed_frame: str, moving_frame: str) -> FloatArray:
    """Return the transform in the bytes of a file.

    Parameters
    ----------
    content : bytes
    path : Path
        Its name tells an ITK text file (``.tfm``); all else is read as DICOM.
    fixed_frame, moving_frame : str
        FrameOfReferenceUID of both images, which a DICOM object speaks of.

    Returns
    -------
    ndarray, shape (4, 4)
        Fixed point to moving point, LPS mm.

    Raises
    ------
    RegistrationError
        ``REGISTRATION-TRANSFORM`` for a text file that does not hold one rigid or affine
        transform; those of `transform_in_header`.
    HeaderError
        Where the file is no DICOM.
    """
    if is_itk_file(path):
        return _of_itk(content, path.name)
    header = parse_header(content, path)
    return transform_in_header(header, fixed_frame, moving_frame, path.name)


def is_itk_file(path: Path) -> bool:
    """Tell whether the name of a file is that of a transform as ITK writes it as text."""
    return path.suffix.lower() == TFM_SUFFIX


def _of_itk(content: bytes, where: str) -> FloatArray:
    is_itk = content.startswith(b"#Insight Transform File") and content.isascii()
    if not is_itk or len(content) > _MOST_BYTES:
        raise _unusable(where, "it is no ITK transform file of a single matrix")
    kinds = _kinds_in(content)
    if not kinds:
        raise _unusable(where, "it is cut short")
    # A chain names itself before its parts; of a plain list the engine reads the first alone.
    if len(kinds) > 1 and not kinds[0].startswith("Composite"):
        raise _unusable(where, f"it holds {counted(len(kinds), 'transform')} that are no chain")
    transform = _read(content, where)
    if transform.GetDimension() != 3 or not transform.IsLinear():
        raise _unusable(where, "it is no rigid or affine transform of three dimensions")
    matrix = np.eye(4)
    origin = np.array(transform.TransformPoint((0.0, 0.0, 0.0)))
    for axis, unit in enumerate(np.eye(3).tolist()):
        matrix[:3, axis] = np.array(transform.TransformPoint(unit)) - origin
    matrix[:3, 3] = origin
    if not np.isfinite(matrix).all():
        raise _unusable(where, "it holds what is no number")
    if not keeps_sides(matrix[:3, :3]):
        raise _unusable(where, "it mirrors or flattens an image")
    return matrix


def _kinds_in(content: bytes) -> list[str]:
    """Return what transforms a text names, a chain before its parts; none where it is cut short.

    Each but a chain has its numbers: ITK takes a transform without any as none at all.
    """
    cells = [line.partition(":") for line in content.decode("ascii").splitlines()]
    found = [(name.strip(), value.strip()) for name, colon, value in cells if colon]
    kinds = [value for name, value in found if name == "Transform"]
    n_plain = sum(not kind.startswith("Composite") for kind in kinds)
    numbers = [sum(name == word for name, _ in found) for word in ("Parameters", "FixedParameters")]
    is_whole = content.endswith(b"\n") and n_plain > 0 and numbers == [n_plain, n_plain]
    return kinds if is_whole else []


def _read(content: bytes, where: str) -> Any:
    import SimpleITK

    # The engine reads from a path; these bytes are those that the digest is of.
    with TemporaryDirectory() as folder:
        path = Path(folder) / f"given{TFM_SUFFIX}"
        path.write_bytes(content)
        try:
            return SimpleITK.ReadTransform(str(path))
        except RuntimeError as error:
            raise _unusable(where, "ITK cannot read it") from error


def _unusable(where: str, why: str) -> RegistrationError:
    return RegistrationError(
        "REGISTRATION-TRANSFORM",
        f"the transform cannot be used: {why}",
        where=where,
        hint="Name the transform.tfm of `biomarker register`, or one that ITK wrote as text.",
    )
