"""The arterial input function of a region: whether it can be one, and what it looks like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from biomarker_cli.imaging.region import Region
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
    flags : frozenset of str
        What the rows that rest on it carry of its region.
    """

    curve: InputCurve
    peak_mm: float
    end_over_peak: float
    fwhm_s: float
    onset_s: float
    flags: frozenset[str] = frozenset()


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
        raise rejected_input("its signal is above what any T1 gives: it is saturated", rules.roi)
    onset = bolus_arrival(blood_mm)
    if onset is None or rises_within(blood_mm, n_before):
        raise rejected_input("no contrast agent arrives, or within the baseline frames", rules.roi)
    top = int(blood_mm.argmax())
    peak = float(blood_mm[top])
    end = float(np.mean(blood_mm[-max(len(blood_mm) // 20, 1) :])) / peak
    if peak > rules.max_peak_mm:
        raise rejected_input(
            f"its peak is {peak:.3g} mmol/L, limit {rules.max_peak_mm:g}", rules.roi
        )
    if end > rules.max_end_over_peak:
        raise rejected_input(
            f"it ends at {end:.2f} of its peak, limit {rules.max_end_over_peak:g}: it is not "
            "washed out",
            rules.roi,
        )
    return MeasuredInput(
        InputCurve(f"{rules.roi}_blood", seconds / 60.0, to_plasma(blood_mm, haematocrit)),
        peak,
        end,
        first_pass_width_s(blood_mm, seconds, top),
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
        raise rejected_input(
            f"its peak is {found.peak_mm:.3g} mmol/L, that of the tissue {tissue_peak_mm:.3g}; "
            f"expected {rules.min_peak_over_tissue:g} times as much",
            rules.roi,
        )


def require_input_region(regions: Sequence[Region], roi: str) -> Region:
    """Return the region of the input function.

    Raises
    ------
    PerfusionError
        ``DCE-AIF-REGION``.
    """
    region = next((one for one in regions if one.name == roi), None)
    if region is None:
        raise PerfusionError(
            "DCE-AIF-REGION",
            f"the segmentation has no region {roi}, which the analysis takes for the arterial "
            "input function",
            hint="Draw it, or name it in the list of wanted regions as well.",
        )
    return region


def rejected_input(why: str, roi: str) -> PerfusionError:
    """Return the refusal of a region as an input function."""
    return PerfusionError(
        "DCE-AIF-REJECTED",
        f"the region is no arterial input function: {why}",
        where=roi,
        hint="Draw it in an artery without inflow or saturation, or use a population's.",
    )


def first_pass_width_s(blood: FloatArray, seconds: FloatArray, top: int) -> float:
    """Return the width of the first pass at half of its peak, linear between the frames.

    Parameters
    ----------
    blood, seconds : ndarray, shape (frames,)
    top : int
        Frame of the peak.
    """
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
