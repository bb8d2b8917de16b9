"""Site passports: what phantoms and travelling subjects say of a site, and whether it holds.

A passport is judged at the date of an examination, never at that of a run: what was
measured later says nothing of a scan before it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, NamedTuple

from biomarker_cli.model.outputs import replace_file
from biomarker_cli.model.wording import quoted
from biomarker_cli.tables.cells import csv_line, number_of, unescape_cell
from biomarker_cli.tables.errors import PassportError
from biomarker_cli.tables.passport_row import PassportRow
from biomarker_cli.tables.rows import columns_of
from biomarker_cli.tables.schema import Table
from biomarker_cli.tables.writing import row_lines

PASSPORTS = Table(
    "passports",
    "site x test x device x day x quantity",
    columns_of(PassportRow),
    ("site_id", "test", "device", "date", "quantity"),
)

TEST_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
MOST_BYTES = 50_000_000

_OUTCOMES = ("pass", "fail", "recorded")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_REQUIRED = ("site_id", "test", "date", "quantity", "outcome")

StateWord = Literal["valid", "missing", "stale", "failed", "undated", "dates_shifted"]


@dataclass(frozen=True)
class PassportRequirement:
    """What a study asks of a site.

    Attributes
    ----------
    test : str
    max_age_days : int
        From the day of the test to that of the examination.
    quantity, device : str
        Shell patterns; only rows of both count.
    minimum, maximum : float or None
        Limits of the values, beside the outcomes of the rows.
    """

    test: str
    max_age_days: int
    quantity: str = "*"
    device: str = "*"
    minimum: float | None = None
    maximum: float | None = None


class PassportState(NamedTuple):
    """Whether a passport holds at a date.

    Attributes
    ----------
    word : str
        ``valid``, ``missing``, ``stale``, ``failed``, or ``undated`` where the date of
        the examination is not known, or ``dates_shifted`` where it is none of the calendar.
    said : str
        What was found, in words.
    """

    word: StateWord
    said: str


def day_of(text: str) -> date | None:
    """Return the day that a text names as YYYY-MM-DD, None where it names none."""
    if not _DAY.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def passport_state(
    rows: Iterable[PassportRow], site_id: str, wanted: PassportRequirement, at: date | None
) -> PassportState:
    """Tell whether a site had what a study asks for on the day of an examination.

    The newest day of testing up to the examination counts. A device whose newest result
    before the examination fails makes the passport fail, whichever device was tested last:
    which one the examination was made on is not told.

    Parameters
    ----------
    rows : iterable of PassportRow
        As `read_passports` returns them.
    site_id : str
    wanted : PassportRequirement
    at : date or None
        Day of the examination.
    """
    if at is None:
        return PassportState("undated", "the date of the examination is not known")
    own = [row for row in rows if row.site_id == site_id and _is_meant(row, wanted)]
    before = [row for row in own if date.fromisoformat(row.date) <= at]
    if not before:
        later = min((row.date for row in own), default="")
        more = f"; the first is of {later}" if later else ""
        return PassportState("missing", f"no {wanted.test} of {quoted(site_id)} up to {at}{more}")
    newest = max(row.date for row in before)
    age = (at - date.fromisoformat(newest)).days
    if age > wanted.max_age_days:
        said = f"{wanted.test} of {newest} was {age} days old on {at}, at most {_days(wanted)}"
        return PassportState("stale", said)
    for row in _newest_by_device(before):
        problem = _broken(row, wanted)
        if problem:
            return PassportState("failed", f"{wanted.test} of {row.date}: {problem}")
    return PassportState("valid", f"{wanted.test} of {newest}")


def _days(wanted: PassportRequirement) -> str:
    return f"{wanted.max_age_days} are allowed"


def _is_meant(row: PassportRow, wanted: PassportRequirement) -> bool:
    return (
        row.test == wanted.test
        and fnmatchcase(row.quantity, wanted.quantity)
        and fnmatchcase(row.device, wanted.device)
    )


def _newest_by_device(rows: Sequence[PassportRow]) -> list[PassportRow]:
    newest: dict[str, str] = {}
    for row in rows:
        newest[row.device] = max(newest.get(row.device, ""), row.date)
    return [row for row in rows if row.date == newest[row.device]]


def _broken(row: PassportRow, wanted: PassportRequirement) -> str:
    """Return what is wrong with a row; empty where it is within the limits."""
    device = f" of {quoted(row.device)}" if row.device else ""
    what = f"{quoted(row.quantity)}{device}"
    if row.outcome == "fail":
        return f"{what} is out of its limit"
    if wanted.minimum is None and wanted.maximum is None:
        return ""
    if row.value is None:
        return f"{what} has no value to hold against the limit"
    if wanted.minimum is not None and row.value < wanted.minimum:
        return f"{what} is {row.value:g}, at least {wanted.minimum:g} is asked for"
    if wanted.maximum is not None and row.value > wanted.maximum:
        return f"{what} is {row.value:g}, at most {wanted.maximum:g} is asked for"
    return ""


def read_passports(path: Path) -> tuple[PassportRow, ...]:
    """Read a file of passports.

    Raises
    ------
    PassportError
        ``PASSPORT-INVALID`` with the line.
    """
    try:
        with path.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
        text = content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise _invalid("the file cannot be read as UTF-8 text", path.name) from error
    if len(content) > MOST_BYTES:
        raise _invalid(f"larger than {MOST_BYTES // 1_000_000} MB", path.name)
    reader = csv.DictReader(io.StringIO(text, newline=""))
    rows: dict[tuple[str, ...], PassportRow] = {}
    try:
        _require_columns(reader.fieldnames or (), path.name)
        for cells in reader:
            row = _row_of(cells, f"{path.name}:{reader.line_num}")
            if rows.setdefault(key_of(row), row) is not row:
                raise _invalid("the row stands twice", f"{path.name}:{reader.line_num}")
    except csv.Error as error:
        raise _invalid(f"no CSV: {error}", path.name) from error
    return tuple(rows.values())


def write_passports(path: Path, rows: Iterable[PassportRow]) -> None:
    """Write a file of passports, sorted, whole or not at all."""
    text = csv_line(PASSPORTS.column_names) + row_lines(PASSPORTS, rows)
    replace_file(path, text.encode())


def key_of(row: PassportRow) -> tuple[str, ...]:
    """Return what identifies a row."""
    return tuple(str(getattr(row, name)) for name in PASSPORTS.key)


def _require_columns(names: Sequence[str], where: str) -> None:
    missing = [name for name in _REQUIRED if name not in names]
    unknown = [name for name in names if name not in PASSPORTS.column_names]
    twice = sorted({name for name in names if names.count(name) > 1})
    for word, found in (("missing", missing), ("unknown", unknown), ("repeated", twice)):
        if found:
            listed = ", ".join(quoted(name, 40) for name in found[:10])
            raise _invalid(f"columns are {word}: {listed}", where)


def _row_of(cells: Mapping[str, str | None], where: str) -> PassportRow:
    if None in cells or None in cells.values():
        raise _invalid("the row has not as many cells as the header", where)
    text = {name: unescape_cell(str(cell)).strip() for name, cell in cells.items()}
    for name in _REQUIRED:
        if not text[name]:
            raise _invalid(f"{name} is empty", where)
    if not TEST_NAME.fullmatch(text["test"]):
        raise _invalid(
            f"test is {quoted(text['test'], 60)}, expected small letters, digits and _", where
        )
    if day_of(text["date"]) is None:
        raise _invalid(f"date is {quoted(text['date'], 60)}, expected YYYY-MM-DD", where)
    if text["outcome"] not in _OUTCOMES:
        raise _invalid(
            f"outcome is {quoted(text['outcome'], 60)}, expected {', '.join(_OUTCOMES)}", where
        )
    value = text.pop("value", "")
    return PassportRow(value=_number(value, where), **text)


def _number(text: str, where: str) -> float | None:
    if not text:
        return None
    number = number_of(text)
    if number is None:
        raise _invalid(f"value is {quoted(text, 60)}, expected a number", where)
    return number


def _invalid(problem: str, where: str) -> PassportError:
    return PassportError(
        "PASSPORT-INVALID",
        problem,
        where=where,
        hint=f"The columns are {', '.join(PASSPORTS.column_names)}; `biomarker passport add` "
        "writes them.",
    )
