"""Quality of ADC in a phantom: bias, uniformity, dependence on b; pass or fail.

References
----------
QIBA Profile, Diffusion-Weighted MRI, assessment procedure for ADC bias,
within-slice and b-value dependence.
"""

from __future__ import annotations

import math

import numpy as np

from biomarker_cli.diffusion.adc import AdcResult
from biomarker_cli.diffusion.certificate import PhantomRules
from biomarker_cli.diffusion.direction_mean import FloatArray, ShellSignals
from biomarker_cli.imaging.region import Region
from biomarker_cli.model import FeatureDefinition, FeatureRegistry
from biomarker_cli.model.features import UNIT_OF_IMAGE

PHANTOM_FEATURES = FeatureRegistry()
"""Definitions of the family ``phantom``; ``*_pass`` is 1 or 0."""

PERCENT = 100.0


def _define(name: str, title: str, unit: str) -> FeatureDefinition:
    return PHANTOM_FEATURES.register(FeatureDefinition("phantom", name, title, unit))


BIAS = _define("bias", "Mean ADC minus the certified value", UNIT_OF_IMAGE)
BIAS_PERCENT = _define("bias_percent", "Bias relative to the certified value", "%")
BIAS_PASS = _define("bias_pass", "Whether the bias is within the limit", "1")
SLICE_CV = _define("within_slice_cv", "Median over slices of SD / mean of ADC", "%")
SLICE_CV_PASS = _define("within_slice_cv_pass", "Whether it is within the limit", "1")
SLICE_RANGE = _define("slice_range", "Range of the slice means of ADC, relative to the mean", "%")
B_DEPENDENCE = _define(
    "b_dependence", "Range of the ADC of the lowest with each higher b, relative to its mean", "%"
)
B_DEPENDENCE_PASS = _define("b_dependence_pass", "Whether it is within the limit", "1")


def phantom_values(
    result: AdcResult, region: Region, rules: PhantomRules
) -> list[tuple[FeatureDefinition, float]]:
    """Measure a vial; NaN stands where a number cannot be had.

    Parameters
    ----------
    result : AdcResult
        Fitted here, with its signals.
    region : Region
        Its canonical name finds the vial in the certificate.
    rules : PhantomRules
    """
    adc = np.where(region.mask, result.volume.as_float64(), np.nan)
    values = adc[np.isfinite(adc)]
    mean = float(values.mean()) if values.size else math.nan
    expected = rules.certificate.expected_mm2_s(region.name) if rules.certificate else None
    bias = mean - expected if expected is not None else math.nan
    cv, slice_range = _slices(adc, mean)
    b_range = math.nan
    if result.signals is not None:
        b_range = between_b(result.signals.under(region.mask))
    return [
        (BIAS, bias),
        (BIAS_PERCENT, PERCENT * bias / expected if expected is not None else math.nan),
        (BIAS_PASS, _passes(abs(bias), rules.bias_mm2_s)),
        (SLICE_CV, cv),
        (SLICE_CV_PASS, _passes(cv, rules.within_slice_cv_percent)),
        (SLICE_RANGE, slice_range),
        (B_DEPENDENCE, b_range),
        (B_DEPENDENCE_PASS, _passes(b_range, rules.b_dependence_percent)),
    ]


def _passes(value: float, limit: float) -> float:
    return math.nan if math.isnan(value) else float(value <= limit)


def _slices(adc: FloatArray, mean: float) -> tuple[float, float]:
    """Return the median coefficient of variation within slices, and the range of their means."""
    inside = [plane[np.isfinite(plane)] for plane in adc]
    inside = [values for values in inside if values.size > 1 and values.mean() > 0]
    if not inside or not mean > 0:
        return math.nan, math.nan
    cv = float(np.median([values.std(ddof=1) / values.mean() for values in inside]))
    means = [float(values.mean()) for values in inside]
    return PERCENT * cv, PERCENT * (max(means) - min(means)) / mean


def between_b(signals: ShellSignals) -> float:
    """Return the range of two-point ADCs from the lowest b, in percent of their mean.

    NaN with fewer than three b-values.
    """
    if len(signals.b) < 3:
        return math.nan
    order = np.argsort(signals.b)
    log_signal, b = signals.log_signal[order], signals.b[order]
    found = (log_signal[0] - log_signal[1:]) / (b[1:] - b[0])[:, None]
    found = found[:, np.isfinite(found).all(axis=0)]
    if found.size == 0:
        return math.nan
    means = found.mean(axis=1)
    return float(PERCENT * (means.max() - means.min()) / means.mean())
