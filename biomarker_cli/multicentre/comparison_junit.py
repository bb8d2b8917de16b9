"""JUnit XML of a comparison: what CI servers show as a gate."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree import ElementTree as ET

from biomarker_cli.model.wording import shown
from biomarker_cli.multicentre.comparison import Comparison
from biomarker_cli.multicentre.comparison_report import (
    feature_summaries,
    row_of,
    told_of,
    worst_first,
)
from biomarker_cli.multicentre.verdicts import RowVerdict

_TOLD_PER_FEATURE = 5
"""Rows that the failure of one feature lists."""

Told = tuple[str, str, str]
"""Name of a test, and what it failed by or was skipped for."""


def junit_xml(comparison: Comparison) -> str:
    """Return a test per case (its inputs), per outcome that differs, per feature, and for rows."""
    root = ET.Element("testsuites", name="biomarker compare")
    _add(root, "inputs", _inputs(comparison))
    _add(root, "outcomes", _outcomes(comparison))
    _add(root, "features", _features(comparison))
    _add(root, "rows of one side", _alone(comparison))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _add(root: ET.Element, name: str, tests: Iterator[Told]) -> None:
    members = list(tests)
    suite = ET.SubElement(
        root,
        "testsuite",
        name=name,
        tests=str(len(members)),
        failures=str(sum(bool(failed) for _, failed, _ in members)),
        skipped=str(sum(bool(skipped) for _, failed, skipped in members if not failed)),
        errors="0",
    )
    for test, failed, skipped in members:
        case = ET.SubElement(suite, "testcase", name=shown(test), classname=name)
        if failed:
            ET.SubElement(case, "failure", message=shown(failed), type=name)
        elif skipped:
            ET.SubElement(case, "skipped", message=shown(skipped))


def _inputs(comparison: Comparison) -> Iterator[Told]:
    is_allowed = comparison.request.allow_other_input
    for pair in comparison.pairs:
        told = f"image {pair.image.value}, mask {pair.mask.value}"
        told = f"{told}: {pair.note}" if pair.note else told
        is_other = pair.verdict == "other_input"
        failed = told if is_other and not is_allowed else ""
        yield pair.case_a, failed, "" if pair.verdict == "same_input" else told
    for mask in comparison.translation.masks if comparison.translation else ():
        told = f"another mask: {mask.column} {mask.theirs:g}, ours {mask.ours:g}"
        yield f"{mask.case_id} {mask.roi_id}", "" if is_allowed else told, told


def _outcomes(comparison: Comparison) -> Iterator[Told]:
    for one in comparison.outcomes:
        name = " ".join(filter(None, (one.case_id, one.roi_id, one.column)))
        yield name, f"A {one.a or '-'}, B {one.b or '-'}", ""


def _features(comparison: Comparison) -> Iterator[Told]:
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
        yield name, "; ".join([count, *lines]) if lines else "", ""


def _alone(comparison: Comparison) -> Iterator[Told]:
    count = comparison.rows.count()
    for verdict, side in ((RowVerdict.ONLY_A, "A"), (RowVerdict.ONLY_B, "B")):
        number = count[verdict]
        told = f"{number} rows stand in {side} only" if number else ""
        is_allowed = comparison.request.allow_missing
        yield f"in {side} only", "" if is_allowed else told, told
