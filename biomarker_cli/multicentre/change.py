"""Whether a change between two visits is larger than test-retest noise.

The word is ``exceeds_rc95``, never that a change is real: one in twenty unchanged
values exceeds the coefficient, and of a thousand features fifty do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from biomarker_cli.model.errors import InputNotFoundError
from biomarker_cli.model.flags import join_flags
from biomarker_cli.model.study_dates import study_day
from biomarker_cli.multicentre.changes_table import EXCEEDS, UNDEFINED, WITHIN
from biomarker_cli.multicentre.errors import AgreementError
from biomarker_cli.multicentre.growth import VOLUME_UNITS, growth
from biomarker_cli.multicentre.icc import Estimate
from biomarker_cli.multicentre.noise_limits import NoiseLimits, entry_limits
from biomarker_cli.multicentre.observations import FEATURE, Observations
from biomarker_cli.multicentre.published import PublishedLimits
from biomarker_cli.multicentre.repeatability_table import FORMAT
from biomarker_cli.multicentre.run_conditions import MOVED, differing_settings
from biomarker_cli.multicentre.visit_order import in_order, why_unordered
from biomarker_cli.tables.measured_rows import CARRIED_SIZE, LEFT_OUT, WHY
from biomarker_cli.tables.sealed_files import read_sealed

FALSE_SHARE = 0.05
"""Part of unchanged values whose change exceeds a 95 % coefficient."""

FIRST, PREVIOUS = "first", "previous"
"""Which visit a later one is held against."""


@dataclass(frozen=True)
class KnownRepeatability:
    """A repeatability file.

    Attributes
    ----------
    conditions : mapping
    features : mapping
        Entry of each feature, by the columns of `FEATURE`.
    sha256 : str
        Of the file.
    """

    conditions: Mapping[str, Any]
    features: Mapping[tuple[str, ...], Mapping[str, Any]]
    sha256: str

    def of(self, key: tuple[str, ...]) -> Mapping[str, Any] | None:
        """Return the entry of a feature; one of pooled ROIs holds for every ROI.

        The version of the analysis is left aside: another one is said by a flag.
        """
        name, role, roi, feature = key[0].partition("@")[0], *key[1:]
        for choice in ((name, role, roi, feature), (name, role, "", feature)):
            if choice in self.features:
                return self.features[choice]
        return None


def load_repeatability(path: Path) -> KnownRepeatability:
    """Read a repeatability file.

    Raises
    ------
    InputNotFoundError
        ``REPEATABILITY-NOT-FOUND``.
    AgreementError
        ``REPEATABILITY-FILE`` where it is none, or was changed since it was written.
    """
    if not path.is_file():
        raise InputNotFoundError(
            "REPEATABILITY-NOT-FOUND",
            f"no such file: {path}",
            hint="`biomarker repeatability TABLE -o DIR` writes DIR/repeatability.json.",
        )
    content = read_sealed(path, FORMAT)
    if content is None:
        raise AgreementError(
            "REPEATABILITY-FILE",
            f"it is no {FORMAT}, or its digest does not fit its content",
            where=str(path),
            hint="Write it again with `biomarker repeatability`; it is not edited by hand.",
        )
    features = {
        (one["analysis_id"].partition("@")[0], *(one[name] for name in FEATURE[1:])): one
        for one in content["features"]
    }
    return KnownRepeatability(content["conditions"], features, content["sha256"])


@dataclass(frozen=True)
class JudgedChange:
    """One row of `CHANGES`."""

    row: Mapping[str, Any]

    @property
    def verdict(self) -> str:
        """The word under ``exceeds_rc95``."""
        return str(self.row["exceeds_rc95"])


@dataclass(frozen=True)
class ChangeRules:
    """What changes are held against.

    Attributes
    ----------
    known : KnownRepeatability or None
        A repeatability file.
    published : PublishedLimits or None
        Entries that speak where the file has nothing of a feature.
    stated : mapping
        ``interval`` and ``roi_method`` of these visits, as people say them.
    against : str
        `FIRST` or `PREVIOUS`.
    """

    known: KnownRepeatability | None = None
    published: PublishedLimits | None = None
    stated: Mapping[str, str] | None = None
    against: str = FIRST


def changes(observations: Observations, rules: ChangeRules) -> list[JudgedChange]:
    """Return every change from the first, or the previous, visit of a subject to its later ones.

    Raises
    ------
    AgreementError
        ``MIXED-HARMONISATION`` where one was harmonised and the other was not, or by
        another model.
    InputNotFoundError
        ``CHANGES-NOT-FOUND`` where no subject has two visits.
    """
    if rules.known is not None:
        _require_one_harmonisation(observations, rules.known)
    judge = _Judge(rules)
    found = [
        JudgedChange(dict(zip(_KEYS, key, strict=True)) | judge.row(key[2:], first, later))
        for key, visits in sorted(_visits(observations).items())
        for first, later in _pairs(visits, rules.against)
    ]
    if not found:
        raise InputNotFoundError(
            "CHANGES-NOT-FOUND",
            "expected subjects with two timepoints, found none",
            hint="Name the run that holds every visit.",
        )
    return found


def _require_one_harmonisation(observations: Observations, known: KnownRepeatability) -> None:
    theirs = str(known.conditions.get("combat_sha256", ""))
    if observations.combat_sha256 != theirs:
        raise AgreementError(
            "MIXED-HARMONISATION",
            "values and repeatability were not harmonised by one model: "
            f"{observations.combat_sha256[:12] or 'none'} and {theirs[:12] or 'none'}",
            hint="Harmonise the test-retest values by the same model, with `combat apply`.",
        )


_Visit = Mapping[str, Any]

_KEYS = ("site_id", "subject_id", *FEATURE)

_TOLD = (
    "timepoint",
    "value",
    "unit",
    "is_ratio",
    "analysis_sha256",
    "scanner",
    "date",
    "mask_method",
    "acquisition",
    LEFT_OUT,
    "table",
)


def _visits(observations: Observations) -> dict[tuple[str, ...], list[_Visit]]:
    """Return the visits of each subject and feature, in their order."""
    columns = observations.frame
    keys = zip(*(columns[name].tolist() for name in _KEYS), strict=True)
    rows = zip(*(columns[name].tolist() for name in _TOLD), strict=True)
    found: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for key, row in zip(keys, rows, strict=True):
        found.setdefault(key, []).append(dict(zip(_TOLD, row, strict=True)))
    for key, visits in found.items():
        names = [visit["timepoint"] for visit in visits]
        if len(set(names)) < len(names):
            raise AgreementError(
                "OBSERVATION-REPEATED",
                "expected one value at each timepoint, found two",
                where=", ".join(filter(None, key)),
            )
    return {key: in_order(visits, _days) for key, visits in found.items()}


def _pairs(visits: Sequence[_Visit], against: str) -> Iterator[tuple[_Visit, _Visit]]:
    if against == PREVIOUS:
        yield from pairwise(visits)
        return
    yield from ((visits[0], later) for later in visits[1:])


class _Judge:
    """Holds two visits of one feature against the limits that the rules give.

    Parameters
    ----------
    rules : ChangeRules
    """

    def __init__(self, rules: ChangeRules) -> None:
        self._rules = rules
        conditions = {} if rules.known is None else rules.known.conditions
        self._digests = frozenset(filter(None, conditions.get("analyses", {}).values()))
        self._scanners = frozenset(conditions.get("scanners", ()))
        stated = rules.stated or {}
        self._stated = frozenset(
            f"rc_other_conditions:{name}"
            for name in ("interval", "roi_method")
            if not stated.get(name) or stated[name] != conditions.get(name)
        )

    def row(self, feature: tuple[str, ...], first: _Visit, later: _Visit) -> dict[str, Any]:
        """Return a row of `CHANGES`, without whose it is."""
        before, after = (_number(visit) for visit in (first, later))
        row: dict[str, Any] = {
            "timepoint": later["timepoint"],
            "baseline": first["timepoint"],
            "days": _days(first, later),
            "baseline_value": before,
            "value": after,
            "unit": later["unit"],
            "exceeds_rc95": UNDEFINED,
            "growth": UNDEFINED if later["unit"] in VOLUME_UNITS else "",
            "differs": ";".join(sorted(_differing(first, later))),
            "flags": "",
        }
        limits, flags, reason = self._limits(feature, first, later)
        row["flags"] = join_flags(flags)
        unordered = why_unordered(first, later, row["days"])
        if unordered:
            # The sign of a change hangs on it.
            return row | {"reason": unordered}
        if before is None or after is None:
            return row | {"reason": "a visit has no value"}
        row["change"] = after - before
        if later["is_ratio"] and before > 0:
            row["change_percent"] = 100 * (after / before - 1)
        left_out = {first[LEFT_OUT], later[LEFT_OUT]} - {""}
        if left_out:
            return row | {"reason": _why_not_judged(left_out)}
        row |= {"reason": reason} if limits is None else _limited(row, limits)
        return row | _grown(row, limits) if row["growth"] else row

    def _limits(
        self, feature: tuple[str, ...], first: _Visit, later: _Visit
    ) -> tuple[NoiseLimits | None, frozenset[str], str]:
        """Return limits, the flags of a row that is held against them, and why there are none."""
        known, published = self._rules.known, self._rules.published
        entry = None if known is None else known.of(feature)
        if entry is None and published is not None:
            limits = published.of(feature[-1], later["unit"])
            if limits is not None:
                return limits, frozenset({"rc_other_conditions:published"}), ""
        if known is None:
            return None, frozenset(), "no repeatability of it was named"
        flags = self._stated | self._other_conditions((first, later))
        if entry is None:
            return None, flags, "the file has no such feature"
        if entry["unit"] != later["unit"]:
            unit = entry["unit"] or "none"
            return None, flags, f"the file has it in another unit: {unit}"
        limits = entry_limits(entry, f"sha256:{known.sha256}")
        return limits, flags, "the file has no coefficient of it"

    def _other_conditions(self, visits: Sequence[_Visit]) -> frozenset[str]:
        found = set()
        if any(visit["analysis_sha256"] not in self._digests for visit in visits):
            found.add("rc_other_conditions:analysis")
        if any(visit["scanner"] not in self._scanners for visit in visits):
            found.add("rc_other_conditions:scanner")
        return frozenset(found)


def _why_not_judged(left_out: Collection[str]) -> str:
    return WHY[CARRIED_SIZE] if CARRIED_SIZE in left_out else "a visit is not usable"


def _number(visit: _Visit) -> float | None:
    value = float(visit["value"])
    return None if value != value else value


def _days(first: _Visit, later: _Visit) -> int | None:
    are_moved = [visit["date"].startswith(MOVED) for visit in (first, later)]
    # A moved date tells a distance from those that were moved with it, which are of its run.
    if any(are_moved) and not (all(are_moved) and first["table"] == later["table"]):
        return None
    before, after = (study_day(visit["date"].removeprefix(MOVED)) for visit in (first, later))
    return None if before is None or after is None else (after - before).days


def _differing(first: _Visit, later: _Visit) -> Iterator[str]:
    """Yield the conditions in which two visits differ, of those that both tell."""
    for name, word in (
        ("analysis_sha256", "analysis"),
        ("mask_method", "mask_method"),
        ("scanner", "scanner"),
    ):
        if first[name] and later[name] and first[name] != later[name]:
            yield word
    yield from differing_settings(first["acquisition"], later["acquisition"])


def _limited(row: Mapping[str, Any], limits: NoiseLimits) -> dict[str, Any]:
    """Return the limits that hold, and whether the change lies beyond them."""
    change = row.get("change_percent") if limits.is_relative else row["change"]
    if change is None or (limits.is_relative and not min(row["value"], row["baseline_value"]) > 0):
        return {"reason": "a value is not above 0, where the limits are a percentage"}
    if not limits.high.value > 0:
        return {"reason": "the repeats of the file do not differ: its coefficient is unknown"}
    is_beyond = not limits.low.value <= change <= limits.high.value
    found: dict[str, Any] = {
        "rule": limits.rule,
        "limit_source": limits.source,
        "exceeds_rc95": "yes" if is_beyond else "no",
    }
    for name, limit in (("limit_low", limits.low), ("limit_high", limits.high)):
        found |= {name: limit.value, f"{name}_ci95_low": limit.low, f"{name}_ci95_high": limit.high}
    if row["growth"]:
        found["growth"] = EXCEEDS if change > limits.high.value else WITHIN
    return found


def _grown(row: Mapping[str, Any], limits: NoiseLimits | None) -> dict[str, Any]:
    """Return the doubling time of a volume, where both visits have a volume and a date."""
    days, before, after = row["days"], row["baseline_value"], row["value"]
    if not days or days < 0 or not (before > 0 and after > 0):
        return {}
    held = limits if row["exceeds_rc95"] != UNDEFINED else None
    found = growth(before, after, days, held)
    times = found.doubling_days or Estimate(0.0)
    return {
        "doubling_time_days": times.value if found.doubling_days else None,
        "doubling_time_ci95_low": times.low,
        "doubling_time_ci95_high": times.high,
        "doublings_per_year": found.doublings_per_year.value,
        "doublings_per_year_ci95_low": found.doublings_per_year.low,
        "doublings_per_year_ci95_high": found.doublings_per_year.high,
    }


def expected_false(found: Sequence[JudgedChange]) -> tuple[int, int, float]:
    """Return how many were judged, how many exceed, and how many would if nothing changed."""
    counts = Counter(change.verdict for change in found)
    n_judged = counts["yes"] + counts["no"]
    return n_judged, counts["yes"], FALSE_SHARE * n_judged
