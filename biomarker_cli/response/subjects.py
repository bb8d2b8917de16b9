"""``subjects.csv``: arms, dates and what else endpoints need of each subject."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from biomarker_cli.response.errors import ResponseError
from biomarker_cli.response.words import bad_input

REQUIRED = ("subject_id",)

_DATES = ("reference_date", "new_therapy_date", "death_date", "last_contact_date")
_OTHERS = ("arm", "reference_meaning", "analysis_set", *_DATES)
_KEPT = frozenset({"", "yes", "no"})


@dataclass(frozen=True)
class TrialSubject:
    """What is known of a subject beside its images.

    Attributes
    ----------
    arm : str
    reference_day, new_therapy_day, death_day, last_contact_day : int or None
        Days on the axis of the visits; None where nobody told.
    reference_meaning : str
        What the reference date is, such as randomisation.
    in_analysis : bool
        Whether the subject belongs to the analysis set.
    """

    arm: str = ""
    reference_day: int | None = None
    reference_meaning: str = ""
    new_therapy_day: int | None = None
    death_day: int | None = None
    last_contact_day: int | None = None
    in_analysis: bool = True


@dataclass(frozen=True)
class SubjectRow:
    """A row of the file: dates as dates, or as days where it has them."""

    arm: str
    meaning: str
    in_analysis: bool
    dates: Mapping[str, date | int | None]

    def on_axis(self, first: date | None) -> TrialSubject:
        """Return the subject with days from a date, or with its own days.

        Parameters
        ----------
        first : date or None
            Day 0 of the visits.

        Raises
        ------
        ResponseError
            ``RESPONSE-DATE-ORDER`` for dates that contradict each other,
            ``RESPONSE-BAD-INPUT`` for dates beside days, and dates where nothing tells day 0.
        """
        told = [one for one in self.dates.values() if one is not None]
        if len({isinstance(one, int) for one in told}) > 1:
            # A spreadsheet writes a date as the number of days since 1900.
            raise bad_input("dates, or days, of one subject", ", ".join(map(str, told)))
        days = {name: self._day(name, first) for name in _DATES}
        reference, death = days["reference_date"], days["death_date"]
        for name in ("death_date", "new_therapy_date"):
            day = days[name]
            if reference is not None and day is not None and day < reference:
                raise _order(f"{name} lies before the reference date")
        contact = days["last_contact_date"]
        if death is not None and contact is not None and death < contact:
            raise _order("death_date lies before last_contact_date")
        return TrialSubject(
            arm=self.arm,
            reference_day=days["reference_date"],
            reference_meaning=self.meaning,
            new_therapy_day=days["new_therapy_date"],
            death_day=days["death_date"],
            last_contact_day=days["last_contact_date"],
            in_analysis=self.in_analysis,
        )

    def _day(self, name: str, first: date | None) -> int | None:
        value = self.dates[name]
        if value is None or isinstance(value, int):
            return value
        start = first
        if start is None:
            reference = self.dates["reference_date"]
            start = reference if isinstance(reference, date) else None
        if start is None:
            raise bad_input(f"a date as reference_date, from which {name} is counted", "none")
        return (value - start).days


def require_possible(subject: TrialSubject, visits: Sequence[tuple[str, int]]) -> None:
    """Refuse visits behind the death of a subject, and answers before its reference date.

    Parameters
    ----------
    subject : TrialSubject
    visits : sequence of (timepoint, day)
        By day, the baseline first.

    Raises
    ------
    ResponseError
        ``RESPONSE-DATE-ORDER``.
    """
    last, death = visits[-1], subject.death_day
    if death is not None and last[1] > death:
        raise _order(f"{last[0]} of day {last[1]} lies behind death_date, of day {death}")
    start, therapy = subject.reference_day, subject.new_therapy_day
    if start is not None and len(visits) > 1 and visits[1][1] < start:
        raise _order(
            f"{visits[1][0]} of day {visits[1][1]} lies before the reference date, of day {start}"
        )
    if therapy is not None and start is None and therapy < visits[0][1]:
        raise _order(f"new_therapy_date, of day {therapy}, lies before the baseline")


def _order(message: str) -> ResponseError:
    return ResponseError(
        "RESPONSE-DATE-ORDER",
        message,
        hint="Days of subjects.csv are on the axis of the visits: correct one of the two.",
    )


def read_subjects(path: Path) -> dict[str, SubjectRow]:
    """Return the rows of a file of subjects.

    Raises
    ------
    TableError
        ``TABLE-NOT-FOUND``, ``TABLE-UNREADABLE``, ``TABLE-COLUMNS``.
    ResponseError
        ``RESPONSE-BAD-INPUT``, with the row.
    """
    from biomarker_cli.tables.columns import refuse_misspelt, require_columns
    from biomarker_cli.tables.reading import read_cells

    frame = read_cells(path)
    require_columns(path, REQUIRED, frame.columns)
    refuse_misspelt(path, _OTHERS, frame.columns)
    found: dict[str, SubjectRow] = {}
    for line, cells in enumerate(frame.to_dict("records"), start=2):
        row = {str(name): str(value).strip() for name, value in cells.items()}
        try:
            subject = row["subject_id"]
            if not subject or subject in found:
                raise bad_input("each subject once", subject)
            found[subject] = _subject_row(row)
        except ResponseError as error:
            place = f"{path.name}, row {line}"
            raise ResponseError(error.code, error.message, where=place) from error
    return found


def _subject_row(row: Mapping[str, str]) -> SubjectRow:
    in_analysis = row.get("analysis_set", "").lower()
    if in_analysis not in _KEPT:
        raise bad_input("yes, no or nothing as analysis_set", in_analysis)
    return SubjectRow(
        arm=row.get("arm", ""),
        meaning=row.get("reference_meaning", ""),
        in_analysis=in_analysis != "no",
        dates={name: parse_date(row.get(name, "")) for name in _DATES},
    )


def parse_date(text: str) -> date | int | None:
    """Return a date ``2026-11-29`` or ``20261129``, a day number, or None for nothing.

    Raises
    ------
    ResponseError
        ``RESPONSE-BAD-INPUT``.
    """
    if not text:
        return None
    unsigned = text.removeprefix("-")
    if unsigned.isascii() and unsigned.isdigit() and len(unsigned) <= 5:
        return int(text)
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise bad_input("a date such as 2026-11-29, or a day", text) from error
