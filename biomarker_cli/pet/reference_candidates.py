"""What an image says about the moment that it was decay corrected to: the candidates.

Each vendor leaves other traces, and each trace is wrong on some real header. They
are read here, and set aside where they cannot be; `reference_time` chooses.

References
----------
DICOM PS3.3 C.8.9.1.1.5, C.8.9.4.1.5 (Frame Reference Time); QIBA FDG-PET
profile, vendor-neutral SUV pseudo-code; IBSI-SUV manual v1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from biomarker_cli.dicom.pet_units import (
    PHILIPS_ACTIVITY,
    PHILIPS_SUV,
    read_philips_factor,
    read_vendor_decay_datetime,
)
from biomarker_cli.dicom.times import Moment, date_time, in_series_clock, parse_datetime
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.pet.series import PetSeries, Seconds

ONE_MOMENT_S = 5.0
"""Beds agree on one reference within this: acquisition times are cut to seconds."""

FIRST_BED_S = 2.0
"""Excess of FrameReferenceTime over the frame's own mean time that shows a later bed."""

CLOCK_TOLERANCE_S = 1.0
"""SeriesTime may be this much later than an acquisition written in whole seconds."""

ONE_DAY_S = 86_400.0

SAME_RATIO = 1e-4
"""Relative difference within which the slices tell one ratio of Philips factors."""

CandidateReader = Callable[["DecayFacts"], "Candidate | None"]


@dataclass(frozen=True, slots=True)
class DecayFacts:
    """What the candidates are computed from.

    Attributes
    ----------
    series : PetSeries
    half_life_s : float
    activity_bq, weight_g : float
        NaN for a phantom: its activity does not stand in the header.
    injection_s : float
        In the seconds of `series`.
    """

    series: PetSeries
    half_life_s: float
    activity_bq: float
    weight_g: float
    injection_s: float

    @property
    def decay_per_s(self) -> float:
        """Decay constant."""
        return math.log(2.0) / self.half_life_s

    def suv_per_bqml(self, reference_s: float | Seconds) -> FloatArray:
        """Return SUVbw per Bq/ml for images corrected to a moment."""
        elapsed = np.asarray(reference_s, dtype=np.float64) - self.injection_s
        return np.asarray(self.weight_g / (self.activity_bq * np.exp(-self.decay_per_s * elapsed)))


@dataclass(frozen=True, slots=True)
class Candidate:
    """A reference time that the header suggests.

    Attributes
    ----------
    name : str
    tags : str
        Elements it came from.
    reference_s : float
        Seconds of the series; median over the slices.
    slice_range_s : float
        Largest difference between slices.
    excluded : str
        Why it cannot be, empty where it can.
    is_authority : bool
        Whether it may contradict the others.
    doubt : str
        Flag that the rows carry because of it.
    """

    name: str
    tags: str
    reference_s: float
    slice_range_s: float = 0.0
    excluded: str = ""
    is_authority: bool = False
    doubt: str = ""


def mean_decay_time(duration_s: Seconds, decay_per_s: float) -> Seconds:
    """Return when within a frame the activity equals its mean over the frame, s.

    Parameters
    ----------
    duration_s : ndarray
    decay_per_s : float

    Notes
    -----
    ``ln(x / (1 - exp(-x))) / decay`` with ``x = decay * duration``.
    """
    x = decay_per_s * np.asarray(duration_s, dtype=np.float64)
    return np.asarray(np.log(x / -np.expm1(-x)) / decay_per_s)


def _over_slices(name: str, tags: str, reference_s: Seconds) -> Candidate | None:
    """Return a candidate that every slice tells; it must be one moment."""
    if not np.isfinite(reference_s).any():
        return None
    known = reference_s[np.isfinite(reference_s)]
    extent = float(known.max() - known.min())
    excluded = ""
    if known.size < reference_s.size:
        excluded = f"{reference_s.size - known.size} of {reference_s.size} slices do not tell it"
    elif extent > ONE_MOMENT_S:
        excluded = f"no single moment: the slices differ by {extent:.1f} s"
    return Candidate(name, tags, float(np.median(known)), extent, excluded)


def named_moment(facts: DecayFacts) -> Candidate | None:
    """Return the moment that the header names itself, None where it names none."""
    moment = date_time(facts.series.frames.first, "DecayCorrectionDateTime", facts.series.offset)
    if moment is None:
        return None
    return _moment_candidate("decay_correction_datetime", "(0018,9701)", moment, facts)


def _vendor(facts: DecayFacts) -> Candidate | None:
    series = facts.series
    words = [read_vendor_decay_datetime(frame) for frame in series.frames]
    first = words[0]
    if first is None:
        return None
    tags = first.tag
    try:
        moment = in_series_clock(
            parse_datetime(first.value), series.offset, tags, series.frames.first
        )
    except ValueError:
        # A private element owes nobody a format; the other candidates remain.
        return Candidate(
            "vendor_decay_datetime", tags, math.nan, 0.0, "unreadable", doubt="private_time_unused"
        )
    candidate = _moment_candidate("vendor_decay_datetime", tags, moment, facts)
    if any(word is not None and word.is_orphan for word in words):
        candidate = replace(candidate, doubt="ge_creator_missing")
    reason, scan_s = "", series.scan_s
    if scan_s is not None and abs(candidate.reference_s - scan_s) > ONE_DAY_S:
        # Anonymisers shift dates and forget the private ones.
        reason = "more than a day from the scan: its date was not shifted with the others"
    elif any(word is None or word.value != first.value for word in words):
        reason = "the slices do not agree"
    if not reason:
        return candidate
    return replace(candidate, excluded=reason, is_authority=False, doubt="private_time_unused")


def _moment_candidate(name: str, tags: str, moment: Moment, facts: DecayFacts) -> Candidate:
    return Candidate(name, tags, facts.series.seconds(moment.at), is_authority=True)


PHILIPS_RATIO = "philips_factor_ratio"


def _philips_ratio(facts: DecayFacts) -> Candidate | None:
    """Solve SUV per Bq/ml, as the two Philips factors tell it, for the moment."""
    if not math.isfinite(facts.activity_bq):
        return None
    suv, activity = (_of_slices(facts, offset) for offset in (PHILIPS_SUV, PHILIPS_ACTIVITY))
    if not (np.isfinite(suv).any() and np.isfinite(activity).any()):
        return None
    with np.errstate(over="ignore", divide="ignore"):
        ratio = suv / activity
        at_injection = facts.suv_per_bqml(facts.injection_s)
        elapsed = float(np.log(np.nanmedian(ratio) / at_injection)) / facts.decay_per_s
    candidate = Candidate(
        PHILIPS_RATIO,
        "(7053,xx00) / (7053,xx09) Philips PET Private Group",
        facts.injection_s + elapsed,
        is_authority=True,
    )
    if np.all(np.abs(ratio / ratio[0] - 1.0) <= SAME_RATIO):
        return candidate
    return replace(
        candidate,
        excluded="the slices do not agree",
        is_authority=False,
        doubt="private_time_unused",
    )


def _of_slices(facts: DecayFacts, offset: int) -> Seconds:
    found = [read_philips_factor(frame, offset) for frame in facts.series.frames]
    return np.array([np.nan if value is None else value for value in found])


def decay_factor_candidate(facts: DecayFacts) -> Candidate | None:
    """Return the moment that DecayFactor tells, None where no slice has one.

    Solves DecayFactor = (x / (1 - e^-x)) e^(decay (frame start - reference)).

    Parameters
    ----------
    facts : DecayFacts
    """
    series = facts.series
    factor, duration = series.decay_factor, series.duration_s
    if not np.isfinite(factor).any():
        return None
    x = facts.decay_per_s * duration
    with np.errstate(invalid="ignore", divide="ignore"):
        offset = np.log(factor * -np.expm1(-x) / x) / facts.decay_per_s
    candidate = _over_slices(
        "decay_factor",
        f"DecayFactor (0054,1321), {series.acquisition_tag}, ActualFrameDuration (0018,1242)",
        series.acquisition_s - offset,
    )
    if candidate is not None and np.all(factor[np.isfinite(factor)] == 1.0):
        return replace(candidate, excluded="DecayFactor is 1 in every frame: a placeholder")
    return candidate


def _series_time(facts: DecayFacts) -> Candidate | None:
    series = facts.series
    start = series.series_start
    if start is None:
        return None
    seconds = series.seconds(start.at)
    first = series.first_acquisition_s
    excluded = doubt = ""
    if any(len(series.frames.distinct(k)) > 1 for k in ("SeriesDate", "SeriesTime")):
        excluded, doubt = "the slices do not agree", "series_time_varies"
    elif first is not None:
        slack = max(CLOCK_TOLERANCE_S, series.acquisition_resolution_s)
        if seconds > first + slack:
            excluded = f"{seconds - first:.1f} s later than the earliest acquisition"
        elif first - seconds > ONE_DAY_S:
            excluded = "more than a day before the earliest acquisition"
    return Candidate("series_datetime", start.tag, seconds, 0.0, excluded, doubt=doubt)


def _back_computation(facts: DecayFacts) -> Candidate | None:
    series = facts.series
    if series.is_ge:
        reference = series.acquisition_s - series.frame_reference_s
        tags = f"{series.acquisition_tag} - FrameReferenceTime (0054,1300)"
    else:
        in_frame = mean_decay_time(series.duration_s, facts.decay_per_s)
        reference = series.acquisition_s + in_frame - series.frame_reference_s
        tags = (
            f"{series.acquisition_tag} + mean time of ActualFrameDuration (0018,1242) "
            "- FrameReferenceTime (0054,1300)"
        )
    return _over_slices("back_computation", tags, reference)


def _earliest_acquisition(facts: DecayFacts) -> Candidate | None:
    series = facts.series
    first = series.first_acquisition_s
    if first is None:
        return None
    at_first = np.flatnonzero(series.acquisition_s == first)
    reference = series.frame_reference_s[at_first]
    in_frame = mean_decay_time(series.duration_s[at_first], facts.decay_per_s)
    if series.is_ge:
        in_frame = np.where(np.isfinite(in_frame), in_frame, 0.0)
    excess = reference - in_frame
    excluded = ""
    if not np.isfinite(excess).any():
        excluded = "FrameReferenceTime or ActualFrameDuration is missing: it may be a later bed"
    elif float(np.nanmin(excess)) > FIRST_BED_S:
        excluded = (
            f"FrameReferenceTime is {float(np.nanmin(excess)):.1f} s past the frame's own mean "
            "time: the first bed is not there"
        )
    return Candidate("earliest_acquisition", series.acquisition_tag, first, 0.0, excluded)


READERS: tuple[CandidateReader, ...] = (
    named_moment,
    _vendor,
    _philips_ratio,
    decay_factor_candidate,
    _series_time,
    _back_computation,
    _earliest_acquisition,
)
"""In the order in which a value is used."""
