"""Read transforms from DICOM Spatial Registration objects.

References
----------
DICOM PS3.3 C.20.2.1.1: a matrix leads a point of the frame of its item into the
registered one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from biomarker_cli.dicom.headers import ELEMENT_ERRORS
from biomarker_cli.dicom.words import word_in
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.registration.errors import RegistrationError
from biomarker_cli.registration.linear_parts import (
    ORTHONORMAL_WITHIN,
    inverse_of,
    is_orthonormal,
    keeps_sides,
)

_RIGID_UID = "1.2.840.10008.5.1.4.1.1.66.1"
_DEFORMABLE_UID = "1.2.840.10008.5.1.4.1.1.66.3"

_KINDS = ("RIGID", "RIGID_SCALE", "AFFINE")


def transform_in_header(header: Any, fixed_frame: str, moving_frame: str, where: str) -> FloatArray:
    """Return the transform between two frames of reference that an object holds.

    Parameters
    ----------
    header : pydicom.Dataset
    fixed_frame, moving_frame : str
        FrameOfReferenceUID of both images.
    where : str
        Name of its file, for messages.

    Returns
    -------
    ndarray, shape (4, 4)
        Fixed point to moving point, LPS mm: the inverse of what the object says of the
        moving frame, after what it says of the fixed one.

    Raises
    ------
    RegistrationError
        ``REG-KIND`` for objects of other kinds, deformable ones among them, ``REG-FRAMES``
        where the object does not lead from one frame to the other, or in two ways,
        ``REG-MATRIX`` for what is no transform of its type.
    """
    try:
        return _between(header, fixed_frame, moving_frame, where)
    except ELEMENT_ERRORS as error:
        raise RegistrationError(
            "REG-MATRIX", f"the object is damaged: {error}", where=where
        ) from error


def _between(header: Any, fixed_frame: str, moving_frame: str, where: str) -> FloatArray:
    kind = word_in(header, "SOPClassUID")
    if kind != _RIGID_UID:
        what = "a deformable registration" if kind == _DEFORMABLE_UID else "no spatial registration"
        raise RegistrationError(
            "REG-KIND",
            f"the object is {what}: only rigid and affine ones are taken",
            where=where,
            hint="Export the rigid part as a Spatial Registration object.",
        )
    if not fixed_frame or not moving_frame or fixed_frame == moving_frame:
        raise _no_way(where, "the images do not name two frames of reference")
    registered = word_in(header, "FrameOfReferenceUID")
    into = [
        _into_registered(header, frame, registered, where) for frame in (fixed_frame, moving_frame)
    ]
    return np.asarray(inverse_of(into[1]) @ into[0])


def _into_registered(header: Any, frame: str, registered: str, where: str) -> FloatArray:
    """Return the matrix from a frame of reference into the registered one."""
    items = [
        one
        for one in header.get("RegistrationSequence") or []
        if word_in(one, "FrameOfReferenceUID") == frame
    ]
    if not items and frame == registered:
        return np.eye(4)
    if len(items) != 1:
        found = "no item" if not items else f"{len(items)} items"
        raise _no_way(where, f"it has {found} for the frame of reference {frame}")
    matrices = [
        _matrix_of(one, where)
        for step in items[0].get("MatrixRegistrationSequence") or []
        for one in step.get("MatrixSequence") or []
    ]
    if not matrices:
        raise _no_matrix(where, "an item has none")
    moving = [one for one in matrices if (one != np.eye(4)).any()]
    if len(moving) > 1:
        raise _no_matrix(where, f"an item chains {len(moving)} of them, programs differ in order")
    matrix = moving[0] if moving else np.eye(4)
    if frame == registered and np.abs(matrix - np.eye(4)).max() > ORTHONORMAL_WITHIN:
        raise _no_way(where, "it moves the registered frame of reference itself")
    return matrix


def _no_way(where: str, why: str) -> RegistrationError:
    return RegistrationError(
        "REG-FRAMES",
        f"the object does not lead from one image to the other: {why}",
        where=where,
        hint="Name the object that was made of these two series.",
    )


def _matrix_of(item: Any, where: str) -> FloatArray:
    kind = word_in(item, "FrameOfReferenceTransformationMatrixType")
    values = item.get("FrameOfReferenceTransformationMatrix")
    numbers = np.array([float(value) for value in values or ()])
    if numbers.size != 16 or not np.isfinite(numbers).all():
        raise _no_matrix(where, f"expected 16 numbers, found {numbers.size} or what is none")
    matrix = numbers.reshape(4, 4)
    if np.abs(matrix[3] - (0, 0, 0, 1)).max() > ORTHONORMAL_WITHIN:
        raise _no_matrix(where, "its last row is not 0, 0, 0, 1")
    # What rounding left there would be a perspective in the inverse, of a millimetre and more.
    matrix[3] = (0, 0, 0, 1)
    turn = matrix[:3, :3]
    if kind not in _KINDS:
        raise _no_matrix(where, f"its type {kind!r} is none of {', '.join(_KINDS)}")
    if not keeps_sides(turn):
        raise _no_matrix(where, "it mirrors or flattens an image")
    scales = np.linalg.norm(turn, axis=0) if kind == "RIGID_SCALE" else np.ones(3)
    if kind != "AFFINE" and not is_orthonormal(turn / scales):
        raise _no_matrix(where, f"its axes do not stand as those of a {kind} transform do")
    return matrix


def _no_matrix(where: str, why: str) -> RegistrationError:
    return RegistrationError("REG-MATRIX", f"the matrix is no transform: {why}", where=where)
