"""What a comparison says of a row, and the words that the report uses for it."""

from __future__ import annotations

from enum import IntEnum, IntFlag


class RowVerdict(IntEnum):
    """What is said of one row of two tables."""

    SAME = 0
    WITHIN = 1
    RELATION = 2
    NOT_JUDGED = 3
    OTHER_INPUT = 4
    ONLY_A = 5
    ONLY_B = 6
    DIFFERS = 7

    @property
    def word(self) -> str:
        """The word in JSON and CSV."""
        return self.name.lower()


MEANING = {
    RowVerdict.SAME: "the same",
    RowVerdict.WITHIN: "within tolerance",
    RowVerdict.RELATION: "the same by a relation that the dialect states",
    RowVerdict.NOT_JUDGED: "not comparable by definition, as the dialect states",
    RowVerdict.OTHER_INPUT: "of another image or mask: says nothing of the program",
    RowVerdict.ONLY_A: "in A only",
    RowVerdict.ONLY_B: "in B only",
    RowVerdict.DIFFERS: "different",
}
"""For people."""


class Reason(IntFlag):
    """Why a row differs; several may hold."""

    VALUE = 1
    STATUS = 2
    UNIT = 4
    FLAGS = 8

    @property
    def words(self) -> str:
        """Names joined by ``;``."""
        return ";".join(one.name.lower() for one in Reason if one in self and one.name)
