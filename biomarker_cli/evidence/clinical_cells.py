"""One cell of a clinical table: its value, or what is wrong with it.

What is said of a cell never quotes it, unless it is a number: it may be of a person.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from biomarker_cli.evidence.clinical_schema import ClinicalColumn
from biomarker_cli.tables.cells import is_finite_number

ClinicalValue = float | int | bool | str | None

OTHER_UNITS: dict[str, tuple[tuple[str, float], ...]] = {
    "kg": (("g", 1e-3), ("[lb_av]", 0.45359237)),
    "g": (("kg", 1e3), ("mg", 1e-3)),
    "m": (("cm", 1e-2), ("mm", 1e-3)),
    "cm": (("m", 1e2), ("mm", 1e-1)),
    "mm": (("cm", 1e1), ("m", 1e3)),
    "%": (("1", 1e2),),
    "1": (("%", 1e-2),),
    "d": (("wk", 7.0), ("mo", 30.4375), ("a", 365.25)),
    "mo": (("d", 1 / 30.4375), ("a", 12.0)),
    "a": (("mo", 1 / 12.0), ("d", 1 / 365.25)),
    "g/L": (("g/dL", 10.0),),
    "g/dL": (("g/L", 0.1),),
    "mmol/L": (("umol/L", 1e-3),),
    "umol/L": (("mmol/L", 1e3),),
    "MBq": (("kBq", 1e-3), ("Bq", 1e-6), ("mCi", 37.0)),
    "ng/mL": (("ug/mL", 1e3), ("ng/L", 1e-3)),
}
"""Units that are taken for another one, with the factor that leads to it."""

_DATE = re.compile(r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})")


@dataclass(frozen=True)
class CellFault:
    """What is wrong with a cell, in words that name no person."""

    reason: str


def value_of(
    cell: str, column: ClinicalColumn, missing: frozenset[str]
) -> ClinicalValue | CellFault:
    """Return what a cell holds; None where it holds nothing.

    Parameters
    ----------
    cell : str
        Without blanks around it.
    column : ClinicalColumn
    missing : frozenset of str
        Words of all columns that stand for no value.
    """
    if cell in missing or cell in column.missing:
        return CellFault("it is required, and missing") if column.required else None
    if column.type in {"number", "integer"}:
        return _number(cell, column)
    word = column.codes.get(cell)
    if word is None:
        return CellFault(f"it is none of the {len(column.codes)} codes")
    return word == "true" if column.type == "boolean" else word


def _number(cell: str, column: ClinicalColumn) -> ClinicalValue | CellFault:
    if not is_finite_number(cell):
        if re.fullmatch(r"[+-]?[0-9]+,[0-9]+", cell):
            return CellFault("it has a decimal comma, where a point is expected")
        return CellFault(f"expected a number in {column.unit}, without its unit, found text")
    number = float(cell)
    if column.type == "integer" and not number.is_integer():
        return CellFault(f"expected a whole number, found {number:g}")
    assert column.minimum is not None  # noqa: S101 - numbers have both limits
    assert column.maximum is not None  # noqa: S101
    if column.minimum <= number <= column.maximum:
        return int(number) if column.type == "integer" else number
    side = "above" if number > column.maximum else "below"
    limit = column.maximum if number > column.maximum else column.minimum
    likely = "".join(
        f"; in {unit} it would be {number * factor:g} {column.unit}"
        for unit, factor in _likely(number, column)
    )
    return CellFault(f"{number:g} {column.unit} is {side} {limit:g} {column.unit}{likely}")


def _likely(number: float, column: ClinicalColumn) -> Iterator[tuple[str, float]]:
    """Yield the first other unit in which the number would be within the limits."""
    for unit, factor in OTHER_UNITS.get(column.unit, ()):
        if (column.minimum or 0.0) <= number * factor <= (column.maximum or 0.0):
            yield unit, factor
            return


def date_of(cell: str) -> date | None:
    """Return the day of YYYY-MM-DD or YYYYMMDD; None for any other text."""
    found = _DATE.fullmatch(cell)
    if found is None or cell.count("-") not in {0, 2}:
        return None
    try:
        return date(*(int(part) for part in found.groups()))
    except ValueError:
        return None
