"""Read one fact of a series: the one door, which no damaged header gets past."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from biomarker_cli.acquisition.facts import FACTS, FactDefinition, Reading
from biomarker_cli.acquisition.facts.elements import (
    path_text,
    private_text,
    read_keyword,
    read_path,
    read_private,
)
from biomarker_cli.acquisition.facts.plausible import weighed
from biomarker_cli.acquisition.facts.registry import missing
from biomarker_cli.acquisition.rules import FactName, PrivateElement
from biomarker_cli.acquisition.series import SeriesHeaders
from biomarker_cli.dicom.frames import FrameHeader, Frames
from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.model.wording import quoted

UNREADABLE = frozenset({"fact_unreadable"})


def read_fact(series: SeriesHeaders, fact: FactName) -> Reading:
    """Return a fact of the library, an element, or a private element of a series.

    A header that cannot be read gives a reading without values that says so; a
    value that cannot be is marked.
    """
    if isinstance(fact, PrivateElement):
        group, element = int(fact.group, 16), int(fact.element, 16)
        tags = (private_text(group, fact.creator, element),)
        return _guarded(
            lambda: read_private(series, group, fact.creator, element, fact.index), lambda: tags
        )
    definition = FACTS.get(fact)
    if definition is not None:
        reading = _guarded(lambda: definition.read(series), lambda: tags_of(definition))
        if reading.unreadable:
            reading = replace(reading, flags=reading.flags | UNREADABLE)
        return weighed(fact, _numbers_only(reading) if definition.unit else reading)
    read = read_path if "." in fact else read_keyword
    return weighed(fact, _guarded(lambda: read(series, fact), lambda: (path_text(fact),)))


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


def _guarded(read: Callable[[], Reading], tags: Callable[[], tuple[str, ...]]) -> Reading:
    """Return a reading, without values where reading it fails in whatever way."""
    try:
        return read()
    except BiomarkerError as error:
        why = error.message
    except Exception as error:  # noqa: BLE001 - damage knows no bounds; one fact is lost, no more
        why = f"the header is damaged ({type(error).__name__})"
    return replace(missing(tags(), why), flags=UNREADABLE)


def _numbers_only(reading: Reading) -> Reading:
    """Return the reading of a number without the values that are none."""
    wrong = [value for value in reading.values if not _is_number(value)]
    if not wrong:
        return reading
    return replace(
        reading,
        values=tuple(value for value in reading.values if _is_number(value)),
        n_missing=reading.n_missing + len(wrong),
        flags=reading.flags | UNREADABLE,
        reason=f"found {quoted(wrong[0], 64)}, which is no number",
    )


def _is_number(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(isinstance(part, float) for part in value)
    return isinstance(value, float)
