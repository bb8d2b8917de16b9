"""The first pass of a susceptibility contrast agent in the regions of a case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.perfusion.dsc import (
    blood_flow,
    blood_volume,
    r2star_change,
    running_area,
    without_leakage,
)
from biomarker_cli.perfusion.dsc_rules import DscAif, DscRules
from biomarker_cli.perfusion.enhancement import bolus_arrival, rises_within
from biomarker_cli.perfusion.errors import PerfusionError
from biomarker_cli.perfusion.measured_input import first_pass_width_s, rejected_input

_S_PER_MIN = 60.0
_TAIL_SHARE = 20
"""The last of so many parts of the frames are the end of a curve."""


@dataclass(frozen=True)
class Passage:
    """The frames of a first pass, those that are skipped left out.

    Attributes
    ----------
    seconds : ndarray, shape (frames,)
        From the first frame of the series.
    te_s, interval_s : float
    n_before : int
        Baseline frames.
    """

    seconds: FloatArray
    te_s: float
    interval_s: float
    n_before: int

    def curves(self, signal: FloatArray) -> FloatArray:
        """Return the change of R2*, shape (frames, voxels), in 1/s."""
        return r2star_change(signal, signal[: self.n_before].mean(axis=0), self.te_s)

    def mean_curve(self, signal: FloatArray) -> FloatArray:
        """Return that of the mean signal of the voxels that every frame has, shape (frames,)."""
        every = np.isfinite(signal).all(axis=0)
        if not every.any():
            return np.full(len(signal), np.nan)
        return self.curves(signal[:, every].mean(axis=1, keepdims=True))[:, 0]


@dataclass(frozen=True)
class BloodInput:
    """The input function of a region of blood.

    Attributes
    ----------
    curve : ndarray, shape (frames,)
        Change of R2*, 1/s.
    peak_per_s, lowest_signal, end_over_peak, fwhm_s, onset_s : float
        `lowest_signal` is over that of the baseline.
    """

    curve: FloatArray
    peak_per_s: float
    lowest_signal: float
    end_over_peak: float
    fwhm_s: float
    onset_s: float


def blood_input(signal: FloatArray, passage: Passage, rules: DscAif) -> BloodInput:
    """Judge the mean signal of a region of blood.

    Raises
    ------
    PerfusionError
        ``DCE-AIF-REJECTED``.
    """
    curve = passage.mean_curve(signal)
    if not np.isfinite(curve).all():
        raise rejected_input("its signal is not positive in every frame", rules.roi)
    onset = bolus_arrival(curve)
    if onset is None or rises_within(curve, passage.n_before):
        raise rejected_input("no contrast agent arrives, or within the baseline frames", rules.roi)
    top = int(curve.argmax())
    peak = float(curve[top])
    lowest = float(np.exp(-peak * passage.te_s))
    if lowest < rules.min_signal_over_baseline:
        raise rejected_input(
            f"its signal falls to {lowest:.3g} of the baseline, limit "
            f"{rules.min_signal_over_baseline:g}: it is saturated",
            rules.roi,
        )
    end = float(np.mean(curve[-max(len(curve) // _TAIL_SHARE, 1) :])) / peak
    if end > rules.max_end_over_peak:
        raise rejected_input(
            f"it ends at {end:.2f} of its peak, limit {rules.max_end_over_peak:g}: it is not "
            "washed out",
            rules.roi,
        )
    width = first_pass_width_s(curve, passage.seconds, top)
    return BloodInput(curve, peak, lowest, end, width, float(passage.seconds[onset]))


def reference_curve(signal: FloatArray | None, passage: Passage, roi: str) -> FloatArray:
    """Return the curve of a region that others are referred to.

    Raises
    ------
    PerfusionError
        ``DSC-REFERENCE`` where the region is absent, or no bolus passes through it.
    """
    why = "the segmentation has none of this name"
    if signal is not None:
        curve = passage.mean_curve(signal)
        if bolus_arrival(curve) is not None and not rises_within(curve, passage.n_before):
            return curve
        why = "no contrast agent arrives in it after the baseline frames"
    raise unusable_reference(roi, why)


def unusable_reference(roi: str, why: str) -> PerfusionError:
    """Return the refusal of a region that others are referred to."""
    return PerfusionError(
        "DSC-REFERENCE",
        f"the analysis refers to the region {roi}: {why}",
        where=roi,
        hint="Draw it in tissue without lesion, or name it in the list of wanted regions as well.",
    )


@dataclass(frozen=True)
class ReferenceCurves:
    """What the curves of all regions are referred to; None where the rules ask for none.

    Attributes
    ----------
    blood : BloodInput or None
    unleaking : ndarray of shape (frames,), or None
        Curve of tissue whose vessels do not leak.
    area : float or None
        That of the curve which volumes are given relative to.
    flags : frozenset of str
        What the rows that rest on them carry of their regions.
    """

    blood: BloodInput | None = None
    unleaking: FloatArray | None = None
    area: float | None = None
    flags: frozenset[str] = frozenset()


def corrected(
    curves: FloatArray, passage: Passage, unleaking: FloatArray | None
) -> tuple[FloatArray, FloatArray | None]:
    """Return curves without leakage and its K2 in 1/s; as they are where nothing corrects them."""
    if unleaking is None:
        return curves, None
    found = without_leakage(curves, unleaking, passage.seconds)
    return found.corrected, found.k2_per_s


def first_pass_values(
    curves: FloatArray, passage: Passage, rules: DscRules, references: ReferenceCurves
) -> Mapping[str, FloatArray]:
    """Return every parameter of every voxel, shape (voxels,), by its image name.

    Parameters
    ----------
    curves : ndarray, shape (frames, voxels)
        Change of R2*, 1/s.
    passage : Passage
    rules : DscRules
    references : ReferenceCurves
    """
    found: dict[str, FloatArray] = {}
    curves, k2 = corrected(curves, passage, references.unleaking)
    if k2 is not None:
        found["leakage_k2"] = k2
    if references.area is not None:
        found["rcbv"] = running_area(curves, passage.seconds)[-1] / references.area
    if references.blood is None or rules.haematocrit is None:
        return found
    blood, factor = references.blood.curve, rules.haematocrit.vessel_factor
    found["cbv"] = blood_volume(curves, blood, passage.seconds, factor)
    if rules.flow is not None:
        flow = blood_flow(
            curves,
            blood,
            passage.interval_s,
            least_singular=rules.flow.least_singular,
            vessel_factor=factor,
        )
        found["cbf"] = flow.flow_ml_100ml_min
        found["mtt"] = _S_PER_MIN * found["cbv"] / flow.flow_ml_100ml_min
        found["tmax"] = flow.tmax_s
    return found


def parameter_images(rules: DscRules) -> tuple[tuple[str, str], ...]:
    """Return image name and unit of every parameter, in the order of the rows."""
    found = []
    if rules.aif is not None:
        found.append(("cbv", "mL/(100.mL)"))
    if rules.flow is not None:
        found += [("cbf", "mL/(100.mL)/min"), ("mtt", "s"), ("tmax", "s")]
    if rules.relative_to is not None:
        found.append(("rcbv", "1"))
    if rules.leakage_reference is not None:
        found.append(("leakage_k2", "/s"))
    return tuple(found)
