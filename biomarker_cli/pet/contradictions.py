"""Elements of a PET header that say one thing twice: where they disagree, it shows.

What decides between several reference times stands in `pet.reference_time`; here
are the pairs of which only one is used.
"""

from __future__ import annotations

import numpy as np

from biomarker_cli.dicom.pet_units import UNITS, contradicting_corrections, units_of_mappings
from biomarker_cli.dicom.real_world import LinearMapping
from biomarker_cli.dicom.times import text_of
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.pet.derivation import Derivation
from biomarker_cli.pet.errors import SuvError
from biomarker_cli.pet.reference_candidates import Candidate, DecayFacts
from biomarker_cli.pet.series import PetSeries

SAME_SLOPE = 1e-3
"""Relative difference of two slopes that are one: decimal strings are rounded."""


def require_one_unit(series: PetSeries, derivation: Derivation) -> None:
    """Refuse an image whose rescaled values the header puts in two units.

    A real world value mapping to another unit has another slope; with the slope of
    the rescale it names the unit of the rescaled values themselves. Only words that
    Units knows are compared: vendors keep others in RescaleType.

    Raises
    ------
    SuvError
        ``SUV-CONTRADICTION``.
    """
    if derivation.is_overridden("Units", "RescaleType"):
        return
    for frame in series.frames:
        word = text_of(frame.get("RescaleType", "")).upper()
        if word in UNITS and word != series.units:
            raise _contradiction(series, f"Units says {series.units}, RescaleType {word}")
        slope = float(frame.get("RescaleSlope"))
        for unit, mapping in units_of_mappings(frame):
            if unit != series.units and _is_rescale(mapping, slope):
                raise _contradiction(
                    series,
                    f"Units says {series.units}, the real world value mapping of the same slope "
                    f"{mapping.unit}",
                )


def _is_rescale(mapping: LinearMapping, slope: float) -> bool:
    return abs(mapping.slope / slope - 1.0) <= SAME_SLOPE and mapping.intercept == 0.0


def require_one_correction(series: PetSeries, derivation: Derivation) -> None:
    """Refuse CorrectedImage beside an element of enhanced PET that says otherwise.

    Raises
    ------
    SuvError
        ``SUV-CONTRADICTION``.
    """
    found = dict.fromkeys(c for f in series.frames for c in contradicting_corrections(f))
    for keyword, said, word in found:
        if not derivation.is_overridden("CorrectedImage", keyword):
            holds = "lacks" if said == "YES" else "holds"
            raise _contradiction(
                series, f"{keyword} says {said}, and CorrectedImage {holds} {word}"
            )


def _contradiction(series: PetSeries, found: str) -> SuvError:
    return SuvError(
        "SUV-CONTRADICTION",
        found,
        where=series.series_uid,
        hint="Neither is preferred: find out which is right and name it in the override file.",
    )


def judge_stored_suv(
    series: PetSeries, suvbw: FloatArray, limit_percent: float, derivation: Derivation
) -> None:
    """Hold the factor against a real world value mapping to SUVbw of the same image.

    The mapping was made by whoever wrote the image; another weight, activity or time
    shows in it. A person who overrides an element has seen both.

    Parameters
    ----------
    series : PetSeries
    suvbw : ndarray, shape (n slices,)
        SUVbw per rescaled value.
    limit_percent : float
    derivation : Derivation
    """
    apart = [
        abs(mapping.slope / (float(frame.get("RescaleSlope")) * factor) - 1.0)
        for frame, factor in zip(series.frames, suvbw, strict=True)
        for unit, mapping in units_of_mappings(frame)
        if unit == "GML" and mapping.unit.endswith("{SUVbw}")
    ]
    if not apart:
        return
    percent = 100.0 * max(apart)
    derivation.results["suv_mapping_spread_percent"] = percent
    if percent > limit_percent:
        derivation.warn(
            f"the real world value mapping to SUVbw is {percent:.2f} % from this factor",
            "suv_mapping_contradicted",
        )


def judge_decay_factor(
    told: Candidate | None,
    expected_s: float,
    facts: DecayFacts,
    limit_percent: float,
    derivation: Derivation,
) -> None:
    """Flag a DecayFactor that tells another reference time than the one that is used.

    Parameters
    ----------
    told : Candidate or None
        What DecayFactor tells; a placeholder tells nothing.
    expected_s : float
        Seconds of the series.
    facts : DecayFacts
    limit_percent : float
        Of SUV.
    derivation : Derivation
    """
    if told is None or told.excluded:
        return
    percent = 100.0 * float(growth(facts.decay_per_s * (told.reference_s - expected_s)))
    if percent > limit_percent:
        derivation.warn(
            f"DecayFactor (0054,1321) tells {facts.series.moment_text(told.reference_s)} as the "
            f"moment of correction: {percent:.2f} % of SUV from what DecayCorrection says",
            "decay_factor_contradicted",
        )


def growth(exponent: FloatArray | float) -> FloatArray:
    """Return the relative difference that a decay exponent makes, of either sign."""
    with np.errstate(over="ignore"):
        return np.asarray(np.expm1(np.abs(exponent)))
