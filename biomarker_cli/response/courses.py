"""One subject that cannot be judged never stops the others."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

from biomarker_cli.response.errors import ResponseError
from biomarker_cli.response.readings import Course, LesionReading
from biomarker_cli.response.words import bad_input


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
    seen = Counter(timepoint for timepoint, _ in visits)
    for timepoint, times in seen.items():
        if times > 1:
            raise ResponseError("RESPONSE-DATE-ORDER", f"{timepoint} stands twice", where=timepoint)
    for (before, day), (after, later) in pairwise(visits):
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


Told = TypeVar("Told", int, str)


def set_once(told: Iterable[Mapping[str, Told]]) -> dict[str, Told]:
    """Return what the visits of a subject set, each the same wherever it stands.

    Raises
    ------
    ResponseError
        ``RESPONSE-BAD-INPUT``.
    """
    found: dict[str, Told] = {}
    for one in told:
        for name, value in one.items():
            if found.setdefault(name, value) != value:
                raise bad_input(f"one {name} of the subject", f"{found[name]} and {value}")
    return found


def require_no_new(word: str | None, lesions: Sequence[LesionReading], timepoint: str) -> None:
    """Refuse a baseline with new lesions: what is there is target or non-target.

    Raises
    ------
    ResponseError
        ``RESPONSE-BAD-INPUT``.
    """
    if word in {"yes", "equivocal"} or any(one.state != "absent" for one in lesions):
        raise ResponseError(
            "RESPONSE-BAD-INPUT",
            "a new lesion at the baseline",
            where=timepoint,
            hint="At the baseline a lesion is target or non_target; a new one comes later.",
        )
