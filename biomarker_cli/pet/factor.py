"""The factor from voxel value to SUVbw, slice by slice, by the unit of the voxels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from biomarker_cli.dicom.errors import HeaderError
from biomarker_cli.dicom.injection import InjectionRecord, number, require_number
from biomarker_cli.dicom.nuclides import Nuclide
from biomarker_cli.dicom.pet_units import (
    PHILIPS_ACTIVITY,
    PHILIPS_CREATOR,
    PHILIPS_GROUP,
    PHILIPS_SUV,
    read_philips_factor,
    read_real_world_slope,
)
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.pet.administration import ActivityFacts, read_activity_bq, read_nuclide
from biomarker_cli.pet.contradictions import (
    judge_decay_factor,
    judge_stored_suv,
    require_one_correction,
    require_one_unit,
)
from biomarker_cli.pet.decay_correction import own_times, require_decay_correction
from biomarker_cli.pet.derivation import Derivation
from biomarker_cli.pet.errors import SuvError
from biomarker_cli.pet.injection_time import (
    injection_moment,
    longest_uptake_s,
    settle_acquisition_date,
)
from biomarker_cli.pet.normalisation import (
    NORMALISATION_OF_SUV_TYPE,
    BodyMeasures,
    factor_on_suvbw,
    require_weight,
)
from biomarker_cli.pet.reference_candidates import DecayFacts, decay_factor_candidate
from biomarker_cli.pet.reference_time import reference_time
from biomarker_cli.pet.rules import ClinicalForm, SuvRules
from biomarker_cli.pet.series import PetSeries, one_injection

Factors = FloatArray

SAME_SLOPE = 1e-6
"""Relative difference within which two rescale slopes are one."""


@dataclass(frozen=True, slots=True)
class Question:
    """Everything that the factor depends on.

    Attributes
    ----------
    series : PetSeries
    body : BodyMeasures
    form : ClinicalForm
    rules : SuvRules
    voxel_ml : float
        Volume of one voxel.
    derivation : Derivation
    """

    series: PetSeries
    body: BodyMeasures
    form: ClinicalForm
    rules: SuvRules
    voxel_ml: float
    derivation: Derivation


def suvbw_factors(question: Question) -> Factors:
    """Return SUVbw per voxel value, shape (n slices,).

    Raises
    ------
    SuvError
        See docs/errors/pet.md: every reason why no SUV is made.
    """
    series = question.series
    require_rescale(series)
    require_one_unit(series, question.derivation)
    require_one_correction(series, question.derivation)
    require_attenuation_correction(series, question.derivation)
    readers = {
        "BQML": _from_activity,
        "GML": _from_suv,
        "CM2ML": _from_surface_suv,
        "CNTS": _from_counts,
        "CPS": _from_count_rate,
    }
    reader = readers.get(series.units)
    if reader is None:
        raise SuvError(
            "SUV-UNITS",
            f"expected BQML, GML, CM2ML, CNTS or CPS, found {series.units or 'none'!r}",
            where="Units (0054,1001)",
            hint="Export the reconstruction in Bq/ml.",
        )
    factors = np.asarray(reader(question), dtype=np.float64)
    if factors.ndim == 0:
        factors = np.full(len(series.frames), float(factors))
    judge_stored_suv(
        series, factors, question.rules.reference_time_spread_limit_percent, question.derivation
    )
    question.derivation.results["rule"] = f"{series.units} {series.decay_correction}".strip()
    return factors


def require_rescale(series: PetSeries) -> None:
    """Refuse a series without positive slopes, or with an intercept.

    Raises
    ------
    SuvError
        ``SUV-RESCALE``, ``SUV-INTERCEPT``.
    """
    for frame in series.frames:
        slope = number(frame.get("RescaleSlope"))
        if slope is None or slope <= 0:
            raise SuvError(
                "SUV-RESCALE",
                f"expected a positive RescaleSlope, found {frame.get('RescaleSlope')}",
                where=f"{frame.path.name} (0028,1053)",
                hint="Export the series again.",
            )
        offset = frame.get("RescaleIntercept")
        intercept = require_number(offset, "RescaleIntercept (0028,1052)", frame.path.name)
        if intercept:
            raise SuvError(
                "SUV-INTERCEPT",
                f"expected RescaleIntercept 0, found {intercept:g}",
                where=f"{frame.path.name} (0028,1052)",
                hint="PET has no offset (PS3.3 C.8.9.4): export the series again.",
            )
        real_world = read_real_world_slope(frame)
        if real_world is not None and (
            abs(real_world[0] / slope - 1.0) > SAME_SLOPE or real_world[1] != 0.0
        ):
            raise SuvError(
                "SUV-RESCALE",
                f"the real world value mapping {real_world} is not the rescale slope {slope:g}",
                where=f"{frame.path.name} (0040,9225)",
            )


def require_attenuation_correction(series: PetSeries, derivation: Derivation) -> None:
    """Refuse a series whose attenuation was not corrected.

    Raises
    ------
    SuvError
        ``SUV-NO-ATTENUATION-CORRECTION``.
    """
    if "ATTN" not in series.corrections:
        raise SuvError(
            "SUV-NO-ATTENUATION-CORRECTION",
            f"expected ATTN among the corrections, found {sorted(series.corrections)}",
            where="CorrectedImage (0028,0051)",
            hint="Measure the attenuation-corrected series, or confirm CorrectedImage in the "
            "override file.",
        )
    if not series.corrections & {"SCAT"}:
        derivation.warn("CorrectedImage names no scatter correction")


def _from_activity(question: Question) -> Factors:
    """Return weight / (activity decayed to the reference), g/Bq."""
    series, derivation = question.series, question.derivation
    weight_g = 1000.0 * require_weight(question.body)
    record = one_injection(series)
    nuclide, half_life = read_nuclide(record, derivation)
    activity = read_activity_bq(
        record,
        ActivityFacts(nuclide, half_life, weight_g / 1000.0, series.is_enhanced),
        question.form,
        question.rules,
        derivation,
    )
    derivation.results["activity_bq"] = activity
    derivation.results["half_life_s"] = half_life
    require_decay_correction(series)
    if series.decay_correction == "ADMIN":
        _judge_correction_to_injection(record, nuclide, activity, question)
        return np.asarray(weight_g / activity)
    series = settle_acquisition_date(record, series, nuclide, derivation)
    injected = injection_moment(record, series, nuclide, question.form, derivation)
    facts = DecayFacts(series, half_life, activity, weight_g, series.seconds(injected))
    longest_s = longest_uptake_s(nuclide)
    if series.decay_correction == "NONE":
        at_s = own_times(facts, question.rules.reference_time_spread_limit_percent, derivation)
        for moment_s in (at_s.min(), at_s.max()):
            _require_reference_after_injection(float(moment_s), facts, question, longest_s)
        derivation.results["uptake_s"] = float(at_s.min() - facts.injection_s)
        return facts.suv_per_bqml(at_s)
    limit = question.rules.reference_time_spread_limit_percent
    reference = reference_time(facts, limit, derivation)
    _require_reference_after_injection(reference, facts, question, longest_s)
    if series.decay_correction == "DATETIME":
        judge_decay_factor(decay_factor_candidate(facts), reference, facts, limit, derivation)
    derivation.results["uptake_s"] = reference - facts.injection_s
    return facts.suv_per_bqml(reference)


def _judge_correction_to_injection(
    record: InjectionRecord, nuclide: Nuclide, activity_bq: float, question: Question
) -> None:
    """Hold DecayFactor against the injection; a factor that needs no time asks for none."""
    series, derivation = question.series, question.derivation
    probe = Derivation(overrides=derivation.overrides)
    try:
        injected = injection_moment(record, series, nuclide, question.form, probe)
    except (HeaderError, SuvError):
        return
    injected_s = series.seconds(injected)
    facts = DecayFacts(series, nuclide.half_life_s, activity_bq, math.nan, injected_s)
    limit = question.rules.reference_time_spread_limit_percent
    judge_decay_factor(decay_factor_candidate(facts), injected_s, facts, limit, derivation)


def _require_reference_after_injection(
    reference: float, facts: DecayFacts, question: Question, longest_s: float
) -> None:
    derivation = question.derivation
    overridden = ("RadiopharmaceuticalStartDateTime", "DecayCorrectionDateTime")
    earliest = -3600.0 if question.series.is_dynamic else -60.0
    uptake = reference - facts.injection_s
    if earliest <= uptake <= longest_s or derivation.is_overridden(*overridden):
        return
    raise SuvError(
        "SUV-INJECTION-TIME",
        f"the reference time {facts.series.moment(reference).isoformat()} is {uptake / 60:.1f} "
        f"min after the injection at {facts.series.moment(facts.injection_s).isoformat()}: "
        f"expected {earliest / 60:g} to {longest_s / 60:g} min",
        where=facts.series.series_uid,
        hint="Give RadiopharmaceuticalStartDateTime in the override file.",
    )


def _from_suv(question: Question) -> Factors:
    """Take stored SUV: only the normalisation may have to change."""
    series = question.series
    found = NORMALISATION_OF_SUV_TYPE.get(series.suv_type)
    if found is None:
        raise SuvError(
            "SUV-TYPE",
            f"expected one of {', '.join(t for t in NORMALISATION_OF_SUV_TYPE if t)}, "
            f"found {series.suv_type!r}",
            where="SUVType (0054,1006)",
            hint="Export the reconstruction in Bq/ml.",
        )
    question.derivation.results["stored_normalisation"] = found
    _note_unused_decay(question)
    return np.asarray(1.0 / factor_on_suvbw(found, question.body))


def _from_surface_suv(question: Question) -> Factors:
    if question.series.suv_type not in {"", "BSA"}:
        raise SuvError(
            "SUV-TYPE",
            f"expected BSA for CM2ML, found {question.series.suv_type!r}",
            where="SUVType (0054,1006)",
        )
    question.derivation.results["stored_normalisation"] = "suvbsa"
    _note_unused_decay(question)
    return np.asarray(1.0 / factor_on_suvbw("suvbsa", question.body))


def _note_unused_decay(question: Question) -> None:
    """Say what a stored SUV leaves unused, and what looks wrong in it."""
    series, derivation = question.series, question.derivation
    if not series.decay_correction:
        derivation.warn("DecayCorrection is missing; a stored SUV needs none")
    elif series.decay_correction == "NONE" or "DECY" not in series.corrections:
        derivation.warn(
            "an image of SUV that the header says is not decay corrected", "stored_suv_not_decayed"
        )


def _from_counts(question: Question) -> Factors:
    """Philips: SUV per count where it stands, else activity per count."""
    series, derivation = question.series, question.derivation
    suv = _philips(question, PHILIPS_SUV, "SUV scale factor", "(7053,xx00)")
    activity = _philips(question, PHILIPS_ACTIVITY, "activity scale factor", "(7053,xx09)")
    if suv is None and activity is None:
        raise SuvError(
            "SUV-NO-SCALE-FACTOR",
            "counts without a scale factor: expected (7053,xx00) or (7053,xx09) of "
            f"{PHILIPS_CREATOR!r}",
            where="Units (0054,1001) CNTS",
            hint="Keep private elements when anonymising, or export in Bq/ml.",
        )
    if activity is None:
        assert suv is not None  # noqa: S101 - one of both is there
        _report_times(question)
        return suv
    if suv is None:
        return activity * _from_activity(question)
    over_activity = activity * _from_activity(question)
    spread = 100.0 * float(np.abs(over_activity / suv - 1.0).max())
    derivation.results["philips_spread_percent"] = spread
    limit = question.rules.philips_spread_limit_percent
    if spread > limit:
        raise SuvError(
            "SUV-PHILIPS-SPREAD",
            f"the SUV scale factor and the activity scale factor differ by {spread:.2f} % of SUV, "
            f"more than {limit:g} %",
            where=f"{series.series_uid} (7053,xx00), (7053,xx09)",
            hint="Weight, activity or times were changed after the reconstruction: find out which, "
            "and correct it in the override file.",
        )
    return suv


def _report_times(question: Question) -> None:
    """Report the reference times beside a factor that needs none of them."""
    probe = Derivation(overrides=question.derivation.overrides)
    try:
        _from_activity(
            Question(
                question.series,
                question.body,
                question.form,
                question.rules,
                question.voxel_ml,
                probe,
            )
        )
    except SuvError as error:
        question.derivation.warn(f"not needed for the SUV scale factor: {error}")
    question.derivation.inputs.extend(probe.inputs)
    question.derivation.candidates.extend({**c, "used": False} for c in probe.candidates)


def _philips(question: Question, offset: int, name: str, tag: str) -> Factors | None:
    frames = question.series.frames
    found = [read_philips_factor(frame, offset) for frame in frames]
    if all(value is None for value in found):
        return None
    if any(value is None for value in found):
        raise SuvError(
            "SUV-MIXED-SERIES",
            f"only some slices have the Philips {name}",
            where=f"{question.series.series_uid} {tag}",
        )
    question.derivation.read(name, found[0], "", f"{tag} {PHILIPS_CREATOR}")
    if frames.first.private(PHILIPS_GROUP, PHILIPS_CREATOR, offset) is None:
        question.derivation.warn(
            f"{tag} has lost its private creator; the manufacturer is Philips",
            "philips_creator_missing",
        )
    return np.array(found, dtype=np.float64)


def _from_count_rate(question: Question) -> Factors:
    """Divide the calibrated counts per second by the voxel volume: Bq/ml."""
    if "DCAL" not in question.series.corrections:
        raise SuvError(
            "SUV-CPS",
            "counts per second without dose calibration (DCAL in CorrectedImage) are no activity",
            where="Units (0054,1001), CorrectedImage (0028,0051)",
            hint="Export the reconstruction in Bq/ml.",
        )
    return _from_activity(question) / question.voxel_ml
