"""What the rules above series ask of one series, kept so that they need no header again.

A rule over a study, a subject or a cohort is judged when all cases are known; what it
compares was read when each of them was measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from biomarker_cli.acquisition.devices import DeviceNames
from biomarker_cli.acquisition.examined import Examined, from_headers
from biomarker_cli.acquisition.facts import Reading
from biomarker_cli.acquisition.protocol import AcquisitionProtocol
from biomarker_cli.acquisition.rules import AcquisitionRules, FactName
from biomarker_cli.acquisition.series import SeriesHeaders

WIDE_SCOPES = ("study", "subject", "cohort")
"""Scopes that no case sees alone."""


def has_wide_rules(protocol: AcquisitionProtocol) -> bool:
    """Tell whether a protocol has rules above series."""
    content = protocol.content
    return bool(content.roles) or any(rule.over in WIDE_SCOPES for rule in content.rules)


def keep_readings(
    protocol: AcquisitionProtocol, series: Sequence[SeriesHeaders], devices: DeviceNames
) -> list[dict[str, Any]]:
    """Return what the rules above series may ask of some series, as JSON-able data.

    Parameters
    ----------
    protocol : AcquisitionProtocol
    series : sequence of SeriesHeaders
        Placed in their study.
    devices : DeviceNames
        Of these series: what is kept holds digests of them, which compare as they do.

    Returns
    -------
    list of dict
        One for each series; empty where the protocol has no such rules.
    """
    if not has_wide_rules(protocol):
        return []
    facts = _facts_asked(protocol.content)
    return [_kept(from_headers(one), facts, devices) for one in series]


def _kept(series: Examined, facts: Sequence[FactName], devices: DeviceNames) -> dict[str, Any]:
    readings = {_name(fact): asdict(series.read(fact)) for fact in facts}
    for reading in readings.values():
        reading["flags"] = sorted(reading["flags"])
        reading["values"] = devices.veiled_values(reading["values"], reading["tags"])
    return {
        "series_uid": series.series_uid,
        "study_uid": series.study_uid,
        "subject": series.subject,
        "date": series.date,
        "is_shifted": series.is_shifted,
        "role": series.role,
        "readings": readings,
    }


def kept_series(kept: dict[str, Any]) -> Examined:
    """Return a series as the rules see it, from what `keep_readings` gave."""
    readings = kept["readings"]

    def read(fact: FactName) -> Reading:
        found = readings[_name(fact)]
        return Reading(
            values=_tuples(found["values"]),
            n_missing=found["n_missing"],
            tags=tuple(found["tags"]),
            flags=frozenset(found["flags"]),
            reason=found["reason"],
            implausible=found["implausible"],
        )

    return Examined(
        kept["series_uid"],
        kept["study_uid"],
        kept["subject"],
        kept["date"],
        kept["role"],
        read,
        is_shifted=kept["is_shifted"],
    )


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def _name(fact: FactName) -> str:
    return fact if isinstance(fact, str) else fact.model_dump_json()


def _facts_asked(content: AcquisitionRules) -> list[FactName]:
    """Return every fact that judging may ask for, conditions and vendors included."""
    asked: list[FactName] = ["Manufacturer", *content.applies_to.when]
    for role in content.roles.values():
        asked += role.when
    for rule in content.rules:
        asked += [rule.fact, *rule.when]
        asked += [vendor.fact for vendor in rule.vendors if vendor.fact is not None]
    return list({_name(fact): fact for fact in asked}.values())
