"""Stored pixels -> the values that the header says they stand for.

Each frame is rescaled by its own elements: slope and intercept differ from
slice to slice in PET, and from frame to frame in enhanced objects.

References
----------
DICOM PS3.3 C.11.1 (Modality LUT), C.7.6.16.2.9 (Pixel Value Transformation),
C.7.5.1.1.2 (Pixel Padding Value).
"""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from biomarker_cli.dicom.errors import PixelError
from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.dicom.real_world import (
    PARAMETRIC_MAP_CLASS,
    linear_mappings,
    read_real_world_mapping,
)
from biomarker_cli.model.arrays import AnyArray, BoolArray, FloatArray

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

RESCALE_REQUIRED = frozenset({"CT", "PT"})
"""Modalities whose numbers mean nothing without slope and intercept (type 1)."""


_UNITS_OF_RESCALE = MappingProxyType(
    {
        "HU": frozenset({"[hnsf'U]"}),
        "BQML": frozenset({"Bq/ml", "Bq/mL"}),
        "GML": frozenset({"g/ml", "g/mL", "g/ml{SUVbw}"}),
    }
)
"""Unit of the rescaled values -> UCUM codes of the same unit."""

_SAME_FACTOR = 1e-3
"""Relative difference of two slopes that are one: decimal strings are rounded."""


def fill_values(target: FloatArray, stored: AnyArray, header: FrameHeader) -> None:
    """Write the values of a frame into an array.

    Parameters
    ----------
    target : ndarray of float64, shape (rows, columns)
        Overwritten.
    stored : ndarray, shape (rows, columns)
    header : FrameHeader
        Record of this very frame.

    Raises
    ------
    PixelError
        ``PIXELS-SIZE``, ``PIXELS-RESCALE``, ``PIXELS-RESCALE-CONFLICT``,
        ``PIXELS-NO-RESCALE``, ``PIXELS-MODALITY-LUT``,
        ``PIXELS-REAL-WORLD-VALUES``.
    """
    if stored.shape != target.shape:
        raise PixelError(
            "PIXELS-SIZE",
            f"expected {target.shape} pixels (rows, columns), found {stored.shape}",
            where=header.path.name,
            hint="The file has changed since it was indexed: scan again.",
        )
    if str(header.get("SOPClassUID", "")) == PARAMETRIC_MAP_CLASS:
        _fill_real_world(target, stored, header)
        return
    table = header.get("ModalityLUTSequence")
    if table is not None:
        target[...] = _looked_up(stored, table[0], header)
        return
    slope, intercept = _rescale_factors(header)
    _require_same_mapping(header, slope, intercept)
    target[...] = stored
    if slope != 1.0:
        target *= slope
    if intercept != 0.0:
        target += intercept


def _rescale_factors(header: FrameHeader) -> tuple[float, float]:
    given = header.get("RescaleSlope"), header.get("RescaleIntercept")
    needed = str(header.get("Modality", "")) in RESCALE_REQUIRED
    if None in given and (needed or given != (None, None)):
        absent = "RescaleSlope" if given[0] is None else "RescaleIntercept"
        raise PixelError(
            "PIXELS-NO-RESCALE",
            f"{absent} is absent, so the unit of the stored numbers is unknown",
            where=header.path.name,
            hint="Export the series again; identity is never assumed.",
        )
    try:
        slope = 1.0 if given[0] is None else float(given[0])
        intercept = 0.0 if given[1] is None else float(given[1])
    except (TypeError, ValueError):
        slope = intercept = math.nan
    if not (math.isfinite(slope) and math.isfinite(intercept)) or slope == 0.0:
        raise PixelError(
            "PIXELS-RESCALE",
            f"RescaleSlope {given[0]} and RescaleIntercept {given[1]} map pixels to nothing",
            where=header.path.name,
        )
    return slope, intercept


def _require_same_mapping(header: FrameHeader, slope: float, intercept: float) -> None:
    """Refuse a real-world mapping that gives other values in the unit of the rescale.

    A mapping to another unit (SUV beside Bq/ml, a physical one beside displayed
    MR values) is no contradiction. Mappings may hold for a range of values each.
    """
    units = _UNITS_OF_RESCALE.get(_unit_of_rescale(header), frozenset())
    for mapped in linear_mappings(header):
        if mapped.unit not in units:
            continue
        apart = abs(mapped.slope - slope), abs(mapped.intercept - intercept)
        allowed = _SAME_FACTOR * abs(slope), _SAME_FACTOR * max(abs(intercept), abs(slope))
        if not (apart[0] <= allowed[0] and apart[1] <= allowed[1]):
            raise PixelError(
                "PIXELS-RESCALE-CONFLICT",
                f"RescaleSlope {slope:g} and RescaleIntercept {intercept:g} contradict the "
                f"RealWorldValueMapping to {mapped.unit} of slope {mapped.slope:g} "
                f"and intercept {mapped.intercept:g}",
                where=header.path.name,
                hint="Neither is preferred: correct the header at its source.",
            )


def _unit_of_rescale(header: FrameHeader) -> str:
    """Return what the rescaled values are in: HU in CT, Units in PET, empty elsewhere."""
    modality = str(header.get("Modality", ""))
    if modality == "CT":
        return str(header.get("RescaleType", "HU"))
    return str(header.get("Units", "")) if modality == "PT" else ""


def _looked_up(stored: AnyArray, item: Dataset, header: FrameHeader) -> AnyArray:
    from pydicom.dataset import Dataset
    from pydicom.pixels import apply_modality_lut
    from pydicom.sequence import Sequence

    if header.get("RescaleSlope") is not None:
        raise PixelError(
            "PIXELS-MODALITY-LUT",
            "both a modality look-up table and a rescale slope are given",
            where=header.path.name,
        )
    table = Dataset()
    table.PixelRepresentation = header.get("PixelRepresentation", 0)
    table.ModalityLUTSequence = Sequence([item])
    try:
        return np.asarray(apply_modality_lut(stored, table))
    except (AttributeError, IndexError, KeyError, NotImplementedError, TypeError, ValueError) as e:
        raise PixelError(
            "PIXELS-MODALITY-LUT",
            f"the modality look-up table cannot be used: {type(e).__name__}",
            where=header.path.name,
        ) from e


def _fill_real_world(target: FloatArray, stored: AnyArray, header: FrameHeader) -> None:
    mapping = read_real_world_mapping(header)
    target[...] = stored
    outside = (target < mapping.first) | (target > mapping.last)
    target *= mapping.slope
    target += mapping.intercept
    target[outside] = np.nan


def contradicting_bits(header: FrameHeader) -> str:
    """Return what the elements that lay out a pixel's bits contradict each other in.

    Decoders take the lowest BitsStored bits; numbers that lie higher, or are wider
    than their place, would come out as others.

    Returns
    -------
    str
        Empty where they agree, or are not all there.

    References
    ----------
    DICOM PS3.3 C.7.6.3.1.1, PS3.5 8.1.1.
    """
    allocated, stored, high = (
        header.get(keyword) for keyword in ("BitsAllocated", "BitsStored", "HighBit")
    )
    if isinstance(stored, int):
        if isinstance(allocated, int) and not 1 <= stored <= allocated:
            return f"BitsStored (0028,0101) is {stored} of {allocated} BitsAllocated (0028,0100)"
        if isinstance(high, int) and high != stored - 1:
            return (
                f"HighBit (0028,0102) is {high}: expected {stored - 1}, for {stored} "
                "BitsStored (0028,0101)"
            )
    return ""


def padding_of(stored: AnyArray, header: FrameHeader) -> BoolArray | None:
    """Return which pixels are padding, None where none is.

    Padding fills the image where the scanner measured nothing (the corners
    of a round field of view). It is told as a stored value, before rescaling;
    one that was written with the wrong sign (63536 for -2000) means its bits.
    """
    value = header.get("FloatPixelPaddingValue", header.get("PixelPaddingValue"))
    if value is None:
        return None
    limit = header.get("FloatPixelPaddingRangeLimit", header.get("PixelPaddingRangeLimit", value))
    try:
        low, high = sorted((_as_stored(value, stored.dtype), _as_stored(limit, stored.dtype)))
    except (TypeError, ValueError):
        return None
    found = (stored >= low) & (stored <= high)
    return found if bool(found.any()) else None


def _as_stored(value: Any, kind: np.dtype[Any]) -> float:
    number = float(value)
    if kind.kind not in "iu" or not math.isfinite(number):
        return number
    limits = np.iinfo(kind)
    if limits.min <= number <= limits.max:
        return number
    turn = 2.0 ** (8 * kind.itemsize)
    return number - turn if number > limits.max else number + turn
