"""One subject that cannot be judged never stops the others."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from biomarker_cli.response.errors import ResponseError
from biomarker_cli.response.readings import Course


@dataclass(frozen=True)
class CourseOutcome:
    """A course, or the error that stands in its place.

    Attributes
    ----------
    subject_id, reader : str
    course : Course or None
    error : ResponseError or None
    """

    subject_id: str
    reader: str
    course: Course | None = None
    error: ResponseError | None = None


def outcome(subject_id: str, reader: str, make: Callable[[], Course]) -> CourseOutcome:
    """Return a course as it is made, or why it cannot be."""
    try:
        return CourseOutcome(subject_id, reader, make())
    except ResponseError as error:
        return CourseOutcome(subject_id, reader, error=error)


_NUMBERED = re.compile(r"(\D*)(\d+)")


def require_order(visits: Sequence[tuple[str, int]]) -> None:
    """Refuse visits whose days contradict each other or their names.

    Parameters
    ----------
    visits : sequence of (timepoint, day)
        By day.

    Raises
    ------
    ResponseError
        ``RESPONSE-DATE-ORDER``.
    """
    for (before, day), (after, later) in pairwise(visits):
        if before == after:
            raise ResponseError("RESPONSE-DATE-ORDER", f"{before} stands twice", where=before)
        if day == later:
            raise ResponseError(
                "RESPONSE-DATE-ORDER", f"{before} and {after} are of one day, {day}", where=after
            )
        names = _NUMBERED.fullmatch(before), _NUMBERED.fullmatch(after)
        if names[0] is None or names[1] is None or names[0][1] != names[1][1]:
            continue
        if int(names[0][2]) > int(names[1][2]):
            raise ResponseError(
                "RESPONSE-DATE-ORDER",
                f"{before} is of day {day}, before {after} of day {later}",
                where=after,
                hint="Days rise with the numbers of the timepoints.",
            )
