"""How several readers of one study agree, and what a third one must decide.

References
----------
Cohen, Educ Psychol Meas 20:37 (1960); Bland and Altman, Lancet 327:307 (1986).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from statistics import mean, stdev
from typing import Any

from biomarker_cli.response.assessing import Assessed, Assessment
from biomarker_cli.response.best import best_response
from biomarker_cli.statistics.confidence import exact_limits

Row = dict[str, Any]
Pair = tuple[str, str]

CAUSES = ("selection", "size", "new_lesion", "non_target", "timepoint")
"""Where two readings of a visit may differ."""


def readers_of(assessed: Sequence[Assessed]) -> dict[tuple[str, str], dict[str, Assessed]]:
    """Return the courses of each criterion and subject, by reader."""
    found: dict[tuple[str, str], dict[str, Assessed]] = {}
    for one in assessed:
        key = (one.criterion.ident, one.course.subject_id)
        found.setdefault(key, {})[one.course.reader] = one
    return found


def kappa(pairs: Sequence[Pair]) -> tuple[float | None, float | None, float | None]:
    """Return Cohen's kappa of calls with its 95 % interval, None for what is undefined."""
    if not pairs:
        return None, None, None
    n = len(pairs)
    observed = sum(a == b for a, b in pairs) / n
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    expected = sum(first[call] * second[call] for call in first) / n**2
    if expected == 1:
        return None, None, None
    value = (observed - expected) / (1 - expected)
    spread = math.sqrt(observed * (1 - observed) / n) / (1 - expected)
    if spread == 0:
        # All agree, or none: the variance is not known, and is not 0.
        return value, None, None
    return value, max(value - 1.96 * spread, -1.0), min(value + 1.96 * spread, 1.0)


def agreement_rows(
    assessed: Sequence[Assessed], last_days: Mapping[str, int | None] = {}
) -> Iterator[Row]:
    """Yield the rows of ``reader_agreement.csv``.

    Parameters
    ----------
    assessed : sequence of Assessed
    last_days : mapping of str to int or None
        Day of a new therapy by subject: nothing from it on counts for a best response.
    """
    groups = readers_of(assessed)
    for criterion, a, b in _pairs_of_readers(groups):
        head = {"criterion": criterion, "reader_a": a, "reader_b": b}
        both = [
            (of[a], of[b])
            for (name, _), of in sorted(groups.items())
            if name == criterion and {a, b} <= of.keys()
        ]
        yield from (head | row for row in _measures(both, last_days))


def _pairs_of_readers(
    groups: Mapping[tuple[str, str], Mapping[str, Assessed]],
) -> list[tuple[str, str, str]]:
    found = {
        (criterion, a, b)
        for (criterion, _), of in groups.items()
        for a, b in combinations(sorted(of), 2)
    }
    return sorted(found)


def _best_of(one: Assessed, last_days: Mapping[str, int | None]) -> str:
    return best_response(one, last_days.get(one.course.subject_id)).best.call


def _measures(
    both: Sequence[tuple[Assessed, Assessed]], last_days: Mapping[str, int | None]
) -> Iterator[Row]:
    calls: list[Pair] = []
    differences: list[float] = []
    causes: Counter[str] = Counter()
    for a, b in both:
        for one, other in _visits(a, b):
            if one is None or other is None:
                continue
            calls.append((one.overall, other.overall))
            if one.value is not None and other.value is not None:
                differences.append(float(one.value - other.value))
    for a, b in both:
        for _, _, _, said in disagreements(a, b):
            causes.update(said)
    best = [(_best_of(a, last_days), _best_of(b, last_days)) for a, b in both]
    yield _kappa_row("kappa_overall", calls)
    yield _kappa_row("kappa_best", best)
    yield _share_row("differ_overall", calls)
    yield _share_row("differ_best", best)
    yield _bland_altman(differences)
    n_apart = sum(1 for a, b in both for _ in disagreements(a, b))
    for cause in CAUSES:
        share = causes[cause] / n_apart if n_apart else None
        yield {"measure": f"cause_{cause}", "n": n_apart, "estimate": share}


def _kappa_row(measure: str, pairs: Sequence[Pair]) -> Row:
    value, low, high = kappa(pairs)
    reason = "" if value is not None else "every call is the same, or there is none"
    if value is not None and low is None:
        reason = "readers agree in every call, or in none: no interval is known"
    return {
        "measure": measure,
        "n": len(pairs),
        "estimate": value,
        "low": low,
        "high": high,
        "reason": reason,
    }


def _share_row(measure: str, pairs: Sequence[Pair]) -> Row:
    if not pairs:
        return {"measure": measure, "n": 0, "reason": "there is no pair"}
    n_apart = sum(a != b for a, b in pairs)
    low, high = exact_limits(n_apart, len(pairs))
    share = n_apart / len(pairs)
    return {"measure": measure, "n": len(pairs), "estimate": share, "low": low, "high": high}


def _bland_altman(differences: Sequence[float]) -> Row:
    row: Row = {"measure": "value_difference", "n": len(differences)}
    if len(differences) < 2:
        return row | {"reason": "there are fewer than two pairs of values"}
    centre, spread = mean(differences), stdev(differences)
    return row | {
        "estimate": centre,
        "low": centre - 1.96 * spread,
        "high": centre + 1.96 * spread,
    }


def _visits(a: Assessed, b: Assessed) -> Iterator[tuple[Assessment | None, Assessment | None]]:
    first = {one.visit.timepoint: one for one in a.visits}
    second = {one.visit.timepoint: one for one in b.visits}
    for timepoint in dict.fromkeys([*first, *second]):
        yield first.get(timepoint), second.get(timepoint)


def disagreements(
    a: Assessed, b: Assessed
) -> Iterator[tuple[str, Assessment | None, Assessment | None, list[str]]]:
    """Yield each visit that two readers call otherwise, and where their readings differ."""
    for one, other in _visits(a, b):
        known = one or other
        assert known is not None  # noqa: S101 - of two visits one is there
        if one is not None and other is not None and one.overall == other.overall:
            continue
        yield known.visit.timepoint, one, other, _causes(a, b, one, other)


def _causes(
    a: Assessed, b: Assessed, one: Assessment | None, other: Assessment | None
) -> list[str]:
    if one is None or other is None:
        return ["timepoint"]
    found = []
    targets = [{lesion.lesion_id for lesion in c.course.visits[0].lesions} for c in (a, b)]
    if targets[0] != targets[1]:
        found.append("selection")
    elif one.target != other.target:
        found.append("size")
    if one.visit.new != other.visit.new:
        found.append("new_lesion")
    if one.visit.non_target != other.visit.non_target:
        found.append("non_target")
    if one.visit.day != other.visit.day:
        found.append("timepoint")
    return found or ["size"]


def adjudication_rows(
    assessed: Sequence[Assessed],
    pictures: Mapping[tuple[str, str], str],
    last_days: Mapping[str, int | None] = {},
) -> Iterator[Row]:
    """Yield what a third reader must decide: visits and best responses that differ.

    Parameters
    ----------
    assessed : sequence of Assessed
    pictures : mapping
        File of the picture by subject and timepoint, where there is one.
    last_days : mapping of str to int or None
        As `agreement_rows`.
    """
    for (criterion, subject), of in sorted(readers_of(assessed).items()):
        for a, b in combinations(sorted(of), 2):
            head = {
                "criterion": criterion,
                "subject_id": subject,
                "reader_a": a,
                "reader_b": b,
            }
            for timepoint, one, other, causes in disagreements(of[a], of[b]):
                yield head | {
                    "timepoint": timepoint,
                    "call_a": one.overall if one else "",
                    "call_b": other.overall if other else "",
                    "value_a": _value(one),
                    "value_b": _value(other),
                    "cause": ";".join(causes),
                    "picture": pictures.get((subject, timepoint), ""),
                }
            best = [_best_of(of[name], last_days) for name in (a, b)]
            if best[0] != best[1]:
                yield head | {"timepoint": "", "call_a": best[0], "call_b": best[1], "cause": ""}


def _value(one: Assessment | None) -> float | None:
    return None if one is None or one.value is None else float(one.value)
