"""Dates that de-identification moved: they keep their distances, and fit no calendar.

LongitudinalTemporalInformationModified (0028,0303) says what became of the dates of an
object (PS3.3 C.12.1): UNMODIFIED, MODIFIED or REMOVED. A date that was moved is never held
against one that somebody wrote down: what would compare them is not assessable.
"""

from __future__ import annotations

KEYWORD = "LongitudinalTemporalInformationModified"

FACT = "dates_modified"
"""Under which the tables of a run say it; absent where the header does not."""

FLAG = "dates_shifted"

SAID = "the dates of the images were moved when they were de-identified: no calendar fits them"


def are_shifted(said: str) -> bool:
    """Tell whether the dates of an object are those of no calendar.

    Parameters
    ----------
    said : str
        The value of (0028,0303), or of the fact; of several values one is enough. Any word
        but UNMODIFIED counts as moved.
    """
    words = (word.strip().upper() for word in said.replace(";", "\\").split("\\"))
    return any(word not in {"", "UNMODIFIED"} for word in words)
