"""What a folder of tables has measured: its cases, their days and regions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from biomarker_cli.evidence.errors import EvidenceNotFoundError
from biomarker_cli.model.shifted_dates import FACT as DATES_MODIFIED
from biomarker_cli.model.shifted_dates import are_shifted
from biomarker_cli.model.study_dates import STUDY_DATE, study_day
from biomarker_cli.tables.packaged import PackagedTable, required_table


@dataclass(frozen=True)
class MeasuredCase:
    """A case, as far as a clinical table can meet it.

    Attributes
    ----------
    case_id, site, subject, timepoint : str
    role : str
        Image role: the end of the case_id.
    day : date or None
        None where no day is known, or two are.
    is_shifted : bool
        Whether that day is none of the calendar.
    regions : tuple of str
        Its `roi_id`.
    """

    case_id: str
    site: str
    subject: str
    timepoint: str
    role: str
    day: date | None
    is_shifted: bool
    regions: tuple[str, ...]


def measured_cases(tables: Mapping[str, PackagedTable]) -> list[MeasuredCase]:
    """Return the cases of a package, sorted by their id.

    Parameters
    ----------
    tables : mapping
        As `read_package` gives them; ``facts`` and ``rois`` may be absent.

    Raises
    ------
    TableError
        As `required_table`.
    EvidenceNotFoundError
        ``EVIDENCE-NO-CASES``.
    """
    cases = required_table(tables, "cases", "case_id", "site_id", "subject_id", "timepoint")
    days, shifted = _days(tables)
    regions = _regions(tables)
    places = [
        cases.column_names.index(name) for name in ("case_id", "site_id", "subject_id", "timepoint")
    ]
    found = []
    for row in cases.rows():
        case_id, site, subject, timepoint = (row[place] for place in places)
        known = days.get(case_id, set())
        found.append(
            MeasuredCase(
                case_id,
                site,
                subject,
                timepoint,
                case_id.rpartition("/")[2],
                next(iter(known)) if len(known) == 1 else None,
                case_id in shifted,
                tuple(sorted(regions.get(case_id, ()))),
            )
        )
    if not found:
        raise EvidenceNotFoundError("EVIDENCE-NO-CASES", "the table of cases has no row")
    return sorted(found, key=lambda case: case.case_id)


def _days(tables: Mapping[str, PackagedTable]) -> tuple[dict[str, set[date | None]], set[str]]:
    """Return the days of each case, and the cases whose days were moved."""
    if "facts" not in tables:
        return {}, set()
    facts = required_table(tables, "facts", "case_id", "fact", "value")
    case, fact, value = (facts.column_names.index(name) for name in ("case_id", "fact", "value"))
    found: dict[str, set[date | None]] = {}
    shifted: set[str] = set()
    for row in facts.rows():
        if row[fact] == DATES_MODIFIED and are_shifted(row[value]):
            shifted.add(row[case])
        if row[fact] == STUDY_DATE and row[value]:
            found.setdefault(row[case], set()).add(study_day(row[value]))
    return found, shifted


def _regions(tables: Mapping[str, PackagedTable]) -> dict[str, set[str]]:
    if "rois" not in tables:
        return {}
    rois = required_table(tables, "rois", "case_id", "roi_id")
    case, roi = (rois.column_names.index(name) for name in ("case_id", "roi_id"))
    found: dict[str, set[str]] = {}
    for row in rois.rows():
        found.setdefault(row[case], set()).add(row[roi])
    return found
