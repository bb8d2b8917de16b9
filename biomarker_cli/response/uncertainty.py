"""How sure a call of the targets is, given the error of a reading; it changes no call.

Draws: each diameter is moved by its error (flat prior on the true size), the baseline is
one draw for all visits, and the nadir follows in each draw. Non-target and new lesions
stay as they are.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from biomarker_cli.response.assessing import Assessed, assess
from biomarker_cli.response.reading_error import ReadingError
from biomarker_cli.response.readings import Course, LesionReading, ReadVisit
from biomarker_cli.response.scopes import WHOLE

Row = dict[str, Any]

_STEP = Decimal("0.1")
"""mm; thresholds are compared in these steps."""

_LARGEST_STEPS = 4096
"""409.6 mm: a margin beyond it is none."""


@dataclass(frozen=True)
class Uncertainty:
    """Annotates the visits of a course.

    Attributes
    ----------
    error : ReadingError
    n_draws, seed : int
    """

    error: ReadingError
    n_draws: int
    seed: int

    def __call__(self, assessed: Assessed) -> Mapping[str, Row]:
        """Return the cells of each visit, by timepoint; none without lesions in mm."""
        if not _has_diameters(assessed):
            return {}
        counts = self._counts(assessed)
        return {
            one.visit.timepoint: {
                **self._probability(counts[place], _call(assessed, place)),
                **margin(assessed, place),
                **self._exceeds(assessed, place),
            }
            for place, one in enumerate(assessed.visits)
            if one.value is not None
        }

    def _counts(self, assessed: Assessed) -> list[Counter[str]]:
        course = assessed.course
        name = f"{self.seed}/{assessed.criterion.ident}/{course.subject_id}/{course.reader}"
        source = random.Random(name)  # noqa: S311 - a simulation, no secret
        counts: list[Counter[str]] = [Counter() for _ in assessed.visits]
        for _ in range(self.n_draws):
            drawn = _again(assessed, self._moved(course, source))
            for place, count in enumerate(counts):
                count[_call(drawn, place)] += 1
        return counts

    def _moved(self, course: Course, source: random.Random) -> Course:
        visits = tuple(
            replace(visit, lesions=tuple(self._read_again(one, source) for one in visit.lesions))
            for visit in course.visits
        )
        return replace(course, visits=visits)

    def _read_again(self, lesion: LesionReading, source: random.Random) -> LesionReading:
        if lesion.state != "measured":
            return lesion
        moved = {
            name: _moved_by(getattr(lesion, name), source.gauss(0, self.error.sd_mm))
            for name in ("value", "longest", "short")
        }
        return replace(lesion, **moved)  # type: ignore[arg-type]

    def _probability(self, count: Counter[str], call: str) -> Row:
        shares = {name: number / self.n_draws for name, number in sorted(count.items())}
        told = ";".join(f"{name}:{share:.3f}" for name, share in shares.items())
        return {"p_category": shares.get(call, 0.0), "p_categories": told}

    def _exceeds(self, assessed: Assessed, place: int) -> Row:
        one = assessed.visits[place]
        if one.value is None or one.baseline is None or one.nadir is None:
            return {}
        if assessed.criterion.file.targets.unit != "mm":
            return {}
        n_lesions = len(one.visit.lesions)
        moved = max(abs(one.value - one.baseline), abs(one.value - one.nadir))
        return {"exceeds_error": "yes" if float(moved) > self.error.limit_mm(n_lesions) else "no"}


def _has_diameters(assessed: Assessed) -> bool:
    lesions = [one for visit in assessed.course.visits for one in visit.lesions]
    unit = assessed.criterion.file.targets.unit
    return (
        bool(lesions) and unit in {"mm", "mm2"} and all(one.lesion_id != WHOLE for one in lesions)
    )


def _moved_by(size: Decimal | None, error_mm: float) -> Decimal | None:
    if size is None:
        return None
    return max(size + Decimal(round(error_mm * 1000)) / 1000, Decimal(0))


def _again(assessed: Assessed, course: Course) -> Assessed:
    """Return another course judged under what held for a first one."""
    return assess(
        course, assessed.criterion, assessed.policies, assessed.parameters, screened=False
    )


def _call(assessed: Assessed, place: int) -> str:
    """Return the call of the targets, of a criterion without such the overall one."""
    one = assessed.visits[place]
    return one.target or one.overall


def margin(assessed: Assessed, place: int) -> Row:
    """Return the smallest change of a visit's sizes that would change its call.

    Parameters
    ----------
    assessed : Assessed
    place : int
        Of the visit, among the follow-ups.

    Returns
    -------
    dict
        `distance_mm` in mm, with its sign, and `distance_call`; empty where nothing changes it.
    """
    found = []
    for sign in (1, -1):
        steps = _first_change(assessed, place, sign)
        if steps is not None:
            found.append((steps, sign))
    if not found:
        return {}
    steps, sign = min(found)
    changed = _again(assessed, _shifted(assessed.course, place, sign * steps * _STEP))
    return {"distance_mm": float(sign * steps * _STEP), "distance_call": _call(changed, place)}


def _first_change(assessed: Assessed, place: int, sign: int) -> int | None:
    """Return the fewest steps in a direction that change the call, by doubling and halving."""
    call = _call(assessed, place)

    def changes(steps: int) -> bool:
        course = _shifted(assessed.course, place, sign * steps * _STEP)
        return _call(_again(assessed, course), place) != call

    high = 1
    while not changes(high):
        high *= 2
        if high > _LARGEST_STEPS:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if changes(middle) else (middle, high)
    return high


def _shifted(course: Course, place: int, change: Decimal) -> Course:
    """Return a course with the sizes of one follow-up changed, the largest lesions first."""
    position = place + (1 if course.has_baseline else 0)
    visits = list(course.visits)
    visits[position] = _shifted_visit(visits[position], change)
    return replace(course, visits=tuple(visits))


def _shifted_visit(visit: ReadVisit, change: Decimal) -> ReadVisit:
    lesions = list(visit.lesions)
    order = sorted(range(len(lesions)), key=lambda at: (-_size(lesions[at]), at))
    left = change
    for at in order:
        size = _size(lesions[at])
        if lesions[at].state != "measured" or left == 0:
            continue
        step = max(left, -size)
        lesions[at] = _resized(lesions[at], step)
        left -= step
    return replace(visit, lesions=tuple(lesions))


def _size(lesion: LesionReading) -> Decimal:
    known: Sequence[Decimal | None] = (lesion.value, lesion.longest)
    return next((size for size in known if size is not None), Decimal(0))


def _resized(lesion: LesionReading, step: Decimal) -> LesionReading:
    sizes = {
        name: None if size is None else max(size + step, Decimal(0))
        for name in ("value", "longest", "short")
        for size in (getattr(lesion, name),)
    }
    return replace(lesion, **sizes)  # type: ignore[arg-type]
