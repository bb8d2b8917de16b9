"""Whether a change between two visits is larger than test-retest noise.

The word is ``exceeds_rc95``, never that a change is real: one in twenty unchanged
values exceeds the coefficient, and of a thousand features fifty do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from biomarker_cli.model.errors import InputNotFoundError
from biomarker_cli.model.flags import join_flags
from biomarker_cli.multicentre.errors import AgreementError
from biomarker_cli.multicentre.observations import FEATURE, Observations
from biomarker_cli.multicentre.repeatability_table import FORMAT, natural_order
from biomarker_cli.tables.rows import Column
from biomarker_cli.tables.schema import Table
from biomarker_cli.tables.sealed_files import read_sealed

FALSE_SHARE = 0.05
"""Part of unchanged values whose change exceeds a 95 % coefficient."""

CHANGES = Table(
    "changes",
    "subject x ROI x feature x later visit",
    (
        Column("site_id", "string", "centre"),
        Column("subject_id", "string", "identifier that the study assigned"),
        Column("analysis_id", "string", "analysis protocol, id@version"),
        Column("role", "string", "image role of the cases"),
        Column("roi_id", "string", "ROI"),
        Column("feature_id", "string", "image.family.feature[.variant]"),
        Column("timepoint", "string", "later visit"),
        Column("baseline", "string", "visit that it is held against"),
        Column("baseline_value", "number", "value at the baseline"),
        Column("value", "number", "value at the later visit"),
        Column("unit", "string", "UCUM code of the values and of the change"),
        Column("change", "number", "later value less the baseline"),
        Column("change_percent", "number", "change over the baseline; of ratio scales only"),
        Column("rule", "string", "limits that were used", ("log", "absolute")),
        Column("limit_low", "number", "largest fall that noise explains; % for log, else unit"),
        Column("limit_high", "number", "largest rise that noise explains; % for log, else unit"),
        Column(
            "exceeds_rc95",
            "string",
            "whether the change lies beyond the limits; says nothing of its cause",
            ("yes", "no", "undefined"),
        ),
        Column("flags", "string", "what to know, sorted, joined by ;"),
        Column("reason", "string", "why it is undefined"),
    ),
    (
        *("site_id", "subject_id", "analysis_id", "role", "roi_id", "feature_id"),
        "timepoint",
    ),
)


@dataclass(frozen=True)
class KnownRepeatability:
    """A repeatability file.

    Attributes
    ----------
    conditions : mapping
    features : mapping
        Entry of each feature, by the columns of `FEATURE`.
    """

    conditions: Mapping[str, Any]
    features: Mapping[tuple[str, ...], Mapping[str, Any]]

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
    return KnownRepeatability(content["conditions"], features)


@dataclass(frozen=True)
class JudgedChange:
    """One row of `CHANGES`."""

    row: Mapping[str, Any]

    @property
    def verdict(self) -> str:
        """The word under ``exceeds_rc95``."""
        return str(self.row["exceeds_rc95"])


def changes(
    observations: Observations, known: KnownRepeatability, stated: Mapping[str, str]
) -> list[JudgedChange]:
    """Return every change from the first visit of a subject to its later ones.

    Parameters
    ----------
    observations : Observations
    known : KnownRepeatability
    stated : mapping
        ``interval`` and ``roi_method`` of these visits, as people say them.

    Raises
    ------
    AgreementError
        ``MIXED-HARMONISATION`` where one was harmonised and the other was not, or by
        another model.
    InputNotFoundError
        ``CHANGES-NOT-FOUND`` where no subject has two visits.
    """
    theirs = str(known.conditions.get("combat_sha256", ""))
    if observations.combat_sha256 != theirs:
        raise AgreementError(
            "MIXED-HARMONISATION",
            "values and repeatability were not harmonised by one model: "
            f"{observations.combat_sha256[:12] or 'none'} and {theirs[:12] or 'none'}",
            hint="Harmonise the test-retest values by the same model, with `combat apply`.",
        )
    conditions = _Conditions(
        digests=frozenset(filter(None, known.conditions.get("analyses", {}).values())),
        scanners=frozenset(known.conditions.get("scanners", ())),
        stated=_stated_flags(known, stated),
    )
    found = [
        JudgedChange(dict(zip(_KEYS, key, strict=True)) | row)
        for key, visits in sorted(_visits(observations).items())
        for row in _rows_of(visits, known.of(key[2:]), conditions)
    ]
    if not found:
        raise InputNotFoundError(
            "CHANGES-NOT-FOUND",
            "expected subjects with two timepoints, found none",
            hint="Name the run that holds every visit.",
        )
    return found


_KEYS = ("site_id", "subject_id", *FEATURE)

_TOLD = ("timepoint", "value", "unit", "is_ratio", "analysis_sha256", "scanner")


@dataclass(frozen=True)
class _Conditions:
    """Conditions that the coefficients hold for, and the flags of all rows."""

    digests: frozenset[str]
    scanners: frozenset[str]
    stated: frozenset[str]


def _visits(observations: Observations) -> dict[tuple[str, ...], list[dict[str, Any]]]:
    """Return the visits of each subject and feature, in their order."""
    columns = observations.frame
    keys = zip(*(columns[name].tolist() for name in _KEYS), strict=True)
    rows = zip(*(columns[name].tolist() for name in _TOLD), strict=True)
    found: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for key, row in zip(keys, rows, strict=True):
        found.setdefault(key, []).append(dict(zip(_TOLD, row, strict=True)))
    orders = {visit: natural_order(visit) for visit in set(columns["timepoint"])}
    for key, visits in found.items():
        visits.sort(key=lambda visit: orders[visit["timepoint"]])
        names = [visit["timepoint"] for visit in visits]
        if len(set(names)) < len(names):
            raise AgreementError(
                "OBSERVATION-REPEATED",
                "expected one value at each timepoint, found two",
                where=", ".join(filter(None, key)),
            )
    return found


def _rows_of(
    visits: Sequence[Mapping[str, Any]], entry: Mapping[str, Any] | None, conditions: _Conditions
) -> Iterator[dict[str, Any]]:
    first = visits[0]
    for later in visits[1:]:
        flags = conditions.stated | _condition_flags(conditions, (first, later))
        yield _judged(first, later, entry) | {"flags": join_flags(flags)}


def _stated_flags(known: KnownRepeatability, stated: Mapping[str, str]) -> frozenset[str]:
    return frozenset(
        f"rc_other_conditions:{name}"
        for name in ("interval", "roi_method")
        if not stated.get(name) or stated[name] != known.conditions.get(name)
    )


def _condition_flags(
    conditions: _Conditions, visits: Sequence[Mapping[str, Any]]
) -> frozenset[str]:
    found = set()
    if any(visit["analysis_sha256"] not in conditions.digests for visit in visits):
        found.add("rc_other_conditions:analysis")
    if any(visit["scanner"] not in conditions.scanners for visit in visits):
        found.add("rc_other_conditions:scanner")
    return frozenset(found)


def _judged(
    first: Mapping[str, Any], later: Mapping[str, Any], entry: Mapping[str, Any] | None
) -> dict[str, Any]:
    before, after = float(first["value"]), float(later["value"])
    row: dict[str, Any] = {
        "timepoint": later["timepoint"],
        "baseline": first["timepoint"],
        "baseline_value": None if before != before else before,
        "value": None if after != after else after,
        "unit": later["unit"],
        "exceeds_rc95": "undefined",
    }
    if None in (row["baseline_value"], row["value"]):
        return row | {"reason": "a visit has no value"}
    change = after - before
    row["change"] = change
    if later["is_ratio"] and before > 0:
        row["change_percent"] = 100 * (after / before - 1)
    if entry is None:
        return row | {"reason": "the file has no such feature"}
    if entry["unit"] != later["unit"]:
        return row | {"reason": f"the file has it in another unit: {entry['unit'] or 'none'}"}
    return row | _limited(row, entry, is_positive=min(before, after) > 0)


def _limited(
    row: Mapping[str, Any], entry: Mapping[str, Any], *, is_positive: bool
) -> dict[str, Any]:
    """Return the limits that hold, and whether the change lies beyond them."""
    if entry["change_low"] is not None:
        rule, low, high = "log", entry["change_low"][0], entry["change_high"][0]
        change = row.get("change_percent")
        if change is None or not is_positive:
            return {"reason": "a value is not above 0, where the limits are a percentage"}
    elif entry["RC"] is not None:
        rule, high = "absolute", entry["RC"][0]
        low, change = -high, row["change"]
    else:
        return {"reason": "the file has no coefficient of it"}
    if not high > 0:
        return {"reason": "the repeats of the file do not differ: its coefficient is unknown"}
    verdict = "yes" if not low <= change <= high else "no"
    return {"rule": rule, "limit_low": low, "limit_high": high, "exceeds_rc95": verdict}


def expected_false(found: Sequence[JudgedChange]) -> tuple[int, int, float]:
    """Return how many were judged, how many exceed, and how many would if nothing changed."""
    counts = Counter(change.verdict for change in found)
    n_judged = counts["yes"] + counts["no"]
    return n_judged, counts["yes"], FALSE_SHARE * n_judged
