"""How much later than the input function a tissue is reached: fitted to its mean curve."""

from __future__ import annotations

import math

import numpy as np

from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.perfusion.exchange_models import FitBounds, fit_model
from biomarker_cli.perfusion.input_curve import InputCurve
from biomarker_cli.perfusion.rules import ModelRules

_STEP_S = 0.5
_REFINED_S = 1e-3
_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0


def fitted_delay_s(
    curve: InputCurve, minutes: FloatArray, tissue_mm: FloatArray, model: ModelRules
) -> tuple[float, bool]:
    """Return the delay of the least misfit, and whether it lies at the limit.

    Steps of half a second, then golden sections; the model is that of the rules, the extended
    Tofts model for two compartments.

    Parameters
    ----------
    curve : InputCurve
        In plasma, undelayed.
    minutes, tissue_mm : ndarray, shape (frames,)
    model : ModelRules
    """
    if not np.isfinite(tissue_mm).all():
        return math.nan, False
    bounds = FitBounds(model.max_transfer_per_min, model.max_ve, model.max_vp)
    name = "etofts" if model.name == "2cxm" else model.name

    def misfit(delay_s: float) -> float:
        plasma = curve.on_frames(minutes, delay_s / 60.0)
        return float(fit_model(plasma, tissue_mm[None], name, bounds).residual_sd_mm[0])

    limit = model.delay.limit_s
    steps = np.linspace(-limit, limit, 2 * math.ceil(limit / _STEP_S) + 1)
    found = [misfit(float(step)) for step in steps]
    best = int(np.argmin(found))
    if best in {0, len(steps) - 1}:
        return float(steps[best]), True
    a, b = float(steps[best - 1]), float(steps[best + 1])
    low, high = b - _GOLDEN * (b - a), a + _GOLDEN * (b - a)
    f_low, f_high = misfit(low), misfit(high)
    while b - a > _REFINED_S:
        if f_low <= f_high:
            b, high, f_high = high, low, f_low
            low = b - _GOLDEN * (b - a)
            f_low = misfit(low)
        else:
            a, low, f_low = low, high, f_high
            high = a + _GOLDEN * (b - a)
            f_high = misfit(high)
    return (a + b) / 2.0, False
