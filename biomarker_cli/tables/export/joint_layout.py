"""The columns of the joint table: quantity, feature, and which analysis where several have it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from biomarker_cli.model.quantity import QUANTITIES

_GENERAL = frozenset({"signal", "unitless", "activity", "pet_stored"})
"""Words of quantities that do not tell what a map shows."""


@dataclass(frozen=True, order=True)
class JointColumn:
    """What a column holds.

    Attributes
    ----------
    quantity : str
        What was measured: the first word of the feature where that is a quantity, such as
        ``suvbw``, else the modality, such as ``ct``.
    analysis_id, feature_id : str
    unit : str
        UCUM code: a feature in two units has a column for each.
    """

    quantity: str
    analysis_id: str
    feature_id: str
    unit: str

    @property
    def without_unit(self) -> tuple[str, str, str]:
        """What a row without a value says of its column."""
        return self.quantity, self.analysis_id, self.feature_id


def quantity_of(feature_id: str, modality: str) -> str:
    """Return the quantity that a feature is of."""
    word = feature_id.partition(".")[0]
    return word if word in QUANTITIES and word not in _GENERAL else modality.lower() or "other"


@dataclass(frozen=True)
class JointLayout:
    """Where each value stands.

    Attributes
    ----------
    columns : tuple of JointColumn
        Sorted.
    places : mapping
        Column -> its place among the values.
    roles : mapping
        Quantity -> roles whose cases have it somewhere in the run.
    names : tuple of str
        Of the columns: ``quantity.feature[.analysis][ [unit]]``.
    """

    columns: tuple[JointColumn, ...]
    places: Mapping[JointColumn, int]
    roles: Mapping[str, frozenset[str]]
    names: tuple[str, ...]

    @classmethod
    def of(cls, found: Iterable[tuple[JointColumn, str]]) -> JointLayout:
        """Return the layout of columns, each with a role that has it."""
        roles: dict[str, set[str]] = {}
        seen: set[JointColumn] = set()
        for column, role in found:
            seen.add(column)
            roles.setdefault(column.quantity, set()).add(role)
        columns = tuple(sorted(seen))
        return cls(
            columns,
            {column: place for place, column in enumerate(columns)},
            {quantity: frozenset(some) for quantity, some in roles.items()},
            _names(columns),
        )

    @cached_property
    def of_quantity(self) -> Mapping[str, tuple[int, ...]]:
        """Places of each quantity."""
        found: dict[str, list[int]] = {}
        for place, column in enumerate(self.columns):
            found.setdefault(column.quantity, []).append(place)
        return {quantity: tuple(places) for quantity, places in found.items()}

    @cached_property
    def first_unit(self) -> Mapping[tuple[str, str, str], int]:
        """Where a measurement without a value stands: in the first unit of its feature."""
        found: dict[tuple[str, str, str], int] = {}
        for place, column in enumerate(self.columns):
            found.setdefault(column.without_unit, place)
        return found

    @property
    def quantities(self) -> tuple[str, ...]:
        """Quantities in the order of their columns."""
        return tuple(self.of_quantity)


def _names(columns: tuple[JointColumn, ...]) -> tuple[str, ...]:
    analyses = Counter(
        (quantity, feature) for quantity, _, feature in {c.without_unit for c in columns}
    )
    units = Counter(c.without_unit for c in columns)
    names = []
    for column in columns:
        name = column.feature_id
        if not name.startswith(f"{column.quantity}."):
            name = f"{column.quantity}.{name}"
        if analyses[column.quantity, column.feature_id] > 1:
            name = f"{name}.{column.analysis_id}"
        if units[column.without_unit] > 1:
            name = f"{name} [{column.unit}]"
        names.append(name)
    return tuple(names)


OF_QUANTITY = ("case_id", "status", "usable", "flags")
"""Columns of each quantity, before the values of all."""
