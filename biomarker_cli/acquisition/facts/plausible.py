"""What a quantity can be at all: a value outside is a defect of the header, not an acquisition.

Some systems write 0 for what they do not know. No rule judges such a value: a
0 would meet every upper limit. One table for all facts, and for the elements
that rules name by their keyword; what may be 0 (a b-value, an inversion time of
a sequence without inversion, a gap, a tilt) has its 0 here or does not stand here;
nor does an uptake time, whose defects rules name themselves (`implausible`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from biomarker_cli.acquisition.facts.registry import Reading
from biomarker_cli.acquisition.formatting import value_text


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a quantity can be, in the unit of the fact; `low` itself only where it may be."""

    low: float
    high: float
    may_be_low: bool = False

    def hold(self, value: float) -> bool:
        """Tell whether a value can be."""
        return (self.low < value or (self.may_be_low and value == self.low)) and value <= self.high

    def __str__(self) -> str:
        sign = ">=" if self.may_be_low else ">"
        return f"{sign} {value_text(self.low)} and <= {value_text(self.high)}"


def _positive(high: float) -> Bounds:
    return Bounds(0.0, high)


def _from_zero(high: float) -> Bounds:
    return Bounds(0.0, high, may_be_low=True)


_LENGTH_MM = _positive(5_000.0)
"""Longer than any bore."""
_STEPS = _positive(1e6)
_TE_MS, _TR_MS = _positive(1e5), _positive(1e6)
_TI_MS = _from_zero(1e6)
_FLIP_DEG = _positive(360.0)
_AVERAGES = _positive(1e5)
_BANDWIDTH_HZ = _positive(1e7)
_FIELD_T = _positive(30.0)
"""The strongest magnets that images were made in have 21.1 T."""
_B_VALUE = _from_zero(1e6)
_VOLTAGE_KV, _CURRENT_MA, _CTDI_MGY = _positive(1_000.0), _positive(1e5), _positive(1e5)
_PITCH, _ROTATION_S = _positive(20.0), _positive(600.0)
_TILT_DEG = Bounds(-90.0, 90.0, may_be_low=True)
_DURATION_MS, _DURATION_S = _positive(1e9), _positive(1e6)
_HALF_LIFE_S = _positive(1e10)
_WEIGHT_KG, _HEIGHT_M = _positive(650.0), _positive(3.0)
"""The heaviest person on record had 635 kg, the tallest 2.72 m."""
_PERCENT = _positive(1_000.0)

BOUNDS = MappingProxyType(
    {
        # Facts of the library.
        "slice_thickness_mm": _LENGTH_MM,
        "slice_spacing_mm": _LENGTH_MM,
        "pixel_spacing_mm": _LENGTH_MM,
        "fov_mm": _LENGTH_MM,
        "voxel_volume_mm3": _positive(5_000.0**3),
        "acquired_voxel_frequency_mm": _LENGTH_MM,
        "acquired_voxel_phase_mm": _LENGTH_MM,
        "reconstruction_diameter_mm": _LENGTH_MM,
        "echo_time_ms": _TE_MS,
        "repetition_time_ms": _TR_MS,
        "inversion_time_ms": _TI_MS,
        "flip_angle_deg": _FLIP_DEG,
        "n_averages": _AVERAGES,
        "pixel_bandwidth_hz": _BANDWIDTH_HZ,
        "field_strength_t": _FIELD_T,
        "b_values": _B_VALUE,
        "b_values_with_computed": _B_VALUE,
        "tube_voltage_kv": _VOLTAGE_KV,
        "tube_current_ma": _CURRENT_MA,
        "ctdi_vol_mgy": _CTDI_MGY,
        "spiral_pitch": _PITCH,
        "rotation_time_s": _ROTATION_S,
        "gantry_tilt_deg": _TILT_DEG,
        "detector_rows": _STEPS,
        "frame_duration_ms": _DURATION_MS,
        "half_life_s": _HALF_LIFE_S,
        "injected_activity_mbq": _positive(1e6),
        "activity_per_kg": _positive(1e6),
        "weight_kg": _WEIGHT_KG,
        "height_m": _HEIGHT_M,
        "temporal_resolution_s": _DURATION_S,
        "observation_time_s": _DURATION_S,
        # Elements that rules name by their keyword.
        "SliceThickness": _LENGTH_MM,
        "SpacingBetweenSlices": _LENGTH_MM,
        "PixelSpacing": _LENGTH_MM,
        "ReconstructionDiameter": _LENGTH_MM,
        "DataCollectionDiameter": _LENGTH_MM,
        "SingleCollimationWidth": _LENGTH_MM,
        "TotalCollimationWidth": _LENGTH_MM,
        "GantryDetectorTilt": _TILT_DEG,
        "FlipAngle": _FLIP_DEG,
        "EchoTime": _TE_MS,
        "EffectiveEchoTime": _TE_MS,
        "RepetitionTime": _TR_MS,
        "InversionTime": _TI_MS,
        "InversionTimes": _TI_MS,
        "TriggerTime": _from_zero(1e9),
        "ExposureTime": _DURATION_MS,
        "ExposureTimeInms": _DURATION_MS,
        "ActualFrameDuration": _DURATION_MS,
        "RevolutionTime": _ROTATION_S,
        "AcquisitionDuration": _DURATION_S,
        "RadionuclideHalfLife": _HALF_LIFE_S,
        "RadionuclideTotalDose": _positive(1e12),
        "RadionuclidePositronFraction": _positive(1.0),
        "PatientWeight": _WEIGHT_KG,
        "PatientSize": _HEIGHT_M,
        "MagneticFieldStrength": _FIELD_T,
        "ImagingFrequency": _positive(5_000.0),
        "PixelBandwidth": _BANDWIDTH_HZ,
        "KVP": _VOLTAGE_KV,
        "XRayTubeCurrent": _CURRENT_MA,
        "XRayTubeCurrentInmA": _CURRENT_MA,
        "CTDIvol": _CTDI_MGY,
        "DiffusionBValue": _B_VALUE,
        "PercentSampling": _PERCENT,
        "PercentPhaseFieldOfView": _PERCENT,
        "SpiralPitchFactor": _PITCH,
        "NumberOfAverages": _AVERAGES,
        "EchoTrainLength": _from_zero(1e6),
        "NumberOfTemporalPositions": _STEPS,
        "NumberOfSlices": _STEPS,
        "Rows": _STEPS,
        "Columns": _STEPS,
        "ContrastBolusVolume": _from_zero(1e5),
    }
)
"""Fact or keyword -> what it can be, in the unit that the library or DICOM gives it."""


def weighed(name: str, reading: Reading) -> Reading:
    """Return the reading of a fact, marked where a value of it cannot be.

    Parameters
    ----------
    name : str
        Of the fact, a keyword, or a path of keywords, whose last one counts.
    reading : Reading
        In the unit of the fact.
    """
    bounds = BOUNDS.get(name.rpartition(".")[2])
    if bounds is None:
        return reading
    for value in _numbers(reading.values):
        if not bounds.hold(value):
            why = f"{value_text(value)} cannot be, expected {bounds}: a defect of the header"
            return replace(reading, implausible=why)
    return reading


def _numbers(values: tuple[Any, ...]) -> list[float]:
    distinct = dict.fromkeys(values)
    parts = [p for v in distinct for p in (v if isinstance(v, tuple) else (v,))]
    return [part for part in parts if isinstance(part, float)]
