"""The day of an examination, as StudyDate (0008,0020) has it."""

from __future__ import annotations

import re
from datetime import date

STUDY_DATE = "study_date"
"""Under which the tables of a run say it, as the header does."""

_DATE = re.compile(r"([0-9]{4})([-.]?)([0-9]{2})\2([0-9]{2})")


def study_day(text: str) -> date | None:
    """Return the day that a StudyDate names; None where it names none.

    Parameters
    ----------
    text : str
        ``YYYYMMDD``, ``YYYY.MM.DD`` as objects of before DICOM have it, or ``YYYY-MM-DD``.
        Text that only begins like one, or that has several, names none.

    References
    ----------
    DICOM PS3.5 6.2, value representation DA and its note.
    """
    found = _DATE.fullmatch(text.strip(" \0"))
    if found is None:
        return None
    year, _, month, day = found.groups()
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None
