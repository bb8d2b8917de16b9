"""Which of two visits was first: by the numbers of their names, else by their dates.

``post`` stands before ``pre`` in the alphabet, so the alphabet never decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from biomarker_cli.multicentre.repeatability_table import natural_order

BASELINE_WORDS = frozenset({"bl", "baseline", "screening"})
"""Timepoints that are the first visit, whatever else is there."""

_NUMBERED = re.compile(r"(\D*)([0-9]+)")

Visit = Mapping[str, Any]
DaysBetween = Callable[[Visit, Visit], int | None]


def in_order(visits: Sequence[Visit], days_between: DaysBetween) -> list[Visit]:
    """Return the visits of a subject in their order.

    Parameters
    ----------
    visits : sequence of mapping
        With their ``timepoint``.
    days_between : callable
        Gives the days from one visit to another, None where they are not known.
    """
    by_name = sorted(visits, key=lambda visit: _place(visit["timepoint"]))
    names = [visit["timepoint"] for visit in by_name]
    days = [days_between(by_name[0], visit) for visit in by_name]
    known = [day for day in days if day is not None]
    if len(known) < len(days) or all(_names_tell(names[0], name) for name in names[1:]):
        return by_name
    places = sorted(range(len(known)), key=lambda place: known[place])
    return [by_name[place] for place in places]


def why_unordered(first: Visit, later: Visit, days: int | None) -> str:
    """Return why it is not known that a visit is the later one; empty where it is.

    Parameters
    ----------
    first, later : mapping
    days : int or None
        From the first to the later one.
    """
    names = first["timepoint"], later["timepoint"]
    if days is not None:
        return "" if days >= 0 else f"{names[1]} has an earlier date than {names[0]}"
    if _names_tell(*names):
        return ""
    return f"neither dates nor names tell which of {names[0]} and {names[1]} was first"


def _is_baseline(name: str) -> bool:
    return name.casefold() in BASELINE_WORDS


def _place(name: str) -> tuple[bool, list[tuple[int, str]]]:
    return not _is_baseline(name), natural_order(name)


def _names_tell(first: str, later: str) -> bool:
    if _is_baseline(first) != _is_baseline(later):
        return _is_baseline(first)
    one, other = _NUMBERED.fullmatch(first), _NUMBERED.fullmatch(later)
    return one is not None and other is not None and one[1] == other[1]
