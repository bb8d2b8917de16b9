"""ADC maps that the scanner computed: their unit, and how they differ from ours."""

from __future__ import annotations

import re
from collections.abc import Sequence
from types import MappingProxyType

import numpy as np

from biomarker_cli.catalogue import VolumeCandidate, read_volume
from biomarker_cli.dicom.files import DicomFiles
from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.diffusion.adc import AdcResult, Derivation
from biomarker_cli.diffusion.direction_mean import FloatArray
from biomarker_cli.diffusion.errors import AdcError
from biomarker_cli.diffusion.kinds import DwiKind
from biomarker_cli.diffusion.rules import AdcRules
from biomarker_cli.diffusion.volumes import describe_volume, without_padding
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import ADC

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


def vendor_adc(
    candidates: Sequence[VolumeCandidate], rules: AdcRules, files: DicomFiles
) -> AdcResult:
    """Read the ADC map of the scanner.

    A value of exactly zero is where the scanner made no fit: it becomes NaN.

    Parameters
    ----------
    candidates : sequence of VolumeCandidate
        Exactly one of them is an ADC map.
    rules : AdcRules

    Raises
    ------
    AdcError
        ``ADC-MAP-MISSING``, ``ADC-MAP-SEVERAL``, ``ADC-MAP-UNIT``.
    """
    maps = [c for c in candidates if c.is_image and _is_adc_map(c, files)]
    if not maps:
        raise AdcError(
            "ADC-MAP-MISSING",
            "no image is an ADC map of the scanner",
            hint="An analysis that fits the signal measures diffusion-weighted series.",
        )
    if len(maps) > 1:
        raise AdcError(
            "ADC-MAP-SEVERAL",
            f"expected one ADC map, found {len(maps)}",
            where=", ".join(c.volume_id for c in maps),
            hint="Name the one to use (--series).",
        )
    volume = without_padding(read_volume(maps[0], files))
    values, unit_from, flags = in_mm2_s(volume, infer=rules.vendor_map.infer_unit)
    values = np.where(volume.as_float64() == 0.0, np.nan, values)
    return AdcResult(
        volume.with_array(values, ADC, *flags),
        rules.image,
        Derivation(source="vendor", unit_from=unit_from).as_dict(),
    )


def _is_adc_map(candidate: VolumeCandidate, files: DicomFiles) -> bool:
    return describe_volume(candidate, files).kind is DwiKind.ADC_MAP


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
    mapped = _real_world(volume)
    if mapped is not None:
        return mapped[0], f"RealWorldValueMapping (0040,9096), {mapped[1]}", ()
    written = str(volume.frames.first.get("RescaleType", ""))
    factor = _TEXT_UNITS.get(_plain(written))
    if factor is not None:
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
    how = f"inferred from the size of the values: x {factor:g} mm2/s"
    return volume.as_float64() * factor, how, ("unit_inferred:(0028,1054)",)


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
        slope, intercept, unit = one
        stored = (array[index] - float(frame.get("RescaleIntercept", 0.0))) / float(
            frame.get("RescaleSlope", 1.0)
        )
        array[index] = (stored * slope + intercept) * FACTORS[unit]
        units.add(unit)
    return array, ", ".join(sorted(units))


def _mapping(frame: FrameHeader) -> tuple[float, float, str] | None:
    for item in frame.get("RealWorldValueMappingSequence") or ():
        codes = item.get("MeasurementUnitsCodeSequence")
        slope, intercept = item.get("RealWorldValueSlope"), item.get("RealWorldValueIntercept")
        if not codes or slope is None or intercept is None:
            continue
        unit = str(codes[0].get("CodeValue", ""))
        if codes[0].get("CodingSchemeDesignator") == "UCUM" and unit in FACTORS:
            return float(slope), float(intercept), unit
    return None


def vendor_for_comparison(
    candidates: Sequence[VolumeCandidate], fitted: AdcResult, rules: AdcRules, files: DicomFiles
) -> tuple[FloatArray | None, str, frozenset[str]]:
    """Return the scanner's map on the grid of a fitted one.

    Returns
    -------
    array : ndarray or None
        mm2/s; None where there is no map to compare.
    how : str
        How its unit is known, or why there is none.
    flags : frozenset of str
    """
    try:
        vendor = vendor_adc(candidates, rules, files)
    except AdcError as error:
        return None, f"{error.code}: {error.message}", frozenset()
    if not vendor.volume.geometry.same_grid(fitted.volume.geometry):
        return None, "the vendor's map lies on another grid", frozenset()
    flags = frozenset(f for f in vendor.volume.flags if f.startswith("unit_inferred"))
    return vendor.volume.as_float64(), str(vendor.derivation["unit_from"]), flags
