"""The feature dictionary of perfusion."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from biomarker_cli.model.features import UNIT_OF_IMAGE, FeatureDefinition, FeatureRegistry
from biomarker_cli.statistics.intensity import STATISTICS

PERFUSION = FeatureRegistry()
"""Definitions of the families ``perfusion``, ``acquisition``, ``fit``, ``input``, ``motion``,
``phantom``."""

REFERENCE = "docs/perfusion.md"


def _define(family: str, name: str, title: str, unit: str = "1") -> FeatureDefinition:
    return PERFUSION.register(FeatureDefinition(family, name, title, unit, reference=REFERENCE))


STATISTIC: MappingProxyType[str, FeatureDefinition] = MappingProxyType(
    {
        name: PERFUSION.register(
            replace(definition, family="perfusion", pyradiomics_name="", reference=REFERENCE)
        )
        for name, (definition, _) in STATISTICS.items()
    }
)
"""Name -> statistic of the voxels of a map."""

OF_REGION = _define("perfusion", "region", "Value of the mean signal of the region", UNIT_OF_IMAGE)
FRACTION_FAILED = _define("perfusion", "fraction_failed", "Share of the voxels without a value")

FRAMES = _define("acquisition", "frames", "Number of frames")
INTERVAL = _define("acquisition", "frame_interval", "Median interval of the frames", "s")
BASELINE_FRAMES = _define("acquisition", "baseline_frames", "Frames before the contrast agent")
ARRIVAL = _define("acquisition", "bolus_arrival", "Time of the bolus arrival", "s")
ECHO_TIME = _define("acquisition", "echo_time", "Echo time", "ms")
FLIP_ANGLES = _define("acquisition", "flip_angles", "Number of flip angles")
INVERSION_TIMES = _define("acquisition", "inversion_times", "Number of inversion times")

FRAMES_DROPPED = _define("motion", "frames_dropped", "Frames left out for their motion")
DISPLACEMENT_MAX = _define("motion", "displacement_max", "Farthest a point moved in a frame", "mm")
DISPLACEMENT_MEDIAN = _define("motion", "displacement_median", "Median of the frames of it", "mm")
ROTATION_MAX = _define("motion", "rotation_max", "Largest rotation of a frame", "deg")

RELAXIVITY = _define("fit", "relaxivity", "r1 of the contrast agent", "L/(mmol.s)")
HAEMATOCRIT = _define("fit", "haematocrit", "Haematocrit that turns blood into plasma")
VESSEL_FACTOR = _define("fit", "vessel_factor", "Plasma of large vessels over capillaries")
DELAY = _define("fit", "delay", "Delay of the tissue after the input function", "s")
RESIDUAL_SD = _define("fit", "residual_sd", "Median SD of the residuals", "mmol/L")
R1_RESIDUAL = _define("fit", "residual_share", "Median SD of the residuals over the mean signal")

INPUT_PEAK = _define("input", "peak", "Peak of the measured input function in blood", "mmol/L")
INPUT_PEAK_R2STAR = _define("input", "peak_r2star", "Peak of its change of R2*", "/s")
INPUT_LOWEST = _define("input", "lowest_signal", "Its lowest signal over the baseline")
INPUT_FWHM = _define("input", "fwhm", "Width of its first pass at half of the peak", "s")
INPUT_ONSET = _define("input", "bolus_arrival", "Time of its bolus arrival", "s")
INPUT_END = _define("input", "end_over_peak", "Its last value over its peak")

BIAS_PERCENT = _define("phantom", "bias_percent", "Median T1 minus the certified, relative", "%")
BIAS_PASS = _define("phantom", "bias_pass", "Whether the bias is within the limit")
