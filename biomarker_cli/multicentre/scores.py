"""Readings in categories: what several readers said of cases, and what is true.

::

    case_id,reader_id,category,item,occasion
    A/S1/T1/ct,alice,4,pirads,1

``item`` (what was judged) and ``occasion`` (1 and 2 for a second reading, before and after
for a decision) may be missing. A table of truth has ``case_id``, ``category`` and perhaps ``item``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from biomarker_cli.model.wording import counted, quoted
from biomarker_cli.multicentre.errors import AgreementError
from biomarker_cli.multicentre.repeatability_table import natural_order
from biomarker_cli.tables.cells import is_finite_number
from biomarker_cli.tables.columns import require_columns
from biomarker_cli.tables.reading import read_cells

MOST_CATEGORIES = 100
"""Different words of one item; more are no categories but free text."""

MOST_READINGS = 500
"""Readers by items by occasions: each is held against each."""

_HINT = "docs/pooling.md lists the columns."


class ScoreReading(NamedTuple):
    """Who read what, and when."""

    item: str
    occasion: str
    reader_id: str


@dataclass(frozen=True)
class Scores:
    """Readings of cases.

    Attributes
    ----------
    by_reading : mapping
        ScoreReading -> case -> category; a case that was not read has an empty one.
    """

    by_reading: Mapping[ScoreReading, Mapping[str, str]]

    @property
    def items(self) -> tuple[str, ...]:
        """What was judged, sorted."""
        return tuple(sorted({reading.item for reading in self.by_reading}))

    def of_item(self, item: str) -> dict[ScoreReading, Mapping[str, str]]:
        """Return the readings of one item, in their order."""
        chosen = [reading for reading in self.by_reading if reading.item == item]
        chosen.sort(key=lambda one: (natural_order(one.occasion), natural_order(one.reader_id)))
        return {reading: self.by_reading[reading] for reading in chosen}


def read_scores(path: Path) -> Scores:
    """Read a table of readings.

    Raises
    ------
    TableError
        ``TABLE-NOT-FOUND``, ``TABLE-COLUMNS``, ``TABLE-UNREADABLE``.
    AgreementError
        ``SCORE-REPEATED`` where a reader judged a case twice on one occasion;
        ``SCORES-EMPTY``, ``SCORES-MANY``.
    """
    frame = read_cells(path)
    require_columns(path, ["case_id", "reader_id", "category"], frame.columns, _HINT)
    for name in ("item", "occasion"):
        if name not in frame.columns:
            frame[name] = ""
    found: dict[ScoreReading, dict[str, str]] = {}
    columns = ("case_id", "reader_id", "category", "item", "occasion")
    rows = zip(*(frame[name] for name in columns), strict=True)
    for line, (case_id, reader_id, category, item, occasion) in enumerate(rows, start=2):
        if not case_id or not reader_id:
            raise AgreementError(
                "SCORES-EMPTY",
                "expected a case and a reader, found an empty cell",
                where=f"{path}, line {line}",
            )
        of_reading = found.setdefault(ScoreReading(item, occasion, reader_id), {})
        if case_id in of_reading:
            raise AgreementError(
                "SCORE-REPEATED",
                f"{quoted(reader_id)} judged {quoted(case_id)} twice",
                where=f"{path}, line {line}",
                hint="A second reading has another word in the column occasion.",
            )
        of_reading[case_id] = category.strip()
    if not found:
        raise AgreementError("SCORES-EMPTY", "the table has no row", where=str(path), hint=_HINT)
    if len(found) > MOST_READINGS:
        raise AgreementError(
            "SCORES-MANY",
            f"the table has {len(found)} readers, items and occasions, more than {MOST_READINGS}",
            where=str(path),
            hint="reader_id tells who read, case_id what was read: are the columns mixed up?",
        )
    return Scores(found)


def read_truth(path: Path) -> dict[str, dict[str, str]]:
    """Read a table of truth: item -> case -> category.

    Raises
    ------
    TableError
        ``TABLE-NOT-FOUND``, ``TABLE-COLUMNS``, ``TABLE-UNREADABLE``.
    AgreementError
        ``SCORE-REPEATED``, ``SCORES-EMPTY``.
    """
    frame = read_cells(path)
    require_columns(path, ["case_id", "category"], frame.columns, _HINT)
    items = frame["item"] if "item" in frame.columns else [""] * len(frame)
    found: dict[str, dict[str, str]] = {}
    rows = zip(frame["case_id"], frame["category"], items, strict=True)
    for line, (case_id, category, item) in enumerate(rows, start=2):
        of_item = found.setdefault(item, {})
        if case_id in of_item:
            raise AgreementError(
                "SCORE-REPEATED",
                f"the truth of {quoted(case_id)} stands twice",
                where=f"{path}, line {line}",
            )
        of_item[case_id] = category.strip()
    if not found:
        raise AgreementError("SCORES-EMPTY", "the table has no row", where=str(path), hint=_HINT)
    return found


@dataclass(frozen=True)
class Categories:
    """The categories of an item.

    Attributes
    ----------
    names : tuple of str
    is_ordered : bool
        Whether their order has a meaning, so that some disagree more than others.
    """

    names: tuple[str, ...]
    is_ordered: bool

    def place(self, name: str) -> int:
        """Return where a category stands."""
        return self.names.index(name)


def categories_of(words: Iterable[str], order: Sequence[str], item: str) -> Categories:
    """Return the categories of an item: in the order that is said, else that of numbers.

    Parameters
    ----------
    words : iterable of str
        Every one that was given, with empty ones.
    order : sequence of str
        Empty where nobody says it.
    item : str

    Raises
    ------
    AgreementError
        ``SCORE-CATEGORY`` for a word that the order has not, or too many of them.
    """
    there = set(words) - {""}
    if order:
        odd = sorted(there - set(order))
        if odd or len(set(order)) < len(order):
            found = quoted(odd[0]) if odd else "a category twice"
            raise AgreementError(
                "SCORE-CATEGORY",
                f"the categories of {quoted(item or 'the scores')} are {', '.join(order)}, "
                f"found {found}",
            )
        return Categories(tuple(order), is_ordered=True)
    if len(there) > MOST_CATEGORIES:
        raise AgreementError(
            "SCORE-CATEGORY",
            f"{quoted(item or 'the scores')} has {counted(len(there), 'category', 'categories')}",
            hint="Free text and measurements are no categories.",
        )
    if there and all(map(is_finite_number, there)):
        return Categories(tuple(sorted(there, key=float)), is_ordered=True)
    return Categories(tuple(sorted(there)), is_ordered=False)


def parse_orders(said: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the orders that ``[ITEM=]A,B,C`` mean, by item; empty for every other.

    Raises
    ------
    AgreementError
        ``SCORE-CATEGORY``.
    """
    found: dict[str, tuple[str, ...]] = {}
    for text in said:
        item, equals, names = text.rpartition("=")
        order = tuple(name.strip() for name in names.split(","))
        if "" in order or len(order) < 2 or item in found or (equals and not item):
            raise AgreementError(
                "SCORE-CATEGORY",
                f"{quoted(text)} is no order of categories",
                hint="Say them from the least to the most: --order none,mild,severe, or "
                "--order ITEM=none,mild,severe.",
            )
        found[item] = order
    return found
