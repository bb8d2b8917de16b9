"""What changed between two analysis protocols, setting by setting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from biomarker_cli.case.analysis import Analysis

MOVES_NO_NUMBER = frozenset(
    {
        "applies_to",
        "changelog",
        "description",
        "extends",
        "format",
        "id",
        "labels",
        "source",
        "status",
        "tests",
        "title",
        "version",
    }
)
"""Keys that describe an analysis, or say which images it takes; all others define the numbers."""

_NOT_SHOWN = frozenset({"changelog", "description", "extends", "format", "id", "source", "version"})


@dataclass(frozen=True, slots=True)
class SettingChange:
    """One difference.

    Attributes
    ----------
    setting : str
        Place in the protocol, such as ``radiomics.discretise.bin_width``.
    before, after : str
        Empty where the setting is not there.
    moves_numbers : bool
        Whether results of the two protocols may differ for it.
    """

    setting: str
    before: str
    after: str
    moves_numbers: bool


def compare_analyses(a: Analysis, b: Analysis) -> list[SettingChange]:
    """Return what is different in `b`, those that move a number first.

    Both are compared with their defaults filled in: a default that one of them
    spells out is no difference.

    Parameters
    ----------
    a, b : Analysis
    """
    return compare_settings(a.protocol, b.protocol)


def compare_settings(a: BaseModel, b: BaseModel) -> list[SettingChange]:
    """Return what is different in `b` between two typed files, those that move a number first."""
    before = dict(_settings(a.model_dump(mode="json"), ""))
    after = dict(_settings(b.model_dump(mode="json"), ""))
    changes = []
    for place in [*before, *(p for p in after if p not in before)]:
        top = place.partition(".")[0]
        if top not in _NOT_SHOWN:
            changes += [
                SettingChange(place, *texts, top not in MOVES_NO_NUMBER)
                for texts in _differences(before.get(place, ()), after.get(place, ()))
            ]
    return sorted(changes, key=lambda change: not change.moves_numbers)


def _differences(old: Items, new: Items) -> Iterator[tuple[str, str]]:
    """Yield what stood there and what stands there now; of a list the items that differ."""
    if len(old) <= 1 and len(new) <= 1:
        pair = "".join(old), "".join(new)
        if pair[0] != pair[1]:
            yield pair
        return
    gone = [item for item in old if item not in new]
    come = [item for item in new if item not in old]
    yield from ((item, "") for item in gone)
    yield from (("", item) for item in come)
    if not gone and not come and old != new:
        yield "; ".join(old), "; ".join(new)


Items = tuple[str, ...]
"""Text of a setting; of a list of sections one for each."""


def _settings(value: Any, place: str) -> Iterator[tuple[str, Items]]:
    """Yield place and text of every setting; a section that is absent has none."""
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _settings(part, f"{place}.{key}" if place else str(key))
    elif isinstance(value, list) and any(isinstance(part, Mapping) for part in value):
        yield place, tuple(_text(part) for part in value)
    elif value is not None:
        yield place, (_text(value),)


def _text(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, Mapping):
        told = (f"{key} {_text(part)}" for key, part in value.items() if part is not None)
        return ", ".join(told)
    if isinstance(value, list):
        return ", ".join(_text(part) for part in value) or "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)
