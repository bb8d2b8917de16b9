"""The arterial input function of a region: whether it can be one, and what it looks like."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.perfusion.enhancement import bolus_arrival, rises_within
from biomarker_cli.perfusion.errors import PerfusionError
from biomarker_cli.perfusion.input_curve import InputCurve, to_plasma
from biomarker_cli.perfusion.rules import RegionAif


@dataclass(frozen=True)
class MeasuredInput:
    """An input function that was measured.

    Attributes
    ----------
    curve : InputCurve
        In plasma.
    peak_mm, end_over_peak, fwhm_s, onset_s : float
        Of the concentration in blood.
    """

    curve: InputCurve
    peak_mm: float
    end_over_peak: float
    fwhm_s: float
    onset_s: float


def measured_input(
    blood_mm: FloatArray,
    seconds: FloatArray,
    rules: RegionAif,
    *,
    n_before: int,
    haematocrit: float,
) -> MeasuredInput:
    """Judge the concentration of a region of blood, and turn it into plasma.

    Parameters
    ----------
    blood_mm, seconds : ndarray, shape (frames,)
    rules : RegionAif
    n_before : int
        Baseline frames.
    haematocrit : float

    Raises
    ------
    PerfusionError
        ``DCE-AIF-REJECTED``.
    """
    if not np.isfinite(blood_mm).all():
        raise _rejected("its signal is above what any T1 gives: it is saturated", rules)
    onset = bolus_arrival(blood_mm)
    if onset is None or rises_within(blood_mm, n_before):
        raise _rejected("no contrast agent arrives, or within the baseline frames", rules)
    top = int(blood_mm.argmax())
    peak = float(blood_mm[top])
    end = float(np.mean(blood_mm[-max(len(blood_mm) // 20, 1) :])) / peak
    if peak > rules.max_peak_mm:
        raise _rejected(f"its peak is {peak:.3g} mmol/L, limit {rules.max_peak_mm:g}", rules)
    if end > rules.max_end_over_peak:
        raise _rejected(
            f"it ends at {end:.2f} of its peak, limit {rules.max_end_over_peak:g}: it is not "
            "washed out",
            rules,
        )
    return MeasuredInput(
        InputCurve(f"{rules.roi}_blood", seconds / 60.0, to_plasma(blood_mm, haematocrit)),
        peak,
        end,
        _width_s(blood_mm, seconds, top),
        float(seconds[onset]),
    )


def require_above_tissue(found: MeasuredInput, tissue_peak_mm: float, rules: RegionAif) -> None:
    """Refuse an input function that is not above the tissue.

    Raises
    ------
    PerfusionError
        ``DCE-AIF-REJECTED``.
    """
    if found.peak_mm < rules.min_peak_over_tissue * tissue_peak_mm:
        raise _rejected(
            f"its peak is {found.peak_mm:.3g} mmol/L, that of the tissue {tissue_peak_mm:.3g}; "
            f"expected {rules.min_peak_over_tissue:g} times as much",
            rules,
        )


def _rejected(why: str, rules: RegionAif) -> PerfusionError:
    return PerfusionError(
        "DCE-AIF-REJECTED",
        f"the region is no arterial input function: {why}",
        where=rules.roi,
        hint="Draw it in an artery without inflow or saturation, or use a population's.",
    )


def _width_s(blood: FloatArray, seconds: FloatArray, top: int) -> float:
    """Return the width of the first pass at half of its peak, linear between the frames."""
    half = blood[top] / 2.0
    before = np.flatnonzero(blood[:top] < half)
    after = np.flatnonzero(blood[top:] < half)
    if not before.size or not after.size:
        return float("nan")
    left, right = int(before[-1]), top + int(after[0])

    def crossing(low: int, high: int) -> float:
        share = (half - blood[low]) / (blood[high] - blood[low])
        return float(seconds[low] + share * (seconds[high] - seconds[low]))

    return crossing(right - 1, right) - crossing(left, left + 1)
