"""Fact rows of a series: every fact of the library that fits its modality."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset

from biomarker_cli.acquisition.facts import FACTS, FactDefinition, Reading
from biomarker_cli.acquisition.formatting import values_text
from biomarker_cli.acquisition.series import SeriesHeaders
from biomarker_cli.dicom.frames import FrameHeader, Frames
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
    unreadable : str
        A text that stands where a number should, as it was found.
    """

    fact: str
    value: str
    unit: str
    tags: str
    flags: frozenset[str] = frozenset()
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
        empty value.
    """
    fitting = [f for f in FACTS if not f.modalities or series.modality in f.modalities]
    return [_fact(definition, definition.read(series)) for definition in fitting]


def tags_of(definition: FactDefinition) -> tuple[str, ...]:
    """Return the elements that a fact is read from: what it names where nothing is there.

    A dialect of a vendor may hold the value elsewhere; the reading of a series
    names the elements that were used.
    """
    modality = min(definition.modalities, default="")
    empty = Dataset()
    empty.Modality = modality
    frames = Frames([FrameHeader(empty, 0, Path())])
    return definition.read(SeriesHeaders("", "", "", modality, frames)).tags


def _fact(definition: FactDefinition, reading: Reading) -> Fact:
    flags = set(reading.flags)
    if reading.values and reading.n_missing:
        flags.add("fact_incomplete")
    if len(set(reading.values)) > 1:
        flags.add("fact_varies")
    return Fact(
        fact=definition.name,
        value=values_text(reading.values),
        unit=definition.unit,
        tags=";".join(reading.tags),
        flags=frozenset(flags),
        unreadable=reading.unreadable,
    )
