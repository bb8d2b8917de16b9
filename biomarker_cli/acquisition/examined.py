"""Examined: a series as the rules see it, from headers or from a test case."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from biomarker_cli.acquisition.facts import Reading
from biomarker_cli.acquisition.facts.elements import tag_text
from biomarker_cli.acquisition.facts.plausible import weighed
from biomarker_cli.acquisition.facts.registry import one
from biomarker_cli.acquisition.measured import MeasuredFact
from biomarker_cli.acquisition.reading import read_fact
from biomarker_cli.acquisition.rules import ExampleSeries, FactName
from biomarker_cli.acquisition.series import SeriesHeaders
from biomarker_cli.model.shifted_dates import KEYWORD as DATES_MODIFIED
from biomarker_cli.model.shifted_dates import are_shifted


@dataclass(frozen=True, eq=False)
class Examined:
    """A series, its place in study and time, and a way to read its facts.

    Attributes
    ----------
    subject : str
        What tells one subject from another; never a name.
    date : str
        YYYYMMDD of the study, empty where the header does not say.
    is_shifted : bool
        Whether that date is none of the calendar.
    """

    series_uid: str
    study_uid: str
    subject: str
    date: str
    role: str
    read_fact: Callable[[FactName], Reading]
    is_shifted: bool = False
    _readings: dict[FactName, Reading] = field(default_factory=dict, repr=False)

    def read(self, fact: FactName) -> Reading:
        """Return the reading of a fact; each is taken once."""
        found = self._readings.get(fact)
        if found is None:
            found = self.read_fact(fact)
            self._readings[fact] = found
        return found


def from_headers(
    series: SeriesHeaders, measured: Mapping[str, MeasuredFact] | None = None
) -> Examined:
    """Return a series with the facts of its headers, and those that were measured on it."""
    told = measured or {}

    def read(fact: FactName) -> Reading:
        if isinstance(fact, str) and fact in told:
            source = told[fact].source.replace(";", ",")
            return one(told[fact].value, (f"measured ({source})",))
        return read_fact(series, fact)

    date = str(series.first("StudyDate") or "")
    patient = str(series.first("PatientID") or "")
    return Examined(
        series_uid=series.series_uid,
        study_uid=series.study_uid,
        subject=series.subject
        or (
            hashlib.sha256(patient.encode("utf-8", "surrogatepass")).hexdigest() if patient else ""
        ),
        date=date if len(date) == 8 and date.isdigit() else "",
        role=series.role,
        read_fact=read,
        is_shifted=are_shifted(str(series.first(DATES_MODIFIED) or "")),
    )


def _digest(patient: str) -> str:
    return hashlib.sha256(patient.encode("utf-8", "surrogatepass")).hexdigest()


SET_FACTS = frozenset(
    {
        "b_values",
        "b_values_with_computed",
        "corrections",
        "fov_mm",
        "image_type",
        "pixel_spacing_mm",
        "scanning_sequence",
        "CorrectedImage",
        "ImageType",
        "PixelSpacing",
        "ScanningSequence",
    }
)
"""Facts whose list in a test case is one set, not one value per slice."""


def from_example(example: ExampleSeries, number: int, *, weigh: bool = True) -> Examined:
    """Return the series of a test case.

    A list gives one value per slice (for a set fact: the set; a list of lists:
    one set per slice), null a missing one. ``{value: 368.08, inferred: true}``
    is a value whose unit was inferred. Without `weigh`, values that cannot be
    are judged as if they could.
    """

    def read(fact: FactName) -> Reading:
        name, reading = _given(example.facts, fact)
        return weighed(name, reading) if weigh else reading

    return Examined(
        series_uid=f"example-{number}",
        study_uid=example.study,
        subject=example.subject,
        date=example.date,
        role=example.role,
        read_fact=read,
    )


def _given(facts: Mapping[str, Any], fact: FactName) -> tuple[str, Reading]:
    """Return the name of a fact and its reading in a test case."""
    name = fact if isinstance(fact, str) else f"{fact.group} {fact.creator} {fact.element}"
    tags = (tag_text(name),)
    value = facts.get(name)
    flags: frozenset[str] = frozenset()
    if isinstance(value, Mapping):
        flags = frozenset({"unit_inferred"}) if value.get("inferred") else flags
        value = value.get("value")
    if value is None:
        return name, Reading((), 1, tags, reason="absent in the test case")
    is_set = name in SET_FACTS and not (isinstance(value, list) and isinstance(value[0], list))
    values = [value] if is_set or not isinstance(value, list) else value
    present = tuple(_plain(v) for v in values if v is not None)
    return name, Reading(present, len(values) - len(present), tags, flags)


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_plain(part) for part in value)
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
