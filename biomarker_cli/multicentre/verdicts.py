"""What a comparison says of a row, and the words that the report uses for it."""

from __future__ import annotations

from enum import IntEnum, IntFlag


class Verdict(IntEnum):
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
    Verdict.SAME: "the same",
    Verdict.WITHIN: "within tolerance",
    Verdict.RELATION: "the same by a relation that the dialect states",
    Verdict.NOT_JUDGED: "not comparable by definition, as the dialect states",
    Verdict.OTHER_INPUT: "of another image or mask: says nothing of the program",
    Verdict.ONLY_A: "in A only",
    Verdict.ONLY_B: "in B only",
    Verdict.DIFFERS: "different",
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
