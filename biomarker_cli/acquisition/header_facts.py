"""Fact rows of a series: every fact of the library that fits its modality."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from biomarker_cli.acquisition.facts import FACTS, FactDefinition, Reading
from biomarker_cli.acquisition.facts.registry import WHERE_TOLD
from biomarker_cli.acquisition.formatting import values_text
from biomarker_cli.acquisition.reading import read_fact
from biomarker_cli.acquisition.series import SeriesHeaders
from biomarker_cli.model.flags import join_flags


@dataclass(frozen=True, slots=True)
class Fact:
    """What is known of one series.

    Attributes
    ----------
    fact : str
        Name in the library.
    value : str
        Distinct values joined by a backslash; empty where nothing is known.
    unit : str
        UCUM code, empty for text.
    tags : str
        Elements it was read from, joined by ``;``.
    flags : frozenset of str
    note : str
        Why a value is missing or cannot be.
    unreadable : str
        A text that stands where a number should, as it was found.
    """

    fact: str
    value: str
    unit: str
    tags: str
    flags: frozenset[str] = frozenset()
    note: str = ""
    unreadable: str = ""

    def row(self) -> dict[str, str]:
        """Return the columns of ``facts.csv`` behind case and series."""
        return {
            "fact": self.fact,
            "value": self.value,
            "unit": self.unit,
            "tags": self.tags,
            "flags": join_flags(self.flags),
        }


def header_facts(series: SeriesHeaders) -> list[Fact]:
    """Return every fact of the library that fits the modality of a series.

    Parameters
    ----------
    series : SeriesHeaders

    Returns
    -------
    list of Fact
        In the order of the library; a fact that the header does not tell has an
        empty value, or is left out (`WHERE_TOLD`).
    """
    fitting = [f for f in FACTS if not f.modalities or series.modality in f.modalities]
    read = ((definition, read_fact(series, definition.name)) for definition in fitting)
    return [
        _fact(definition, reading)
        for definition, reading in read
        if reading.values or definition.name not in WHERE_TOLD
    ]


def facts_by_series(series: Iterable[SeriesHeaders]) -> dict[str, list[Fact]]:
    """Return the facts of each SeriesInstanceUID, one of each: it may stand in two studies."""
    found: dict[str, dict[str, Fact]] = {}
    for one in series:
        kept = found.setdefault(one.series_uid, {})
        for fact in header_facts(one):
            kept[fact.fact] = _united(kept[fact.fact], fact) if fact.fact in kept else fact
    return {uid: list(facts.values()) for uid, facts in found.items()}


def _united(first: Fact, other: Fact) -> Fact:
    flags = first.flags | other.flags
    if first.value == other.value:
        return replace(first, flags=flags)
    values = [value for value in (first.value, other.value) if value]
    flags |= {"fact_varies" if len(values) > 1 else "fact_incomplete"}
    return replace(first, value="\\".join(values), flags=flags)


def _fact(definition: FactDefinition, reading: Reading) -> Fact:
    flags = set(reading.flags)
    if reading.values and reading.n_missing:
        flags.add("fact_incomplete")
    if len(set(reading.values)) > 1:
        flags.add("fact_varies")
    if reading.implausible:
        flags.add("fact_implausible")
    return Fact(
        fact=definition.name,
        value=values_text(reading.values),
        unit=definition.unit,
        tags=";".join(reading.tags),
        flags=frozenset(flags),
        note=reading.implausible or reading.reason,
        unreadable=reading.unreadable,
    )
