"""The direction of diffusion weighting of a frame, in the dialects of the vendors."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.dicom.private_values import first_number, numbers, text

Vector = tuple[float, float, float]

NO_DIRECTION = 1e-6
"""A gradient vector shorter than this says that there is no direction."""

_GE_TENSOR = 16
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
        Unit vector as written; only told apart, never used as an axis.
    tag : str
        Element it was read from, empty where there is none.
    """

    directionality: Directionality
    direction: Vector | None = None
    tag: str = ""


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
    nested = header.nested("DiffusionGradientDirectionSequence", "DiffusionGradientOrientation")
    return Gradient(
        Directionality.DIRECTIONAL,
        _vector(nested or header.get("DiffusionGradientOrientation")),
        tag,
    )


def _philips(header: FrameHeader) -> Gradient | None:
    word = text(header.private(0x2001, "Philips Imaging DD 001", 0x04))
    if not word:
        return None
    direction = _vector(header.get("DiffusionGradientOrientation"))
    if direction is None:
        creator = "Philips MR Imaging DD 001"
        parts = [header.private(0x2005, creator, offset) for offset in (0xB0, 0xB1, 0xB2)]
        direction = _vector([first_number(part) for part in parts])
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
    creator = "GEMS_ACQU_01"
    parts = [header.private(0x0019, creator, offset) for offset in (0xBB, 0xBC, 0xBD)]
    direction = _vector([first_number(part) for part in parts])
    if direction is not None:
        return Gradient(Directionality.DIRECTIONAL, direction, "(0019,xxBB)")
    return Gradient(Directionality.UNKNOWN, None, "(0019,xxBB)")


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


def _vector(value: Any) -> Vector | None:
    """Return three finite numbers that point somewhere, else None."""
    found = numbers(value)
    if len(found) != 3 or not all(math.isfinite(v) for v in found):
        return None
    return (found[0], found[1], found[2]) if math.hypot(*found) > NO_DIRECTION else None
