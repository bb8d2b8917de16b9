"""Elements of an object as pydicom holds them: items, and words that are no items."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence


def items_in(dataset: Dataset, keyword: str) -> list[Dataset]:
    """Return the items of a sequence, none where it is absent or empty."""
    return list(dataset[keyword].value or ()) if keyword in dataset else []


def word_in(dataset: Dataset, keyword: str) -> str:
    """Return the text of an element that has one value, empty where it is absent.

    Raises
    ------
    TypeError
        Where items stand in its place: pydicom would print all that lies in them, and
        what is damaged among them again at each level.
    """
    value = dataset.get(keyword)
    if isinstance(value, Sequence):
        raise TypeError(f"{keyword} is of the wrong kind")
    return "" if value is None else str(value)
