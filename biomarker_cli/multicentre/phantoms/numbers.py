"""Numbers as people write them: decimal commas, and how far the last digit reaches.

Which sign is the decimal one is told by the cells in which it cannot part thousands, else
by the delimiter of the sheet: programs that write semicolons have a decimal comma. A cell
with the other sign is refused: a number that may be two is none.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from biomarker_cli.model.wording import quoted

_NUMBER = re.compile(r"([+-]?)([0-9]*)(?:([.,])([0-9]*))?(?:[eE]([+-]?[0-9]{1,3}))?")
_MINUS = str.maketrans({"\N{MINUS SIGN}": "-", "\N{NO-BREAK SPACE}": " "})


class GivenNumber(NamedTuple):
    """A number of a sheet.

    Attributes
    ----------
    value : float
    half_digit : float
        Half of one unit of the last digit that is given: the number may lie so far off.
    """

    value: float
    half_digit: float

    def times(self, factor: float) -> GivenNumber:
        """Return the number in another unit."""
        return GivenNumber(self.value * factor, self.half_digit * abs(factor))


class DecimalSign:
    """Which sign the cells of one sheet use.

    Parameters
    ----------
    cells : iterable of str
        Values that are given.
    delimiter : str
        Of the sheet.
    """

    def __init__(self, cells: Iterable[str], delimiter: str) -> None:
        matches = [found for cell in cells if (found := _match(cell)) is not None]
        self._found = {found[3] for found in matches if found[3]}
        # Three digits behind a sign may be thousands; any other count is a fraction.
        self._told = {found[3] for found in matches if found[3] and not _may_be_thousands(found)}
        self._usual = "," if delimiter == ";" else "."

    @property
    def _decimal(self) -> set[str]:
        """Signs that begin a fraction in this sheet; none where two do."""
        if self._told:
            return self._told if len(self._told) == 1 else set()
        return {self._usual} if self._found <= {self._usual} else set()

    def number(self, cell: str) -> GivenNumber:
        """Return the number that a cell holds.

        Raises
        ------
        ValueError
            With what is wrong with it.
        """
        found = _match(cell)
        if found is None:
            raise ValueError(f"expected a number, found {quoted(cell, 60)}")
        if found[3] and found[3] not in self._decimal:
            raise ValueError(
                f"{quoted(cell, 60)}: thousands or a fraction? The other cells of the sheet do "
                "not tell; write it without that sign"
            )
        fraction, exponent = found[4] or "", int(found[5] or 0)
        number = Decimal(f"{found[1]}{found[2] or 0}.{fraction or 0}E{exponent}")
        value = float(number)
        if not math.isfinite(value):
            raise ValueError(f"{quoted(cell, 60)} is too large")
        return GivenNumber(value, float(Decimal(5).scaleb(exponent - len(fraction) - 1)))


def _match(cell: str) -> re.Match[str] | None:
    found = _NUMBER.fullmatch(cell.translate(_MINUS).strip())
    return found if found is not None and (found[2] or found[4]) else None


def _may_be_thousands(found: re.Match[str]) -> bool:
    return len(found[4] or "") == 3 and 1 <= len(found[2]) <= 3 and found[5] is None
