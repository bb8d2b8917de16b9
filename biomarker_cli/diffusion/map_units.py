"""The unit of an ADC map that the scanner computed: what tells it, and whether all agree."""

from __future__ import annotations

import re
from types import MappingProxyType

import numpy as np

from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.dicom.real_world import LinearMapping, linear_mappings
from biomarker_cli.diffusion.errors import AdcError
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.arrays import FloatArray

FACTORS = MappingProxyType(
    {
        "mm2/s": 1.0,
        "um2/s": 1e-6,
        "um2/ms": 1e-3,
        "10*-3.mm2/s": 1e-3,
        "10*-6.mm2/s": 1e-6,
        "10*-9.m2/s": 1e-3,
        "m2/s": 1e6,
        "cm2/s": 1e2,
    }
)
"""Factor from a UCUM unit to mm2/s."""

_TEXT_UNITS = MappingProxyType(
    {
        "mm2/s": 1.0,
        "um2/s": 1e-6,
        "10^-3mm2/s": 1e-3,
        "10-3mm2/s": 1e-3,
        "10^-6mm2/s": 1e-6,
        "10-6mm2/s": 1e-6,
        "e-3mm2/s": 1e-3,
        "e-6mm2/s": 1e-6,
    }
)
"""Units that scanners write into RescaleType as text, without blanks, in lower case."""

_INFERRED = ((50.0, 10_000.0, 1e-6), (0.05, 10.0, 1e-3), (5e-5, 0.01, 1.0))
"""Range of the median of positive values -> factor; the ranges do not meet."""

_SAME_VALUE = 0.01
"""Relative difference of two ways to the same value: written slopes are rounded."""

_UNIT_IN_TEXT = re.compile(
    r"(?<![\d^.e+-])(?:"
    + "|".join(re.escape(unit) for unit in sorted(_TEXT_UNITS, key=len, reverse=True))
    + r")(?![\w/])"
)
"""A number before it, as in 1e-05 mm2/s, makes it another unit."""


def in_mm2_s(volume: Volume, *, infer: bool) -> tuple[FloatArray, str, tuple[str, ...]]:
    """Return the values in mm2/s, how the unit is known, and flags.

    First RealWorldValueMapping with a UCUM unit, then a unit in RescaleType,
    then, only when told, the size of the values.

    Raises
    ------
    AdcError
        ``ADC-MAP-UNIT``.

    References
    ----------
    DICOM PS3.3 C.7.6.16.2.11 (Real World Value Mapping).
    """
    written = _rescale_type(volume)
    factor = _TEXT_UNITS.get(_plain(written))
    mapped = _real_world(volume)
    if mapped is not None:
        if factor is not None:
            _require_equal(mapped, volume.as_float64() * factor, written, volume.volume_id)
        return mapped[0], f"RealWorldValueMapping (0040,9096), {mapped[1]}", ()
    if factor is not None:
        _require_same_comment(volume, factor, f"RescaleType is {written!r}")
        return volume.as_float64() * factor, f"RescaleType (0028,1054), {written}", ()
    if not infer:
        raise AdcError(
            "ADC-MAP-UNIT",
            "the unit of the ADC map is not coded: no RealWorldValueMapping, and RescaleType is "
            f"{written or 'absent'!r}",
            where=volume.volume_id,
            hint="An analysis with vendor_map.infer_unit takes it from the size of the values.",
        )
    factor = _inferred_factor(volume)
    _require_same_comment(volume, factor, f"the size of the values says {factor:g} mm2/s")
    how = f"inferred from the size of the values: x {factor:g} mm2/s"
    return volume.as_float64() * factor, how, ("unit_inferred:(0028,1054)",)


def _rescale_type(volume: Volume) -> str:
    found = sorted({str(frame.get("RescaleType", "")) for frame in volume.frames})
    if len(found) > 1:
        raise _conflict(f"the slices have different RescaleTypes: {found}", volume.volume_id)
    return found[0]


def _require_equal(
    mapped: tuple[FloatArray, str], rescaled: FloatArray, written: str, where: str
) -> None:
    values = mapped[0]
    both = np.isfinite(values) & np.isfinite(rescaled)
    if not both.any():
        return
    size = float(np.max(np.abs(rescaled[both])))
    apart = np.abs(values[both] - rescaled[both])
    if bool((apart > _SAME_VALUE * np.maximum(np.abs(rescaled[both]), _SAME_VALUE * size)).any()):
        raise _conflict(
            f"RealWorldValueMapping ({mapped[1]}) gives up to {np.max(np.abs(values[both])):g} "
            f"mm2/s, RescaleSlope with RescaleType {written!r} up to {size:g}",
            where,
        )


def _require_same_comment(volume: Volume, factor: float, told: str) -> None:
    for frame in volume.frames:
        said = _unit_in(str(frame.get("ImageComments", "")))
        if said is not None and _TEXT_UNITS[said] != factor:
            raise _conflict(
                f"{told}, and ImageComments (0020,4000) speak of {said}",
                volume.volume_id,
            )


def _unit_in(comment: str) -> str | None:
    """Return the unit that a comment names, in the spelling of the table."""
    found = _UNIT_IN_TEXT.search(_plain(comment))
    return found[0] if found else None


def _conflict(found: str, where: str) -> AdcError:
    return AdcError(
        "ADC-MAP-UNIT-CONFLICT",
        f"expected one unit of the ADC map, found two: {found}",
        where=where,
        hint="Neither is preferred: correct the header at its source.",
    )


def _plain(written: str) -> str:
    text = written.lower().replace("²", "2").replace("µ", "u").replace("μ", "u")
    return re.sub(r"[\s*x\[\]()]", "", text).replace("mm^2", "mm2").replace("sec", "s")


def _inferred_factor(volume: Volume) -> float:
    values = volume.as_float64()
    positive = values[values > 0]
    middle = float(np.median(positive)) if positive.size else 0.0
    for low, high, factor in _INFERRED:
        if low <= middle < high:
            return factor
    raise AdcError(
        "ADC-MAP-UNIT",
        f"the unit cannot be inferred: the median of the positive values is {middle:g}",
        where=volume.volume_id,
    )


def _real_world(volume: Volume) -> tuple[FloatArray, str] | None:
    """Map stored values slice by slice; None where a slice has no usable mapping."""
    found = [_mapping(frame) for frame in volume.frames]
    if not found or any(one is None for one in found):
        return None
    array = volume.as_float64().copy()
    units: set[str] = set()
    for index, (frame, one) in enumerate(zip(volume.frames, found, strict=True)):
        if one is None:
            return None
        array[index] = one.of_rescaled(array[index], frame) * FACTORS[one.unit]
        units.add(one.unit)
    return array, ", ".join(sorted(units))


def _mapping(frame: FrameHeader) -> LinearMapping | None:
    """Return the mapping of a frame to a unit of diffusion; several that say the same are one."""
    found = [one for one in linear_mappings(frame) if one.scheme == "UCUM" and one.unit in FACTORS]
    for one in found:
        if not one.maps:
            raise AdcError(
                "ADC-MAP-UNIT",
                f"a RealWorldValueMapping of slope {one.slope:g} and intercept "
                f"{one.intercept:g} maps to nothing",
                where=frame.path.name,
            )
    for other in found[1:]:
        if not np.allclose(_in_mm2_s(other), _in_mm2_s(found[0]), rtol=_SAME_VALUE, atol=0.0):
            units = " and ".join(f"{one.slope:g} {one.unit}" for one in (found[0], other))
            raise _conflict(f"RealWorldValueMappings of {units}", frame.path.name)
    return found[0] if found else None


def _in_mm2_s(one: LinearMapping) -> tuple[float, float]:
    return one.slope * FACTORS[one.unit], one.intercept * FACTORS[one.unit]
