"""What MR headers say of an image, whatever it is measured for."""

from __future__ import annotations

import math
from collections.abc import Sequence

from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.dicom.philips_scaling import is_philips, read_scale
from biomarker_cli.dicom.private_values import first_number

LARGEST_FIELD_T = 100.0
"""A larger MagneticFieldStrength can only be gauss; the strongest whole-body magnet has 11.7 T."""

_OTHER_COMPONENTS = {"PHASE", "REAL", "IMAGINARY", "MIXED"}
_OTHER_COMPONENT_LETTERS = {"P", "R", "I"}


def image_type(header: FrameHeader) -> tuple[str, ...]:
    """Return FrameType, or ImageType for a classic object."""
    value = header.get("FrameType") or header.get("ImageType") or ()
    return (value,) if isinstance(value, str) else tuple(str(word) for word in value)


def is_other_component(header: FrameHeader) -> bool:
    """Tell whether the image is phase, real or imaginary, not magnitude."""
    component = str(header.get("ComplexImageComponent", ""))
    if component:
        return component in _OTHER_COMPONENTS
    words = image_type(header)
    return len(words) > 2 and bool(set(words[2:]) & _OTHER_COMPONENT_LETTERS)


def header_number(header: FrameHeader, *keywords: str) -> float | None:
    """Return the number of the first element that is there; None where it is none."""
    for keyword in keywords:
        value = header.get(keyword)
        if value is not None:
            try:
                number = float(value)
            except (TypeError, ValueError):
                return None
            return number if math.isfinite(number) else None
    return None


def field_strength_t(header: FrameHeader) -> float | None:
    """Return the strength of the main field in tesla; a number of gauss is told by its size."""
    value = header_number(header, "MagneticFieldStrength")
    if value is None or value <= 0:
        return None
    return value / 1e4 if value > LARGEST_FIELD_T else value


def receiver_gains(header: FrameHeader) -> tuple[float, ...]:
    """Return analog and digital receiver gain that GE keeps of the prescan; empty elsewhere."""
    found = [header.private(0x0019, "GEMS_ACQU_01", offset) for offset in (0x95, 0x96)]
    return tuple(first_number(value) for value in found if value is not None)


def factors_to_one_scale(frames: Sequence[FrameHeader]) -> list[float] | None:
    """Return for each slice what brings its rescaled values to one scale; None where they are.

    Raises
    ------
    ValueError
        Philips slices of different rescale slopes, without the scale slope (2005,xx0E).
    """
    if not frames or not is_philips(frames[0]):
        return None
    scales = [read_scale(frame) for frame in frames]
    known = [scale for scale in scales if scale is not None]
    if len(known) == len(scales):
        return [1.0 / scale for scale in known]
    if known or len({first_number(frame.get("RescaleSlope")) for frame in frames}) > 1:
        raise ValueError("the slices have different rescale slopes, and no scale slope")
    return None
