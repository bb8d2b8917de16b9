"""How a quantity was derived, as steps a person reads: any JSON becomes tables of text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_MOST_ROWS = 200
_MOST_DEPTH = 6


@dataclass(frozen=True)
class DerivedPart:
    """A step of a derivation: a table.

    Attributes
    ----------
    title : str
    columns : sequence of str
        Empty for pairs of a name and a value.
    rows : sequence of sequence of str
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


def derived_parts(found: Any, title: str = "", depth: int = 0) -> list[DerivedPart]:
    """Return the steps of a derivation in their order.

    Parameters
    ----------
    found : JSON value
    title : str
        Of what it stands under.
    depth : int
        How deep it stands; what is deeper than a few levels is text.
    """
    if not isinstance(found, Mapping) or depth >= _MOST_DEPTH:
        return [DerivedPart(title, (), [["", cell(found)]])]
    pairs = [[words(name), cell(value)] for name, value in found.items() if _is_flat(value)]
    parts = [DerivedPart(title, (), pairs)] if pairs else []
    for name, value in found.items():
        if _is_flat(value):
            continue
        below = f"{title}: {words(name)}" if title else words(name)
        parts += _table(below, value) or derived_parts(value, below, depth + 1)
    return parts


def words(name: Any) -> str:
    """Return a name of a file as words."""
    return str(name).replace("_", " ")


def cell(value: Any) -> str:
    """Return a value as text: numbers to six digits, lists joined."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}" if math.isfinite(value) else "–"
    if isinstance(value, list):
        return ", ".join(map(cell, value)) or "–"
    if isinstance(value, Mapping):
        return "; ".join(f"{words(name)} {cell(one)}" for name, one in value.items())
    return str(value)


def _is_flat(value: Any) -> bool:
    if isinstance(value, list):
        return not any(isinstance(one, Mapping | list) for one in value)
    return not isinstance(value, Mapping)


def _table(title: str, value: Any) -> list[DerivedPart]:
    """Return a list of mappings as one table, its columns in the order of their names."""
    if not isinstance(value, list):
        return []
    if not all(isinstance(one, Mapping) for one in value):
        return [DerivedPart(title, (), [["", cell(one)] for one in value[:_MOST_ROWS]])]
    columns = list(dict.fromkeys(name for one in value for name in one))
    rows = [[cell(one.get(name)) for name in columns] for one in value[:_MOST_ROWS]]
    return [DerivedPart(title, [words(name) for name in columns], rows)]
