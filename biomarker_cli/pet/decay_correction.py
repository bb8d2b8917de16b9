"""Decay correction: whether images have it, and when the frames of those without were."""

from __future__ import annotations

import numpy as np

from biomarker_cli.dicom.times import date_time
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.pet.contradictions import growth
from biomarker_cli.pet.derivation import Derivation
from biomarker_cli.pet.errors import SuvError
from biomarker_cli.pet.reference_candidates import DecayFacts, mean_decay_time
from biomarker_cli.pet.series import PetSeries


def require_decay_correction(series: PetSeries) -> None:
    """Refuse a series that does not say, or says twice differently, what it is corrected to.

    Raises
    ------
    SuvError
        ``SUV-NO-DECAY-CORRECTION``, ``SUV-DECAY-CONTRADICTION``.
    """
    known = {"START", "ADMIN", "NONE", "DATETIME"}
    if series.decay_correction not in known:
        raise SuvError(
            "SUV-NO-DECAY-CORRECTION",
            f"expected START, ADMIN or NONE, found {series.decay_correction or 'none'!r}",
            where="DecayCorrection (0054,1102)",
            hint="Give DecayCorrection in the override file, from the reconstruction protocol.",
        )
    corrected = "DECY" in series.corrections
    if corrected == (series.decay_correction == "NONE"):
        raise SuvError(
            "SUV-DECAY-CONTRADICTION",
            f"DecayCorrection is {series.decay_correction}, and CorrectedImage "
            f"{'holds' if corrected else 'lacks'} DECY",
            where="DecayCorrection (0054,1102), CorrectedImage (0028,0051)",
            hint="Find out whether the images are decay corrected and correct one of the two in "
            "the override file.",
        )


def require_frame_times(at_s: FloatArray) -> None:
    """Refuse images without decay correction where the time of a frame is not known.

    Parameters
    ----------
    at_s : ndarray, shape (n,)
        One for each frame; NaN where it is not known.

    Raises
    ------
    SuvError
        ``SUV-NO-FRAME-TIME``.
    """
    if not np.isfinite(at_s).all():
        raise SuvError(
            "SUV-NO-FRAME-TIME",
            "the images are not decay corrected, and a frame lacks its acquisition time or "
            "duration",
            where="AcquisitionTime (0008,0032), ActualFrameDuration (0018,1242)",
            hint="Export the series again with both.",
        )


def own_times(facts: DecayFacts, limit_percent: float, derivation: Derivation) -> FloatArray:
    """Return the mean time of each frame of images that are not decay corrected.

    Nothing else confirms it, so every way to it is compared: the first is used.

    Parameters
    ----------
    facts : DecayFacts
    limit_percent : float
        Difference in % of SUV above which another way is a contradiction.
    derivation : Derivation

    Returns
    -------
    ndarray, shape (n slices,)
        Seconds of the series.

    Raises
    ------
    SuvError
        ``SUV-NO-FRAME-TIME``.
    """
    (rule, at_s), *others = _frame_times(facts)
    derivation.results["reference_time_rule"] = rule
    require_frame_times(at_s)
    for other, told_s in others:
        known = np.isfinite(told_s)
        apart = growth(facts.decay_per_s * (told_s - at_s)[known])
        percent = 100.0 * float(apart.max(initial=0.0))
        if percent > limit_percent:
            derivation.warn(
                f"{other} is {percent:.2f} % of SUV from {rule}", "acquisition_times_differ"
            )
    factor = facts.series.decay_factor
    if np.any(np.isfinite(factor) & (factor != 1.0)):
        derivation.warn(
            "DecayCorrection is NONE, and DecayFactor (0054,1321) is not 1",
            "decay_factor_contradicted",
        )
    return at_s


def _frame_times(facts: DecayFacts) -> list[tuple[str, FloatArray]]:
    """Return every way to the mean times of the frames, in the order of use."""
    series = facts.series
    in_frame = mean_decay_time(series.duration_s, facts.decay_per_s)
    mean_of = "mean time of ActualFrameDuration (0018,1242)"
    own = (f"{series.acquisition_tag} + {mean_of}", series.acquisition_s + in_frame)
    ways = [own]
    stamped = _seconds(series, "AcquisitionDateTime")
    if series.acquisition_tag.endswith("AcquisitionTime") and np.isfinite(stamped).any():
        ways.append((f"AcquisitionDateTime (0008,002A) + {mean_of}", stamped + in_frame))
    referred = _seconds(series, "FrameReferenceDateTime")
    if np.isfinite(referred).all():
        ways.insert(0, ("FrameReferenceDateTime (0018,9151)", referred))
    return ways


def _seconds(series: PetSeries, keyword: str) -> FloatArray:
    moments = [date_time(frame, keyword, series.offset) for frame in series.frames]
    return np.array([np.nan if m is None else series.seconds(m.at) for m in moments])
