"""Which rows of a case go into a pool, and which are left out with a reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache

from biomarker_cli.model.flags import split_flags
from biomarker_cli.model.usability import TAKEN, USABLE_WORDS, Least
from biomarker_cli.multicentre.pooling.unlike import LeftOut
from biomarker_cli.tables.blocks import cells_of
from biomarker_cli.tables.cells import csv_line, unescape_cell

_UNFLAGGED = (",,yes", ",,no")


class RowFilter:
    """Tells the rows of one part that go into the pool from those that do not.

    Parameters
    ----------
    usable : str
        The least usable rows that are kept.
    left : LeftOut
        Rows of the part that are not like the reference.
    severities : mapping
        What the flags of the part weigh.

    Attributes
    ----------
    n_by_reason : Counter
        Rows that were left out.
    """

    def __init__(self, usable: Least, left: LeftOut, severities: Mapping[str, str]) -> None:
        # Of lines that are left out.
        self._ends = tuple(f",{word}" for word in USABLE_WORDS if word not in TAKEN[usable])
        self._left = left
        self._severities = severities
        self.n_by_reason: Counter[str] = Counter()
        self._weighing = lru_cache(maxsize=4096)(self._weigh)

    def split(self, lines: Sequence[str], role: str) -> tuple[list[str], list[str]]:
        """Return finished lines of ``measurements.csv`` that are kept, and of the exclusions.

        Parameters
        ----------
        lines : sequence of str
            Of one case.
        role : str
            Its image role.
        """
        if self._left:
            return self._split_unlike(lines, role)
        ends = self._ends
        kept = [line for line in lines if not line.endswith(ends)]
        if len(kept) == len(lines):
            return kept, []
        return kept, [self._exclusion(line, None) for line in lines if line.endswith(ends)]

    def _split_unlike(self, lines: Sequence[str], role: str) -> tuple[list[str], list[str]]:
        kept, excluded = [], []
        for line in lines:
            why = self._why(line, role)
            if why is None and not line.endswith(self._ends):
                kept.append(line)
            else:
                excluded.append(self._exclusion(line, why))
        return kept, excluded

    def _why(self, line: str, role: str) -> tuple[str, str] | None:
        cells = [unescape_cell(cell) for cell in cells_of(line)]
        return self._left.why(role, cells[2], cells[3])

    def _exclusion(self, line: str, why: tuple[str, str] | None) -> str:
        """Return the line of ``exclusions.csv`` of a row."""
        case_id, roi_id, analysis, feature, _, _, status, flags, usable = map(
            unescape_cell, cells_of(line)
        )
        if why is None:
            why = ("no_value", status) if status != "ok" else self._weighing(flags, usable)
        reason, detail = why
        self.n_by_reason[reason] += 1
        return csv_line((case_id, roi_id, analysis, feature, reason, detail, flags))[:-1]

    def _weigh(self, flags: str, usable: str) -> tuple[str, str]:
        weight = "do_not_use" if usable == "no" else "caution"
        guilty = (flag for flag in split_flags(flags) if self._severities.get(flag) == weight)
        return weight, ";".join(sorted(guilty))


def count_flags(lines: Sequence[str], place: int) -> Counter[str]:
    """Return how many finished lines carry each flag.

    Parameters
    ----------
    lines : sequence of str
    place : int
        Of the cell of flags, counted from the end: 0 for the last.
    """
    texts: Counter[str] = Counter()
    for line in lines:
        if place and line.endswith(_UNFLAGGED):
            continue
        if '"' in line:
            texts[cells_of(line)[-1 - place]] += 1
            continue
        texts[line.rsplit(",", place + 1)[1]] += 1
    counts: Counter[str] = Counter()
    for text, number in texts.items():
        for flag in split_flags(text):
            counts[flag] += number
    return counts
