"""Judge a sheet: each number against its truth, and which mistake explains them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from biomarker_cli.model.wording import quoted
from biomarker_cli.multicentre.phantoms.errors import SheetEmptyError
from biomarker_cli.multicentre.phantoms.kinds import phantom_named
from biomarker_cli.multicentre.phantoms.numbers import DecimalSign, GivenNumber
from biomarker_cli.multicentre.phantoms.sheet import Sheet, SheetRow, asked_of
from biomarker_cli.multicentre.phantoms.truth import Mistake, Phantom, SheetItem, Values
from biomarker_cli.multicentre.phantoms.units import unit_factor

Outcome = Literal["pass", "fail", "unreadable", "not_given", "not_judged"]

BROKEN: tuple[Outcome, ...] = ("fail", "unreadable")
"""Outcomes with which a sheet does not pass."""

_ROUNDING = 1e-9
"""Of a comparison, relative: a number exactly at its tolerance passes."""


@dataclass(frozen=True)
class JudgedRow:
    """A number of a sheet and what became of it.

    Attributes
    ----------
    item : str
    what, unit : str
    outcome : str
        ``pass``, ``fail``, ``unreadable``, ``not_given`` or ``not_judged``.
    given : float or None
        In `unit`.
    truth : float or None
    tolerance : float or None
    tolerance_from : str
        ``limit``, or ``last digit`` where half the last digit that is given is larger.
    clause : str
        What the truth and the limit stand on.
    reason : str
        Why there is no judgement.
    half_digit : float
        Half of one unit of the last digit.
    """

    item: str
    what: str
    unit: str
    outcome: Outcome
    given: float | None = None
    truth: float | None = None
    tolerance: float | None = None
    tolerance_from: str = ""
    clause: str = ""
    reason: str = ""
    half_digit: float = 0.0

    @property
    def deviation(self) -> float | None:
        """Given minus true."""
        if self.given is None or self.truth is None:
            return None
        return self.given - self.truth


@dataclass(frozen=True)
class Judgement:
    """What a sheet says of a program.

    Attributes
    ----------
    phantom : str
        Kind, version and dialect.
    sheet : str
        Name of the file.
    info : mapping
        What measured, as the sheet says it.
    unsaid : tuple of str
        What the sheet asks of that and does not say.
    rows : tuple of JudgedRow
        In the order of the phantom; what it does not ask for comes last.
    explained_by : tuple of Mistake
        The mistakes each of which explains all numbers, some of which fail; one mistake
        alone is named with certainty.
    """

    phantom: str
    sheet: str
    info: Mapping[str, str]
    unsaid: tuple[str, ...]
    rows: tuple[JudgedRow, ...]
    explained_by: tuple[Mistake, ...]

    @property
    def is_passed(self) -> bool:
        """Whether no number fails, and none is unreadable."""
        return not any(row.outcome in BROKEN for row in self.rows)

    def count(self, outcome: Outcome) -> int:
        """Return how many rows have an outcome."""
        return sum(row.outcome == outcome for row in self.rows)


def judge(sheet: Sheet) -> Judgement:
    """Hold the numbers of a sheet against the truth of its phantom.

    Parameters
    ----------
    sheet : Sheet

    Raises
    ------
    SheetError
        ``SHEET-PHANTOM``.
    SheetEmptyError
        ``SHEET-EMPTY`` where no number is filled in.
    """
    peak = sheet.info.get("suvpeak_definition", "")
    phantom = phantom_named(sheet.info.get("phantom", ""), peak, sheet.name)
    if not any(row.value for row in sheet.rows):
        raise SheetEmptyError(
            "SHEET-EMPTY",
            "no number of the sheet is filled in",
            where=sheet.name,
            hint="Measure the objects with the program and write what it gives into `value`.",
        )
    sign = DecimalSign((row.value for row in sheet.rows if row.value), sheet.delimiter)
    rows = _judged(phantom, sheet.rows, sign)
    unsaid = [name for name in asked_of(phantom) if name not in sheet.info]
    explained = explanations(phantom, rows)
    return Judgement(
        phantom.ident, sheet.name, sheet.info, tuple(unsaid), tuple(rows), tuple(explained)
    )


def _judged(phantom: Phantom, rows: Sequence[SheetRow], sign: DecimalSign) -> list[JudgedRow]:
    by_item: dict[str, list[SheetRow]] = {}
    for row in rows:
        by_item.setdefault(row.item, []).append(row)
    judged = [_of_item(phantom, item, by_item.pop(item.name, []), sign) for item in phantom.items]
    for name, others in by_item.items():
        if any(row.value for row in others):
            reason = f"line {others[0].line}: the phantom has no item {quoted(name, 60)}"
            judged.append(JudgedRow(name, "", "", "unreadable", reason=reason))
    return judged


def _of_item(
    phantom: Phantom, item: SheetItem, rows: Sequence[SheetRow], sign: DecimalSign
) -> JudgedRow:
    filled = [row for row in rows if row.value]

    def without(outcome: Outcome, reason: str) -> JudgedRow:
        return JudgedRow(item.name, item.what, item.unit, outcome, reason=reason)

    if not filled:
        return without("not_given", "")
    if len(filled) > 1:
        lines = ", ".join(str(row.line) for row in filled)
        return without("unreadable", f"lines {lines} give it more than once")
    try:
        number = sign.number(filled[0].value).times(unit_factor(filled[0].unit, item.unit))
    except ValueError as error:
        return without("unreadable", f"line {filled[0].line}: {error}")
    if item.name not in phantom.truth:
        return JudgedRow(
            item.name,
            item.what,
            item.unit,
            "not_judged",
            given=number.value,
            reason=phantom.unjudged.get(item.name, ""),
            half_digit=number.half_digit,
        )
    return _held(item, number, phantom.truth[item.name])


def _held(item: SheetItem, number: GivenNumber, truth: float) -> JudgedRow:
    limit = item.limit.of(truth)
    by_digit = number.half_digit > limit
    tolerance = number.half_digit if by_digit else limit
    return JudgedRow(
        item.name,
        item.what,
        item.unit,
        "pass" if _is_within(number.value, truth, tolerance) else "fail",
        number.value,
        truth,
        tolerance,
        "last digit" if by_digit else "limit",
        item.limit.clause,
        half_digit=number.half_digit,
    )


def _is_within(value: float, expected: float, tolerance: float) -> bool:
    return abs(value - expected) <= tolerance + _ROUNDING * max(abs(value), abs(expected))


def explanations(phantom: Phantom, rows: Sequence[JudgedRow]) -> list[Mistake]:
    """Return the mistakes that explain every number that is given.

    Parameters
    ----------
    phantom : Phantom
    rows : sequence of JudgedRow

    Returns
    -------
    list of Mistake
        Empty where no number fails: nothing needs to be explained. Several, where the
        numbers that are given do not tell them apart.
    """
    told = [row for row in rows if row.outcome in {"pass", "fail"}]
    if not any(row.outcome == "fail" for row in told):
        return []
    limits = {item.name: item.limit for item in phantom.items}

    def explains(predicted: Values) -> bool:
        return all(_is_explained(row, predicted[row.item], limits[row.item].of) for row in told)

    return [m for m in phantom.mistakes if any(explains(p) for p in m.predictions)]


def _is_explained(row: JudgedRow, predicted: float, limit_of: Callable[[float], float]) -> bool:
    """Tell whether a number is what a mistake gives, within the limit on its own scale."""
    assert row.given is not None  # noqa: S101 - it passed or failed
    assert row.truth is not None  # noqa: S101 - it passed or failed
    # The limit grows and shrinks with the number: one for 4 says nothing of 0.004.
    scale = abs(predicted / row.truth) if row.truth else 1.0
    limit = limit_of(row.truth) * scale
    return _is_within(row.given, predicted, max(limit, row.half_digit))
