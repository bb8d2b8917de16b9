"""JUnit XML of a comparison: what CI servers show as a gate."""

from __future__ import annotations

from collections.abc import Iterator

from biomarker_cli.multicentre.comparison import Comparison
from biomarker_cli.multicentre.comparison_report import (
    feature_summaries,
    row_of,
    told_of,
    worst_first,
)
from biomarker_cli.multicentre.verdicts import RowVerdict
from biomarker_cli.tables.junit import JUnitCase, junit_xml

_TOLD_PER_FEATURE = 5
"""Rows that the failure of one feature lists."""


def comparison_xml(comparison: Comparison) -> str:
    """Return a test per case (its inputs), per outcome that differs, per feature, and for rows."""
    suites = {
        "inputs": _inputs(comparison),
        "outcomes": _outcomes(comparison),
        "features": _features(comparison),
        "rows of one side": _alone(comparison),
    }
    return junit_xml("biomarker compare", suites)


def _judged(name: str, failed: str, skipped: str = "") -> JUnitCase:
    """Return a test by what it failed by, or was skipped for."""
    if failed:
        return JUnitCase(name, "failed", failed)
    return JUnitCase(name, "skipped" if skipped else "passed", skipped)


def _inputs(comparison: Comparison) -> Iterator[JUnitCase]:
    is_allowed = comparison.request.allow_other_input
    for pair in comparison.pairs:
        told = f"image {pair.image.value}, mask {pair.mask.value}"
        told = f"{told}: {pair.note}" if pair.note else told
        is_other = pair.verdict == "other_input"
        failed = told if is_other and not is_allowed else ""
        yield _judged(pair.case_a, failed, "" if pair.verdict == "same_input" else told)
    for mask in comparison.translation.masks if comparison.translation else ():
        told = f"another mask: {mask.column} {mask.theirs:g}, ours {mask.ours:g}"
        yield _judged(f"{mask.case_id} {mask.roi_id}", "" if is_allowed else told, told)


def _outcomes(comparison: Comparison) -> Iterator[JUnitCase]:
    for one in comparison.outcomes:
        name = " ".join(filter(None, (one.case_id, one.roi_id, one.column)))
        yield _judged(name, f"A {one.a or '-'}, B {one.b or '-'}")


def _features(comparison: Comparison) -> Iterator[JUnitCase]:
    rows, excess = comparison.rows, comparison.rows.excess
    told: dict[str, list[str]] = {}
    for place in worst_first(rows, RowVerdict.DIFFERS):
        lines = told.setdefault(rows.text("feature_id", int(place)), [])
        if len(lines) < _TOLD_PER_FEATURE:
            row = row_of(comparison, int(place), excess[place])
            lines.append(f"{row['case_id']} {row['roi_id']}: {told_of(row)}")
    for feature in feature_summaries(rows):
        name = feature["feature_id"]
        lines = told.get(name, [])
        count = f"{feature['n_differs']} of {feature['n']} rows differ"
        yield _judged(name, "; ".join([count, *lines]) if lines else "")


def _alone(comparison: Comparison) -> Iterator[JUnitCase]:
    count = comparison.rows.count()
    for verdict, side in ((RowVerdict.ONLY_A, "A"), (RowVerdict.ONLY_B, "B")):
        number = count[verdict]
        told = f"{number} rows stand in {side} only" if number else ""
        is_allowed = comparison.request.allow_missing
        yield _judged(f"in {side} only", "" if is_allowed else told, told)
