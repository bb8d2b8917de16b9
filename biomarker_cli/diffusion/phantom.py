"""Quality of ADC in a phantom: bias, uniformity, dependence on b; pass or fail.

References
----------
QIBA Profile, Diffusion-Weighted MRI, assessment procedure for ADC bias,
within-slice and b-value dependence.
"""

from __future__ import annotations

import math

import numpy as np

from biomarker_cli.diffusion import features
from biomarker_cli.diffusion.adc import AdcResult
from biomarker_cli.diffusion.certificate import PhantomRules
from biomarker_cli.diffusion.direction_mean import ShellSignals
from biomarker_cli.imaging.region import Region
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.model.features import FeatureDefinition

PERCENT = 100.0


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
        (features.BIAS, bias),
        (features.BIAS_PERCENT, PERCENT * bias / expected if expected is not None else math.nan),
        (features.BIAS_PASS, _passes(abs(bias), rules.bias_mm2_s)),
        (features.SLICE_CV, cv),
        (features.SLICE_CV_PASS, _passes(cv, rules.within_slice_cv_percent)),
        (features.SLICE_RANGE, slice_range),
        (features.B_DEPENDENCE, b_range),
        (features.B_DEPENDENCE_PASS, _passes(b_range, rules.b_dependence_percent)),
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
