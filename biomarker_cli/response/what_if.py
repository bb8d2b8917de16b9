"""What the targets would be called, had the reader chosen others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations
from typing import Any

from biomarker_cli.response.assessing import Assessed, assess
from biomarker_cli.response.readings import LesionReading, ReadVisit
from biomarker_cli.response.scopes import WHOLE, Setting, VisitScope

Row = dict[str, Any]

MOST_CANDIDATES = 14
"""Measurable lesions; of more every choice of five would be thousands."""


def what_if_rows(assessed: Assessed) -> Iterator[Row]:
    """Yield for each visit the share of admissible choices of targets that give each call.

    A choice has as many lesions as the criterion admits, and as many organs as such a
    choice can have. Candidates are the targets and the measured non-target lesions.

    Parameters
    ----------
    assessed : Assessed
    """
    choices = admissible(assessed)
    if not choices:
        return
    counts: list[Counter[str]] = [Counter() for _ in assessed.visits]
    for choice in choices:
        other = _judged(assessed, frozenset(choice))
        for count, one in zip(counts, other.visits, strict=True):
            count[one.target or one.overall] += 1
    for one, count in zip(assessed.visits, counts, strict=True):
        for call, number in sorted(count.items()):
            yield {
                "criterion": assessed.criterion.ident,
                "subject_id": assessed.course.subject_id,
                "reader": assessed.course.reader,
                "timepoint": one.visit.timepoint,
                "target": call,
                "share": number / len(choices),
                "n_choices": len(choices),
                "is_made": call == (one.target or one.overall),
            }


def admissible(assessed: Assessed) -> list[tuple[str, ...]]:
    """Return every choice of targets that the criterion admits and that is as large as any."""
    if not assessed.course.has_baseline:
        return []
    candidates = _candidates(assessed)
    if not candidates or len(candidates) > MOST_CANDIDATES:
        return []
    rules = assessed.criterion.file.targets
    for size in range(min(rules.most or len(candidates), len(candidates)), 0, -1):
        found = [
            choice
            for choice in combinations(candidates, size)
            if not rules.most_per_organ or _most_of_an_organ(choice) <= rules.most_per_organ
        ]
        if found:
            n_organs = max(len(_organs(choice)) for choice in found)
            return [
                tuple(one.lesion_id for one in choice)
                for choice in found
                if len(_organs(choice)) == n_organs
            ]
    return []


def _candidates(assessed: Assessed) -> list[LesionReading]:
    first = assessed.course.visits[0]
    lesions = [one for one in (*first.lesions, *first.others) if one.lesion_id != WHOLE]
    setting = Setting(assessed.criterion, assessed.policies, {})
    scope = VisitScope(setting, replace(first, lesions=tuple(lesions)), ())
    measurable = assessed.criterion.measurable
    kept = []
    for lesion, member in zip(lesions, scope.members("lesions"), strict=True):
        condition = measurable.get(lesion.is_node)
        if member.value("value") is None:
            continue
        if condition is None or condition.value(member) is True:
            kept.append(lesion)
    return kept


def _organs(choice: Sequence[LesionReading]) -> Counter[str]:
    return Counter(_organ(one) for one in choice)


def _organ(lesion: LesionReading) -> str:
    """Return the organ: all nodes are one; a lesion without a word is one of its own."""
    if lesion.is_node:
        return "nodes"
    return lesion.organ or f"of {lesion.lesion_id}"


def _most_of_an_organ(choice: Sequence[LesionReading]) -> int:
    return max(_organs(choice).values())


def _judged(assessed: Assessed, choice: frozenset[str]) -> Assessed:
    visits = tuple(_with_targets(visit, choice) for visit in assessed.course.visits)
    course = replace(assessed.course, visits=visits)
    return assess(
        course, assessed.criterion, assessed.policies, assessed.parameters, screened=False
    )


def _with_targets(visit: ReadVisit, choice: frozenset[str]) -> ReadVisit:
    lesions = (*visit.lesions, *visit.others)
    return replace(visit, lesions=tuple(one for one in lesions if one.lesion_id in choice))
