"""From the signal of voxels to every parameter that an analysis asks for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from biomarker_cli.model.arrays import BoolArray, FloatArray
from biomarker_cli.model.quantity import KEP, KTRANS, T1, VE, VP
from biomarker_cli.perfusion import enhancement as curves
from biomarker_cli.perfusion.delay import fitted_delay_s
from biomarker_cli.perfusion.exchange_models import (
    FitBounds,
    Model,
    PlasmaCurve,
    fit_model,
)
from biomarker_cli.perfusion.input_curve import InputCurve, population_curve, to_plasma
from biomarker_cli.perfusion.population_inputs import POPULATION_INPUTS
from biomarker_cli.perfusion.rules import (
    DceRules,
    FixedT10,
    MeasuredT10,
    ModelRules,
    PopulationAif,
    RegionAif,
    TableAif,
)
from biomarker_cli.perfusion.spoiled_echo import concentration
from biomarker_cli.perfusion.t1 import MS_PER_S, FlipAngles, fitted_t1_s
from biomarker_cli.perfusion.two_compartments import fit_two_compartments

PS_UNIT, FLOW_UNIT, AREA_UNIT = "/min", "mL/(100.mL)/min", "mmol.s/L"


@dataclass(frozen=True)
class Sequence:
    """What of the acquisition moves a number.

    Attributes
    ----------
    seconds : ndarray, shape (frames,)
        From the first frame of the series; skipped frames are left out.
    tr_s, flip_rad : float
    relaxivity_per_s_mm : float
        NaN where no concentration is asked for.
    angles : FlipAngles or None
        Of the T1 images.
    """

    seconds: FloatArray
    tr_s: float
    flip_rad: float
    relaxivity_per_s_mm: float
    angles: FlipAngles | None = None

    @property
    def interval_s(self) -> float:
        """Median frame interval."""
        return float(np.median(np.diff(self.seconds)))


@dataclass(frozen=True)
class RegionSignals:
    """The signal of the voxels of a region, or of its mean, shapes (images, voxels).

    Attributes
    ----------
    dynamic, t1_images : ndarray
    b1 : ndarray, shape (voxels,)
        Applied over nominal flip angle, where a map tells it.
    """

    dynamic: FloatArray
    t1_images: FloatArray | None = None
    b1: FloatArray | None = None

    def mean(self) -> RegionSignals:
        """Return the mean over the voxels that every image has."""
        every = np.isfinite(self.dynamic).all(axis=0)
        if self.t1_images is not None:
            every &= np.isfinite(self.t1_images).all(axis=0)
        if self.b1 is not None:
            every &= np.isfinite(self.b1)

        def of(signal: FloatArray) -> FloatArray:
            whole = np.full((len(signal), 1), np.nan)
            return signal[:, every].mean(axis=1, keepdims=True) if every.any() else whole

        return RegionSignals(
            of(self.dynamic),
            None if self.t1_images is None else of(self.t1_images),
            None if self.b1 is None else of(self.b1[None])[0],
        )


def parameter_images(rules: DceRules) -> tuple[tuple[str, str], ...]:
    """Return image name and unit of every parameter, in the order of the rows."""
    found = []
    if rules.semiquantitative:
        found += [("relative_enhancement", "1"), ("time_to_peak", "s")]
        found += [("wash_in", "/s"), ("wash_out", "/s")]
    if isinstance(rules.t10, MeasuredT10 | FixedT10):
        found.append(("t10", T1.unit))
    found += [(f"iaugc{span:g}", AREA_UNIT) for span in rules.iaugc_s]
    if rules.model is not None:
        found += [(f"{name}_{rules.model.name}", unit) for name, unit in _terms(rules.model)]
    return tuple(found)


def _terms(model: ModelRules) -> tuple[tuple[str, str], ...]:
    match model.name:
        case "patlak":
            return (("ps", PS_UNIT), ("vp", VP.unit))
        case "2cxm":
            return (("fp", FLOW_UNIT), ("ps", PS_UNIT), ("ve", VE.unit), ("vp", VP.unit))
        case _:
            plain = (("ktrans", KTRANS.unit), ("ve", VE.unit), ("kep", KEP.unit))
            return (*plain, ("vp", VP.unit)) if model.has_vp else plain


def mean_concentration(
    signals: RegionSignals, rules: DceRules, sequence: Sequence, t10_s: float | None = None
) -> FloatArray:
    """Return the concentration of the mean signal of a region, shape (frames,), mmol/L.

    Parameters
    ----------
    signals : RegionSignals
    rules : DceRules
    sequence : Sequence
    t10_s : float, optional
        In place of what the rules say, such as that of blood.
    """
    mean = signals.mean()
    t10 = np.array([t10_s]) if t10_s is not None else _t10_s(mean, rules, sequence)
    return _concentration(mean, t10, rules, sequence)[:, 0]


@dataclass(frozen=True)
class Bolus:
    """When the contrast agent reaches a tissue, and with which input function.

    Attributes
    ----------
    onset_s : float
        On the clock of the series.
    delay_s : float
        Of the tissue after the input function; NaN without a model.
    at_limit : bool
        Whether the fitted delay lies at its limit.
    curve : InputCurve or None
        In plasma.
    """

    onset_s: float
    delay_s: float = math.nan
    at_limit: bool = False
    curve: InputCurve | None = None


@dataclass(frozen=True)
class Parameters:
    """What was found in each voxel.

    Attributes
    ----------
    values : mapping of str to ndarray, shape (voxels,)
        By the names of `parameter_images`.
    residual_sd_mm : ndarray, shape (voxels,)
    reached : mapping of str to ndarray of bool, shape (voxels,)
        Bounds that were reached.
    """

    values: Mapping[str, FloatArray]
    residual_sd_mm: FloatArray
    reached: Mapping[str, BoolArray]


def bolus_of(
    mean: RegionSignals,
    rules: DceRules,
    sequence: Sequence,
    onset_s: float,
    measured: InputCurve | None = None,
) -> Bolus:
    """Return the input function of a tissue that the bolus reaches at a time, and its delay.

    Parameters
    ----------
    mean : RegionSignals
        The mean signal, to which a delay is fitted.
    rules : DceRules
    sequence : Sequence
    onset_s : float
    measured : InputCurve, optional
    """
    model = rules.model
    if model is None:
        return Bolus(onset_s)
    curve = input_of(model, sequence, onset_s, measured)
    if not model.delay.fit:
        return Bolus(onset_s, model.delay.fixed_s, curve=curve)
    tissue = mean_concentration(mean, rules, sequence)
    delay_s, at_limit = fitted_delay_s(curve, sequence.seconds / 60.0, tissue, model)
    return Bolus(onset_s, delay_s, at_limit, curve)


def parameters_of(
    signals: RegionSignals, rules: DceRules, sequence: Sequence, bolus: Bolus
) -> Parameters:
    """Return every parameter of every voxel.

    Parameters
    ----------
    signals : RegionSignals
    rules : DceRules
    sequence : Sequence
    bolus : Bolus
        Of the tissue that the voxels are of.
    """
    found: dict[str, FloatArray] = {}
    nothing = np.full(signals.dynamic.shape[1], np.nan)
    if rules.semiquantitative:
        found |= _semiquantitative(signals.dynamic, rules.baseline.frames, sequence, bolus.onset_s)
    if not rules.needs_concentration:
        return Parameters(found, nothing, {})
    t10 = _t10_s(signals, rules, sequence)
    found["t10"] = t10 * MS_PER_S
    tissue = _concentration(signals, t10, rules, sequence)
    for span in rules.iaugc_s:
        found[f"iaugc{span:g}"] = curves.initial_area(tissue, sequence.seconds, bolus.onset_s, span)
    if rules.model is None or math.isnan(bolus.delay_s):
        terms = () if rules.model is None else _terms(rules.model)
        found |= {f"{term}_{rules.model.name}": nothing for term, _ in terms if rules.model}
        return Parameters(found, nothing, {})
    residual, reached = _modelled(found, rules.model, sequence, tissue, bolus)
    return Parameters(found, residual, reached)


def _semiquantitative(
    signal: FloatArray, n_before: int, sequence: Sequence, onset_s: float
) -> dict[str, FloatArray]:
    risen = curves.relative_enhancement(signal, signal[:n_before].mean(axis=0))
    time, peak = curves.time_to_peak_s(risen, sequence.seconds, onset_s)
    with np.errstate(divide="ignore", invalid="ignore"):
        wash_in = peak / time
    wash_out = curves.wash_out_per_s(risen, sequence.seconds, onset_s + time, peak)
    return {
        "relative_enhancement": peak,
        "time_to_peak": time,
        "wash_in": wash_in,
        "wash_out": wash_out,
    }


def _t10_s(signals: RegionSignals, rules: DceRules, sequence: Sequence) -> FloatArray:
    if isinstance(rules.t10, FixedT10):
        return np.full(signals.dynamic.shape[1], rules.t10.t1_ms / MS_PER_S)
    assert isinstance(rules.t10, MeasuredT10)  # noqa: S101 - held by the rules
    assert signals.t1_images is not None and sequence.angles is not None  # noqa: S101, PT018
    t10, _ = fitted_t1_s(signals.t1_images, sequence.angles, rules.t10.fit, signals.b1)
    return t10


def _concentration(
    signals: RegionSignals, t10_s: FloatArray, rules: DceRules, sequence: Sequence
) -> FloatArray:
    return concentration(
        signals.dynamic,
        signals.dynamic[: rules.baseline.frames].mean(axis=0),
        t10_s,
        tr_s=sequence.tr_s,
        flip_rad=sequence.flip_rad if signals.b1 is None else sequence.flip_rad * signals.b1,
        relaxivity_per_s_mm=sequence.relaxivity_per_s_mm,
    )


def input_of(
    model: ModelRules, sequence: Sequence, onset_s: float, measured: InputCurve | None
) -> InputCurve:
    """Return the input function in plasma; a population's starts at the bolus arrival."""
    aif = model.aif
    start, end = onset_s / 60.0, float(sequence.seconds[-1]) / 60.0 + 1.0
    match aif:
        case PopulationAif():
            return population_curve(
                POPULATION_INPUTS[aif.name],
                onset_min=start,
                end_min=end,
                haematocrit=model.haematocrit,
                dose_mmol_kg=aif.dose_mmol_kg or math.nan,
            )
        case TableAif():
            values = np.array(aif.concentration_mm)
            if aif.medium == "blood":
                values = to_plasma(values, model.haematocrit)
            return InputCurve(aif.name, start + np.array(aif.times_s) / 60.0, values)
        case RegionAif():
            assert measured is not None  # noqa: S101 - its region was found before
            return measured


def _modelled(
    found: dict[str, FloatArray],
    model: ModelRules,
    sequence: Sequence,
    tissue: FloatArray,
    bolus: Bolus,
) -> tuple[FloatArray, dict[str, BoolArray]]:
    """Add the parameters of a model to what was found; return residuals and bounds reached."""
    assert bolus.curve is not None  # noqa: S101 - a model has an input function
    plasma = bolus.curve.on_frames(sequence.seconds / 60.0, bolus.delay_s / 60.0)
    reached: dict[str, BoolArray] = {}
    if model.name == "2cxm":
        residual = _two_compartments(found, plasma, tissue)
    else:
        residual, reached = _exchange(found, model, plasma, tissue)
    nothing = np.full(tissue.shape[1], np.nan)
    if bolus.at_limit:
        # The best delay lies outside: the parameters are those of another curve.
        for name, _ in _terms(model):
            found[f"{name}_{model.name}"] = nothing
        reached["delay"] = np.ones(tissue.shape[1], np.bool_)
    if model.has_vp and sequence.interval_s > model.interval_vp_above_s:
        found[f"vp_{model.name}"] = nothing
    return residual, reached


def _exchange(
    found: dict[str, FloatArray],
    model: ModelRules,
    plasma: PlasmaCurve,
    tissue: FloatArray,
) -> tuple[FloatArray, dict[str, BoolArray]]:
    bounds = FitBounds(model.max_transfer_per_min, model.max_ve, model.max_vp)
    name: Model = model.name  # type: ignore[assignment]  # 2cxm has a way of its own
    fit = fit_model(plasma, tissue.T, name, bounds)
    failed = np.any(list(fit.reached.values()), axis=0)
    values = {
        "ktrans": fit.transfer_per_min,
        "ps": fit.transfer_per_min,
        "ve": fit.ve,
        "kep": fit.transfer_per_min / fit.ve,
        "vp": fit.vp,
    }
    for term, _ in _terms(model):
        found[f"{term}_{model.name}"] = np.where(failed, np.nan, values[term])
    return fit.residual_sd_mm, dict(fit.reached)


def _two_compartments(
    found: dict[str, FloatArray], plasma: PlasmaCurve, tissue: FloatArray
) -> FloatArray:
    fit = fit_two_compartments(plasma, tissue[:, 0])
    found["fp_2cxm"] = np.array([fit.flow_ml_100ml_min])
    found["ps_2cxm"] = np.array([fit.ps_per_min])
    found["ve_2cxm"] = np.array([fit.ve])
    found["vp_2cxm"] = np.array([fit.vp])
    return np.array([fit.residual_sd_mm])
