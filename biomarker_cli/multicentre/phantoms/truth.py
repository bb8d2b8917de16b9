"""What a phantom is: the numbers that it asks for, their truth, and known mistakes.

A mistake is a way to misread the objects. Each predicts every number of the sheet, so
that the numbers of a program tell which one it makes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ItemLimit:
    """How far a number may lie from the truth: absolute + relative x |truth|.

    Attributes
    ----------
    absolute : float
        In the unit of the item.
    relative : float
        As a fraction.
    clause : str
        The rule that the number stands on, and where the limit is from.
    """

    clause: str
    absolute: float = 0.0
    relative: float = 0.0

    def of(self, value: float) -> float:
        """Return the limit at a value."""
        return self.absolute + self.relative * abs(value)


@dataclass(frozen=True)
class SheetItem:
    """A number that the sheet asks for.

    Attributes
    ----------
    name : str
        ``region/quantity``, the key of its row.
    what : str
        The quantity in words.
    unit : str
        UCUM.
    limit : ItemLimit
    """

    name: str
    what: str
    unit: str
    limit: ItemLimit

    @property
    def region(self) -> str:
        """Name of the region."""
        return self.name.partition("/")[0]


Values = Mapping[str, float]
"""Item -> value."""


@dataclass(frozen=True)
class Mistake:
    """A known way to misread a phantom.

    Attributes
    ----------
    name : str
        Stable word.
    says : str
        What the program does.
    next_step : str
        What to look at.
    predictions : tuple of mapping
        Item -> value by this mistake; several where programs differ in what else they do.
    """

    name: str
    says: str
    next_step: str
    predictions: tuple[Values, ...] = field(repr=False)


@dataclass(frozen=True)
class Phantom:
    """A phantom with its truth.

    Attributes
    ----------
    kind, dialect : str
    version : int
        Rises when a truth changes.
    items : tuple of SheetItem
    truth : mapping
        Item -> true value; an item that is not in it cannot be judged.
    mistakes : tuple of Mistake
    unjudged : mapping
        Item -> why it is not in `truth`.
    """

    kind: str
    dialect: str
    version: int
    items: tuple[SheetItem, ...]
    truth: Values
    mistakes: tuple[Mistake, ...]
    unjudged: Mapping[str, str] = field(default_factory=dict)

    @property
    def ident(self) -> str:
        """Kind, version and dialect, as a sheet names them."""
        return f"{self.kind}/{self.version} {self.dialect}"


def scaled(values: Values, factor: float, names: tuple[str, ...] = ()) -> dict[str, float]:
    """Return values of which some, or all, are multiplied.

    Parameters
    ----------
    values : mapping
    factor : float
    names : tuple of str
        Ends of the items that are multiplied; without any, all are.
    """
    return {
        name: value * factor if not names or name.endswith(names) else value
        for name, value in values.items()
    }
