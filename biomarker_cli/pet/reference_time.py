"""To which moment were the images decay corrected? Every candidate, an order, a check.

DecayCorrection START names no moment. So every candidate is computed, those that
cannot be are set aside with the reason, and the rest must agree.
"""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations
from types import MappingProxyType

from biomarker_cli.pet.derivation import Derivation
from biomarker_cli.pet.errors import SuvError
from biomarker_cli.pet.reference_candidates import (
    ONE_DAY_S,
    PHILIPS_RATIO,
    READERS,
    Candidate,
    DecayFacts,
    named_moment,
)

CONTRADICTED = 0.005
"""Relative difference in SUV by which an authority contradicts a candidate."""

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
    found = _candidates(facts, derivation)
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


def _candidates(facts: DecayFacts, derivation: Derivation) -> list[Candidate]:
    """Return every candidate with its fate, in the order of use."""
    # An enhanced object names the moment itself; nothing else may stand in for it.
    readers = (named_moment,) if facts.series.decay_correction == "DATETIME" else READERS
    told = [
        _within_reach(candidate, facts)
        for reader in readers
        if (candidate := reader(facts)) is not None
    ]
    for candidate in told:
        if candidate.doubt:
            fate = candidate.excluded or "its private creator is lost"
            derivation.warn(f"{candidate.name} ({candidate.tags}): {fate}", candidate.doubt)
    if facts.series.units == "CNTS" and not _is_confirmed_ratio(told, facts):
        # Counts become activity by one of these very factors: their ratio proves nothing.
        told = [c for c in told if c.name != PHILIPS_RATIO]
    return _against_authorities(told, facts, derivation)


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


def _is_confirmed_ratio(told: list[Candidate], facts: DecayFacts) -> bool:
    """Tell whether a time agrees with the ratio of factors."""
    admissible = [c for c in told if not c.excluded]
    ratio = next((c for c in admissible if c.name == PHILIPS_RATIO), None)
    return ratio is not None and any(c is not ratio and _agree(c, ratio, facts) for c in admissible)


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
