"""Facts: what can be known of an acquisition, each with a unit and a definition.

A fact is registered once, beside the function that reads it. A rule names it;
`biomarker protocol facts` lists it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from biomarker_cli.acquisition.series import SeriesHeaders
from biomarker_cli.model.shifted_dates import FACT as DATES_MODIFIED


@dataclass(frozen=True, slots=True)
class Reading:
    """What a fact found on one series.

    Attributes
    ----------
    values : tuple
        One value per slice, interval or series, whatever the fact looks at;
        only those that are present. A set (b-values) is one tuple.
    n_missing : int
        How many have none.
    tags : tuple of str
        Elements that the values were read from, or would have been.
    flags : frozenset of str
        Words of `biomarker_cli.model.flags`.
    reason : str
        Why something is missing or cannot be told.
    implausible : str
        Why a value that stands there cannot be (`facts.plausible`), empty where all can.
    unreadable : str
        A text that stands where a number should, as it was found.
    """

    values: tuple[Any, ...]
    n_missing: int
    tags: tuple[str, ...]
    flags: frozenset[str] = frozenset()
    reason: str = ""
    implausible: str = ""
    unreadable: str = ""

    @property
    def is_inferred(self) -> bool:
        """Whether a unit or a value was inferred rather than read."""
        return any(flag.partition(":")[0] in INFERRED for flag in self.flags)


INFERRED = frozenset({"unit_inferred", "b0_untagged"})
"""Flags of values that a rule judges only where it says `accept_inferred`."""


def missing(tags: tuple[str, ...], reason: str, n: int = 1) -> Reading:
    """Return the reading of a fact that nothing can be said about."""
    return Reading((), n, tags, reason=reason)


def one(value: Any, tags: tuple[str, ...], flags: frozenset[str] = frozenset()) -> Reading:
    """Return the reading of a fact that has one value for the series."""
    return Reading((value,), 0, tags, flags)


BURNED_IN = "burned_in_annotation"

WHERE_TOLD = frozenset({BURNED_IN, DATES_MODIFIED})
"""Facts that are listed of a case only where the header tells them: few do."""

MEASURED = "phantom"
"""Stands for a modality at facts that are measured on a phantom: no header tells them."""

Reader = Callable[[SeriesHeaders], Reading]


@dataclass(frozen=True, slots=True)
class FactDefinition:
    """One fact of the library.

    Attributes
    ----------
    name : str
        Snake case; numbers end in their unit.
    unit : str
        Unit of the value (`biomarker_cli.model.units`); ``1`` for a pure
        number, empty for text.
    definition : str
        What it is, in one or two sentences.
    modalities : frozenset of str
        Where it is listed as a fact of a case; empty for all, `MEASURED` for
        what no header tells.
    read : callable
    """

    name: str
    unit: str
    definition: str
    modalities: frozenset[str]
    read: Reader

    @property
    def is_measured(self) -> bool:
        """Whether it is measured on an image and handed to the check."""
        return MEASURED in self.modalities


class FactRegistry:
    """Facts by name; refuses to define one name twice."""

    def __init__(self) -> None:
        self._by_name: dict[str, FactDefinition] = {}

    def define(
        self, name: str, unit: str, definition: str, *modalities: str
    ) -> Callable[[Reader], Reader]:
        """Return a decorator that registers a reader.

        Raises
        ------
        ValueError
            Where the name is taken.
        """

        def register(reader: Reader) -> Reader:
            if name in self._by_name:
                raise ValueError(f"the fact {name!r} is defined twice")
            self._by_name[name] = FactDefinition(
                name, unit, definition, frozenset(modalities), reader
            )
            return reader

        return register

    def get(self, name: str) -> FactDefinition | None:
        """Return a fact by name, None where there is none."""
        return self._by_name.get(name)

    def __iter__(self) -> Iterator[FactDefinition]:
        return iter(sorted(self._by_name.values(), key=lambda fact: fact.name))

    def __len__(self) -> int:
        return len(self._by_name)


FACTS = FactRegistry()
"""Every derived fact; filled by the modules of this package when they are imported."""
