"""Measured facts: what no header tells and a rule asks for, such as the recovery of a phantom.

They come in a small table that a person or `suv-explain --phantom` writes.
Only facts that the library marks as measured may stand in it: a value of the
header cannot be talked over this way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from biomarker_cli.acquisition.facts import FACTS
from biomarker_cli.acquisition.facts.phantom import recovery_fact
from biomarker_cli.acquisition.facts.registry import FactDefinition
from biomarker_cli.acquisition.handed_in import HandedIn
from biomarker_cli.acquisition.series import SeriesHeaders
from biomarker_cli.model.units import conversion_factor
from biomarker_cli.model.wording import quoted
from biomarker_cli.protocol.errors import ProtocolError
from biomarker_cli.tables.cells import number_of

MEASURED_COLUMNS = ("series_uid", "fact", "value", "unit", "source")
"""Columns of the table; `series_uid` may be left out or empty where one series is meant."""

_TABLE = HandedIn(
    "MEASURED-INVALID",
    MEASURED_COLUMNS,
    required=MEASURED_COLUMNS[1:],
    hint=f"The columns are {', '.join(MEASURED_COLUMNS)}; docs/acquisition.md has an example.",
)
_invalid = _TABLE.invalid


@dataclass(frozen=True, slots=True)
class MeasuredFact:
    """One row of the table.

    Attributes
    ----------
    series_uid : str
        Empty where the one series that the protocol speaks of is meant.
    fact : str
        Name in the library.
    value : float
        In the unit of the fact.
    source : str
        Where it was measured.
    """

    series_uid: str
    fact: str
    value: float
    source: str


def load_measured(path: Path) -> tuple[MeasuredFact, ...]:
    """Read a table of measured facts.

    Raises
    ------
    ProtocolError
        ``MEASURED-INVALID``, with the line: unknown, missing or repeated
        columns, facts and rows, a value that is no number, a unit that is
        missing or of another dimension.
    """
    rows: dict[tuple[str, str], MeasuredFact] = {}
    for where, cells in _TABLE.rows(path):
        found = _fact_of_row(cells, where)
        if rows.setdefault((found.series_uid, found.fact), found) is not found:
            raise _invalid(f"{found.fact} stands twice for one series", where)
    if not rows:
        raise _invalid("the table has no rows", path.name)
    return tuple(rows.values())


def _fact_of_row(cells: Mapping[str, str], where: str) -> MeasuredFact:
    definition = _definition(cells["fact"], where)
    return MeasuredFact(
        series_uid=cells.get("series_uid", ""),
        fact=definition.name,
        value=_number(cells, where) * _factor(cells["unit"], definition, where),
        source=cells["source"],
    )


def _definition(name: str, where: str) -> FactDefinition:
    definition = FACTS.get(name)
    if definition is not None and definition.is_measured:
        return definition
    if definition is not None:
        raise _invalid(
            f"{name} is read from the header and cannot be handed in",
            where,
            "Only measured facts can: `biomarker protocol facts --modality phantom`.",
        )
    known = [fact.name for fact in FACTS if fact.is_measured]
    near = get_close_matches(name, known, n=1)
    meant = f"Did you mean {near[0]}? " if near else ""
    raise _invalid(
        f"there is no measured fact {quoted(name)}",
        where,
        f"{meant}`biomarker protocol facts --modality phantom` lists them.",
    )


def _number(cells: Mapping[str, str], where: str) -> float:
    number = number_of(cells["value"])
    if number is None:
        raise _invalid(
            f"value of {cells['fact']} is {quoted(cells['value'])}, expected a number", where
        )
    return number


def _factor(unit: str, definition: FactDefinition, where: str) -> float:
    try:
        return conversion_factor(unit, definition.unit)
    except ValueError as error:
        raise _invalid(
            f"unit of {definition.name} is {quoted(unit)}, expected {definition.unit!r}",
            where,
            "Write the unit as the fact has it; '1' is a pure number (0.95, not 95 %).",
        ) from error


Told = dict[str, dict[str, MeasuredFact]]
"""SeriesInstanceUID -> fact -> what was measured."""


def assign_measured(
    measured: Iterable[MeasuredFact], speaks_of: Sequence[SeriesHeaders], asked: Iterable[str]
) -> Told:
    """Return measured facts by series.

    Parameters
    ----------
    measured : iterable of MeasuredFact
    speaks_of : sequence of SeriesHeaders
        The series that the protocol speaks of.
    asked : iterable of str
        Facts that its rules name.

    Raises
    ------
    ProtocolError
        ``MEASURED-SERIES`` where a row fits no series, or several;
        ``MEASURED-UNUSED`` where no rule asks for any of the facts.
    """
    rows = list(measured)
    wanted = set(asked)
    if rows and not any(row.fact in wanted for row in rows):
        raise ProtocolError(
            "MEASURED-UNUSED",
            f"no rule asks for {', '.join(sorted({row.fact for row in rows}))}",
            hint="Choose the protocol that the measurement belongs to.",
        )
    uids = list(dict.fromkeys(series.series_uid for series in speaks_of))
    told: Told = {}
    if not uids:
        return told
    for row in rows:
        uid = row.series_uid or (uids[0] if len(uids) == 1 else "")
        if uid not in uids:
            raise ProtocolError(
                "MEASURED-SERIES",
                f"{row.fact} names series {row.series_uid}, which is none that the protocol "
                "speaks of here"
                if row.series_uid
                else f"{row.fact} names no series, and the protocol speaks of {len(uids)} here",
                hint="Name the series in the column series_uid, or give its folder alone.",
            )
        if told.setdefault(uid, {}).setdefault(row.fact, row) is not row:
            raise ProtocolError(
                "MEASURED-SERIES",
                f"{row.fact} stands twice for series {uid}",
                hint="One row names the series, another means it by leaving it out.",
            )
    return told


def phantom_rows(
    series_uid: str, rows: Iterable[Mapping[str, Any]], source: str
) -> list[dict[str, Any]]:
    """Return what was measured on a phantom as rows of the table.

    Parameters
    ----------
    series_uid : str
    rows : iterable of mapping
        With quantity, sphere_mm and value, as `suv-explain --phantom` finds them;
        what is no fact of the library (the peak) is left out.
    source : str
        What measured it.
    """
    found = []
    for row in rows:
        name = recovery_fact(str(row["quantity"]), row["sphere_mm"])
        definition = FACTS.get(name)
        if definition is not None:
            cells = (series_uid, name, row["value"], definition.unit, source)
            found.append(dict(zip(MEASURED_COLUMNS, cells, strict=True)))
    return found
