"""To which moment were the images decay corrected? Every candidate, an order, a check.

DecayCorrection START names no moment. Each vendor leaves other traces of it, and
each trace is wrong on some real header; so every candidate is computed, those
that cannot be are set aside with the reason, and the rest must agree.

References
----------
DICOM PS3.3 C.8.9.1.1.5, C.8.9.4.1.5 (Frame Reference Time); QIBA FDG-PET
profile, vendor-neutral SUV pseudo-code; IBSI-SUV manual v1.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from biomarker_cli.dicom.pet_units import (
    PHILIPS_ACTIVITY,
    PHILIPS_SUV,
    read_philips_factor,
    read_vendor_decay_datetime,
)
from biomarker_cli.dicom.times import Moment, date_time, in_series_clock, parse_datetime
from biomarker_cli.pet.derivation import Derivation
from biomarker_cli.pet.errors import SuvError
from biomarker_cli.pet.series import PetSeries, Seconds

ONE_MOMENT_S = 5.0
"""Beds agree on one reference within this: acquisition times are cut to seconds."""

FIRST_BED_S = 2.0
"""Excess of FrameReferenceTime over the frame's own mean time that shows a later bed."""

CLOCK_TOLERANCE_S = 1.0
"""SeriesTime may be this much later than an acquisition written in whole seconds."""

CONTRADICTED = 0.005
"""Relative difference in SUV by which an authority contradicts a candidate."""

ONE_DAY_S = 86_400.0

SAME_RATIO = 1e-4
"""Relative difference within which the slices tell one ratio of Philips factors."""

FURTHEST_S = 366 * ONE_DAY_S
"""No image is corrected to a moment further from its scan: the element is damaged."""

WITNESSES = MappingProxyType(
    {
        "decay_factor": "factor",
        "series_datetime": "series",
        "back_computation": "acquisition",
        "earliest_acquisition": "acquisition",
    }
)
"""Public candidate -> element that it rests on: two of one element are one witness."""

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

    def suv_per_bqml(self, reference_s: float | Seconds) -> npt.NDArray[np.float64]:
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


def reference_time(facts: DecayFacts, limit_percent: float, derivation: Derivation) -> float:
    """Return the moment that the images are decay corrected to.

    Parameters
    ----------
    facts : DecayFacts
    limit_percent : float
        Largest accepted spread between candidates, in % of SUV.
    derivation : Derivation
        Takes every candidate with its tags and its fate.

    Returns
    -------
    float
        Seconds of the series.

    Raises
    ------
    SuvError
        ``SUV-NO-REFERENCE-TIME``, ``SUV-REFERENCE-TIME-SPREAD``.
    """
    # An enhanced object names the moment itself; nothing else may stand in for it.
    readers = (_named,) if facts.series.decay_correction == "DATETIME" else READERS
    told = [c for reader in readers if (c := reader(facts)) is not None]
    told = [_within_reach(candidate, facts) for candidate in told]
    found = _against_authorities(told, facts, derivation)
    if facts.series.units == "CNTS" and not _is_confirmed_ratio(found, facts):
        # Counts become activity by one of these very factors: their ratio proves nothing.
        found = [c for c in told if c.name != PHILIPS_RATIO]
    for candidate in found:
        if candidate.doubt:
            derivation.warn(
                f"{candidate.name} ({candidate.tags}): {candidate.excluded or 'doubtful'}",
                candidate.doubt,
            )
    admissible = [c for c in found if not c.excluded]
    if not admissible:
        _note(found, None, facts, derivation)
        raise SuvError(
            "SUV-NO-REFERENCE-TIME",
            "no element tells to which moment the images were decay corrected: "
            + ("; ".join(f"{c.name}: {c.excluded}" for c in found) or "no time at all"),
            where=facts.series.series_uid,
            hint="Give DecayCorrectionDateTime in the override file.",
        )
    used = _used(admissible, facts)
    _note(found, used, facts, derivation)
    extent_s = max(c.reference_s for c in admissible) - min(c.reference_s for c in admissible)
    spread = _growth(facts.decay_per_s * extent_s)
    derivation.results["reference_time"] = facts.series.moment_text(used.reference_s)
    derivation.results["reference_time_rule"] = used.name
    derivation.results["reference_time_spread_percent"] = _finite(100.0 * spread)
    if 100.0 * spread > limit_percent:
        raise SuvError(
            "SUV-REFERENCE-TIME-SPREAD",
            f"the reference times differ by {100.0 * spread:.2f} % of SUV, more than "
            f"{limit_percent:g} %: "
            + "; ".join(f"{c.name} {facts.series.moment_text(c.reference_s)}" for c in admissible),
            where=facts.series.series_uid,
            hint="Find out which is right and give DecayCorrectionDateTime in the override file.",
        )
    if len(admissible) == 1 and not used.is_authority:
        derivation.warn(
            f"{used.name} is the only reference time; nothing confirms it",
            "reference_time_unconfirmed",
        )
    return used.reference_s


def _growth(exponent: float) -> float:
    """Return e^x - 1, infinite where it is beyond all numbers."""
    try:
        return math.expm1(exponent)
    except OverflowError:
        return math.inf


def _difference(candidate: Candidate, other: Candidate, facts: DecayFacts) -> float:
    """Return the relative difference in SUV."""
    return _growth(facts.decay_per_s * (candidate.reference_s - other.reference_s))


def _agree(one: Candidate, other: Candidate, facts: DecayFacts) -> bool:
    return abs(_difference(one, other, facts)) <= CONTRADICTED


def _within_reach(candidate: Candidate, facts: DecayFacts) -> Candidate:
    """Set aside a moment that is years from the scan: it may not even be in the calendar."""
    scan_s = facts.series.scan_s
    if scan_s is None or abs(candidate.reference_s - scan_s) <= FURTHEST_S:
        return candidate
    reason = candidate.excluded or "more than a year from the scan"
    return replace(candidate, excluded=reason, is_authority=False)


def _against_authorities(
    found: list[Candidate], facts: DecayFacts, derivation: Derivation
) -> list[Candidate]:
    """Set aside what a vendor's own moment or factor contradicts.

    A private element that no public one confirms, and against which two public
    ones agree, is no authority: the spread then decides. Against a single one, or
    against several that disagree, it is taken, with a flag.
    """
    authority = next((c for c in found if c.is_authority and not c.excluded), None)
    if authority is None:
        return found
    others = [c for c in found if not c.excluded and c is not authority]
    against = [c for c in others if not _agree(c, authority, facts)]
    settled = derivation.is_overridden("DecayCorrectionDateTime")
    if against and len(against) == len(others) and not settled:
        if _two_witnesses_agree(against, facts):
            return found
        derivation.warn(
            f"{authority.name} was used; " + ", ".join(c.name for c in against) + " contradicts it",
            "reference_time_contradicted",
        )
    return [
        replace(c, excluded=f"contradicted by {authority.name}") if c in against else c
        for c in found
    ]


def _two_witnesses_agree(candidates: list[Candidate], facts: DecayFacts) -> bool:
    """Tell whether two candidates that rest on different elements tell one moment."""
    return any(
        WITNESSES.get(one.name, one.name) != WITNESSES.get(other.name, other.name)
        and _agree(one, other, facts)
        for one, other in combinations(candidates, 2)
    )


def _used(admissible: list[Candidate], facts: DecayFacts) -> Candidate:
    """Return the first in the order; a ratio of factors yields to the time it confirms."""
    first = admissible[0]
    if first.name != PHILIPS_RATIO:
        return first
    confirmed = [c for c in admissible[1:] if abs(_difference(c, first, facts)) <= CONTRADICTED]
    return confirmed[0] if confirmed else first


def _is_confirmed_ratio(found: list[Candidate], facts: DecayFacts) -> bool:
    """Tell whether a ratio of factors stands first and a time agrees with it."""
    admissible = [c for c in found if not c.excluded]
    if not admissible or admissible[0].name != PHILIPS_RATIO:
        return False
    return _used(admissible, facts).name != PHILIPS_RATIO


def _note(
    found: list[Candidate], used: Candidate | None, facts: DecayFacts, derivation: Derivation
) -> None:
    for candidate in found:
        derivation.candidates.append(
            {
                "name": candidate.name,
                "tags": candidate.tags,
                "reference_time": facts.series.moment_text(candidate.reference_s),
                "suvbw_per_bqml": _finite(float(facts.suv_per_bqml(candidate.reference_s))),
                "range_over_slices_s": candidate.slice_range_s,
                "difference_percent": (
                    None if used is None else _finite(100.0 * _difference(candidate, used, facts))
                ),
                "admissible": not candidate.excluded,
                "reason": candidate.excluded,
                "used": candidate is used,
            }
        )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


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


def _named(facts: DecayFacts) -> Candidate | None:
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


def _decay_factor(facts: DecayFacts) -> Candidate | None:
    """Solve DecayFactor = (x / (1 - e^-x)) e^(decay (frame start - reference))."""
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
    _named,
    _vendor,
    _philips_ratio,
    _decay_factor,
    _series_time,
    _back_computation,
    _earliest_acquisition,
)
"""In the order in which a value is used."""
