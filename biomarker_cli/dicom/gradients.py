"""The direction of diffusion weighting of a frame, in the dialects of the vendors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.dicom.private_values import first_number, numbers, text

Vector = tuple[float, float, float]

NO_DIRECTION = 1e-6
"""A gradient vector shorter than this says that there is no direction."""

GE_VECTOR = "(0019,xxBB)"
"""Where GE keeps the gradient vector; its length scales the b-value."""

_GE_TENSOR = 16
_GE_T2 = 14.0
"""(0043,xx30) of images without weighting inside a diffusion series."""
_GE_COMBINED = {15.0, 19.0}
"""(0043,xx30) of combined (trace-weighted) images outside a tensor series."""


class Directionality(StrEnum):
    """How a frame was weighted (DICOM PS3.3 C.8.13.5.9, with B-matrix as directional)."""

    NONE = "none"
    DIRECTIONAL = "directional"
    ISOTROPIC = "isotropic"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Gradient:
    """What the header says about the direction.

    Attributes
    ----------
    directionality : Directionality
    direction : tuple of float or None
        Vector as written; only told apart, never used as an axis.
    tag : str
        Element it was read from, empty where there is none.
    """

    directionality: Directionality
    direction: Vector | None = None
    tag: str = ""


@dataclass(frozen=True, slots=True)
class WrittenVector:
    """A gradient vector as an element says it, and its squared length."""

    tag: str
    squared_length: float


Dialect = Callable[[FrameHeader], Gradient | None]


def read_gradient(header: FrameHeader) -> Gradient:
    """Return the weighting direction of a frame.

    On an image without weighting the elements mean nothing (Philips writes a
    diagonal direction on b = 0): the caller looks at the b-value first.

    References
    ----------
    DICOM PS3.3 C.8.13.5.9; conformance statements for private elements.
    """
    for dialect in (_standard, _philips, _ge, _siemens, _uih, _classic):
        found = dialect(header)
        if found is not None:
            return found
    return Gradient(Directionality.UNKNOWN)


def _standard(header: FrameHeader) -> Gradient | None:
    word = header.get("DiffusionDirectionality")
    if word is None:
        return None
    tag = "(0018,9075)"
    if word == "ISOTROPIC":
        return Gradient(Directionality.ISOTROPIC, None, tag)
    if word == "NONE":
        return Gradient(Directionality.NONE, None, tag)
    return Gradient(Directionality.DIRECTIONAL, _vector(_orientation(header)), tag)


def _orientation(header: FrameHeader) -> Any:
    nested = header.nested("DiffusionGradientDirectionSequence", "DiffusionGradientOrientation")
    return nested or header.get("DiffusionGradientOrientation")


def _philips(header: FrameHeader) -> Gradient | None:
    word = text(header.private(0x2001, "Philips Imaging DD 001", 0x04))
    if not word:
        return None
    direction = _vector(header.get("DiffusionGradientOrientation"))
    if direction is None:
        direction = _vector(_philips_parts(header))
    if direction is not None:
        return Gradient(Directionality.DIRECTIONAL, direction, "(0018,9089)")
    kind = Directionality.ISOTROPIC if word == "I" else Directionality.UNKNOWN
    return Gradient(kind, None, "(2001,xx04)")


def _ge(header: FrameHeader) -> Gradient | None:
    mode = header.private(0x0021, "GEMS_RELA_01", 0x5A)
    flag = header.private(0x0043, "GEMS_PARM_01", 0x30)
    if mode is None or first_number(mode) == 0.0:
        return None
    if first_number(mode) != _GE_TENSOR and first_number(flag) in _GE_COMBINED:
        return Gradient(Directionality.ISOTROPIC, None, "(0043,xx30)")
    direction = _vector(_ge_parts(header))
    if direction is not None:
        return Gradient(Directionality.DIRECTIONAL, direction, GE_VECTOR)
    return Gradient(Directionality.UNKNOWN, None, GE_VECTOR)


def _ge_parts(header: FrameHeader) -> list[float]:
    return _parts(header, 0x0019, "GEMS_ACQU_01", (0xBB, 0xBC, 0xBD))


def _philips_parts(header: FrameHeader) -> list[float]:
    return _parts(header, 0x2005, "Philips MR Imaging DD 001", (0xB0, 0xB1, 0xB2))


def _parts(header: FrameHeader, group: int, creator: str, offsets: Iterable[int]) -> list[float]:
    parts: list[float] = []
    for offset in offsets:
        value = header.private(group, creator, offset)
        if value is None:
            # Most headers have none of them: the first one tells.
            return []
        parts.append(first_number(value))
    return parts


def _siemens(header: FrameHeader) -> Gradient | None:
    word = text(header.private(0x0019, "SIEMENS MR HEADER", 0x0D))
    direction = _vector(header.private(0x0019, "SIEMENS MR HEADER", 0x0E))
    if direction is not None:
        return Gradient(Directionality.DIRECTIONAL, direction, "(0019,xx0E)")
    if word.upper() in {"ISOTROPIC", "TRACE"}:
        return Gradient(Directionality.ISOTROPIC, None, "(0019,xx0D)")
    return Gradient(Directionality.UNKNOWN, None, "(0019,xx0D)") if word else None


def _uih(header: FrameHeader) -> Gradient | None:
    value = header.private(0x0065, "Image Private Header", 0x37)
    direction = _vector(value)
    if direction is None:
        return None
    return Gradient(Directionality.DIRECTIONAL, direction, "(0065,xx37)")


def _classic(header: FrameHeader) -> Gradient | None:
    direction = _vector(header.get("DiffusionGradientOrientation"))
    if direction is None:
        return None
    return Gradient(Directionality.DIRECTIONAL, direction, "(0018,9089)")


def _finite_vectors(header: FrameHeader) -> list[tuple[str, Vector]]:
    """Return every gradient vector of the header: three finite numbers, also three zeros."""
    written = (
        (GE_VECTOR, _ge_parts(header)),
        ("(0018,9089)", _orientation(header)),
        ("(2005,xxB0)", _philips_parts(header)),
        ("(0019,xx0E)", header.private(0x0019, "SIEMENS MR HEADER", 0x0E)),
        ("(0065,xx37)", header.private(0x0065, "Image Private Header", 0x37)),
    )
    return [(tag, vector) for tag, value in written if (vector := _three(value)) is not None]


def written_vectors(header: FrameHeader) -> tuple[WrittenVector, ...]:
    """Return the gradient vectors that point somewhere, whichever element says them."""
    return tuple(
        WrittenVector(tag, math.fsum(v * v for v in vector))
        for tag, vector in _finite_vectors(header)
        if math.hypot(*vector) > NO_DIRECTION
    )


def has_zero_vector(header: FrameHeader) -> bool:
    """Tell whether a vector of length 0 is written, and none that points somewhere.

    With b > 0 that is an image combined from several directions, or one whose
    direction was removed; never one without weighting.
    """
    lengths = [math.hypot(*vector) for _, vector in _finite_vectors(header)]
    return bool(lengths) and max(lengths) <= NO_DIRECTION


def b_matrix_trace(header: FrameHeader) -> tuple[float | None, str]:
    """Return the trace of the b-matrix in s/mm2, None where there is none, and its element.

    References
    ----------
    DICOM PS3.3 C.8.13.5.9, Diffusion b-matrix Sequence (0018,9601); Siemens
    (0019,xx27) as xx, xy, xz, yy, yz, zz.
    """
    keywords = ("DiffusionBValueXX", "DiffusionBValueYY", "DiffusionBValueZZ")
    nested = [first_number(header.nested("DiffusionBMatrixSequence", word)) for word in keywords]
    if all(map(math.isfinite, nested)):
        return sum(nested), "(0018,9601)"
    private = numbers(header.private(0x0019, "SIEMENS MR HEADER", 0x27))
    if len(private) == 6 and all(map(math.isfinite, private)):
        return private[0] + private[3] + private[5], "(0019,xx27)"
    return None, ""


def says_unweighted(header: FrameHeader) -> str:
    """Return the words that say that an image has no diffusion weighting, empty where none do."""
    if header.get("DiffusionDirectionality") == "NONE":
        return "(0018,9075) says NONE"
    if first_number(header.private(0x0043, "GEMS_PARM_01", 0x30)) != _GE_T2:
        return ""
    mode = first_number(header.private(0x0021, "GEMS_RELA_01", 0x5A))
    if not math.isfinite(mode) or mode == 0.0:
        return ""
    return "(0043,xx30) says that it is no diffusion-weighted image (14)"


def _vector(value: Any) -> Vector | None:
    """Return three finite numbers that point somewhere, else None."""
    found = _three(value)
    return found if found is not None and math.hypot(*found) > NO_DIRECTION else None


def _three(value: Any) -> Vector | None:
    found = numbers(value)
    if len(found) != 3 or not all(math.isfinite(v) for v in found):
        return None
    return (found[0], found[1], found[2])
