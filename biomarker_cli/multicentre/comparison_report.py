"""What a comparison says: text of 80 columns, CSV and JSON."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from biomarker_cli.model.arrays import IntArray
from biomarker_cli.model.wording import counted, shown
from biomarker_cli.multicentre.comparing import ComparedRows
from biomarker_cli.multicentre.comparison import Comparison
from biomarker_cli.multicentre.verdicts import MEANING, Reason, RowVerdict
from biomarker_cli.tables.cells import csv_line, format_value

WIDTH = 80

ROW_COLUMNS = (
    "case_id",
    "roi_id",
    "analysis_id",
    "feature_id",
    "verdict",
    "reasons",
    "value_a",
    "value_b",
    "written_b",
    "difference",
    "relative_difference",
    "tolerance",
    "excess",
    "status_a",
    "status_b",
    "unit_a",
    "unit_b",
    "flags_a",
    "flags_b",
    "relation",
)
"""Columns of the comparison as CSV, and keys of a row of JSON.

`value_b` is what was compared, `written_b` what stood in B before a dialect converted it.
"""

_BLOCK = 10_000

MOST_ROWS = 20_000
"""Rows that JSON lists; CSV has them all."""

_TOLD = (RowVerdict.DIFFERS, RowVerdict.ONLY_A, RowVerdict.ONLY_B)
"""What is listed row by row, the worst first."""


def worst_first(rows: ComparedRows, *verdicts: RowVerdict) -> IntArray:
    """Return the rows of some verdicts, the furthest beyond its tolerance first."""
    places = rows.places_of(*verdicts)
    order = np.argsort(-rows.excess[places], kind="stable")
    return places[order]


def row_of(comparison: Comparison, place: int, excess: float) -> dict[str, Any]:
    """Return one row by `ROW_COLUMNS`; None is an absent number."""
    rows = comparison.rows
    value_a, value_b = rows.value_a(place), rows.value_b(place)
    difference = float(rows.difference[place])
    tolerance = float(rows.tolerance[place])
    beside = {
        f"{column}_{side}": read(column, place)
        for column in ("status", "unit", "flags")
        for side, read in (("a", rows.of_a), ("b", rows.of_b))
    }
    return {
        **{column: rows.text(column, place) for column in ROW_COLUMNS[:4]},
        "verdict": _word(comparison, place),
        "reasons": Reason(int(rows.reasons[place])).words,
        "value_a": value_a,
        "value_b": value_b,
        "written_b": rows.written_b(place),
        "difference": _finite(difference),
        "relative_difference": _finite(difference / abs(value_a)) if value_a else None,
        "tolerance": _finite(tolerance),
        "excess": _finite(excess),
        **beside,
        "relation": rows.of_b("relation", place),
    }


def _word(comparison: Comparison, place: int) -> str:
    """Return the verdict; a change beyond a repeatability coefficient is called that."""
    rows = comparison.rows
    verdict = RowVerdict(int(rows.verdict[place]))
    if verdict is RowVerdict.DIFFERS and Reason(int(rows.reasons[place])) is Reason.VALUE:
        beyond = comparison.tolerances.limit_of(rows.text("feature_id", place)).beyond
        return beyond if beyond != "out_of_tolerance" else verdict.word
    return verdict.word


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def csv_blocks(comparison: Comparison) -> Iterator[str]:
    """Return the CSV of every row in blocks of lines, in the order of the tables."""
    excess = comparison.rows.excess
    yield csv_line(ROW_COLUMNS)
    for first in range(0, len(comparison.rows), _BLOCK):
        places = range(first, min(first + _BLOCK, len(comparison.rows)))
        rows = (row_of(comparison, place, excess[place]) for place in places)
        yield "".join(csv_line(map(format_value, row.values())) for row in rows)


def as_json(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison for scripts: its rows are those that do not pass, the worst first."""
    rows, excess = comparison.rows, comparison.rows.excess
    listed = worst_first(rows, *_TOLD)
    found: dict[str, Any] = {
        "format": "biomarker-comparison/1",
        "a": str(comparison.request.a),
        "b": str(comparison.request.b),
        "verdict": comparison.verdict,
        "failures": comparison.failures,
        "allowed": _allowed(comparison),
        "tolerance": {
            "name": comparison.tolerances.name,
            "default": str(comparison.tolerances.default),
            "families": {k: str(v) for k, v in comparison.tolerances.families.items()},
            "features": {k: str(v) for k, v in comparison.tolerances.features.items()},
        },
        "divergences": [asdict(one) for one in comparison.divergences],
        "cases": [asdict(pair) | {"verdict": pair.verdict} for pair in comparison.pairs],
        "outcomes": [asdict(one) for one in comparison.outcomes],
        "counts": {verdict.word: number for verdict, number in rows.count().items()},
        "features": list(feature_summaries(rows)),
        "rows": [row_of(comparison, int(place), excess[place]) for place in listed[:MOST_ROWS]],
        "rows_left_out": max(len(listed) - MOST_ROWS, 0),
    }
    if comparison.dialect is not None and comparison.translation is not None:
        found["dialect"] = {
            "id": comparison.dialect.ident,
            "status": comparison.dialect.status,
            "columns": comparison.translation.count(),
            "unknown_columns": _unknown(comparison),
            "relations": relation_counts(comparison),
            "other_masks": [asdict(mask) for mask in comparison.translation.masks],
        }
    return found


def _allowed(comparison: Comparison) -> list[str]:
    request = comparison.request
    said = (("other_input", request.allow_other_input), ("missing", request.allow_missing))
    return [word for word, is_allowed in said if is_allowed]


def _unknown(comparison: Comparison) -> list[str]:
    assert comparison.translation is not None  # noqa: S101 - asked where there is one
    return [name for name, word in comparison.translation.columns.items() if word == "unknown"]


def relation_counts(comparison: Comparison) -> dict[str, int]:
    """Return the rows of each relation that is none of a plain value, by its word."""
    rows = comparison.rows
    if "relation" not in rows.b.texts:
        return {}
    places = rows.places_of(RowVerdict.RELATION, RowVerdict.NOT_JUDGED)
    found = Counter(rows.of_b("relation", int(place)) for place in places)
    return dict(sorted(found.items()))


def feature_summaries(rows: ComparedRows) -> Iterator[dict[str, Any]]:
    """Return each feature that both sides have: rows, how many differ, and the largest deviation.

    Rows of other inputs are left out.
    """
    judged = np.isin(
        rows.verdict, [RowVerdict.SAME, RowVerdict.WITHIN, RowVerdict.RELATION, RowVerdict.DIFFERS]
    )
    places = np.flatnonzero(judged)
    column = rows.a.texts["feature_id"]
    codes = column.codes[rows.place_a[places]]
    apart = np.nan_to_num(np.abs(rows.difference[places]), nan=0.0, posinf=np.inf)
    values = np.abs(rows.a.numbers["value"][rows.place_a[places]])
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.nan_to_num(apart / values, nan=0.0, posinf=np.inf)
    size = len(column.words)
    count = np.bincount(codes, minlength=size)
    differing = np.bincount(codes[rows.verdict[places] == RowVerdict.DIFFERS], minlength=size)
    largest, largest_relative = np.zeros(size), np.zeros(size)
    np.maximum.at(largest, codes, apart)
    np.maximum.at(largest_relative, codes, relative)
    for code in sorted(np.flatnonzero(count), key=lambda c: column.words[c]):
        yield {
            "feature_id": column.words[code],
            "n": int(count[code]),
            "n_differs": int(differing[code]),
            "max_difference": _finite(largest[code]),
            "max_relative_difference": _finite(largest_relative[code]),
        }


def text_lines(comparison: Comparison, n_worst: int) -> list[str]:
    """Return the report for people, of 80 columns: what was made otherwise, inputs, the worst."""
    said = [
        *_wrapped(f"A {comparison.request.a}"),
        *_wrapped(f"B {comparison.request.b}"),
        *_tolerance_lines(comparison),
        *_divergence_lines(comparison),
        *_input_lines(comparison),
        *_dialect_lines(comparison),
        *_outcome_lines(comparison),
        *_worst_lines(comparison, n_worst),
        "",
    ]
    for verdict, number in comparison.rows.count().items():
        if number:
            said += _wrapped(f"{number:>9} {MEANING[verdict]}", indent=10)
    failures = ", ".join(f"{number} {word}" for word, number in comparison.failures.items())
    return [*said, "", *_wrapped(f"verdict: {comparison.verdict}{_in_brackets(failures)}")]


def _in_brackets(text: str) -> str:
    return f" ({text})" if text else ""


def _wrapped(text: str, indent: int = 2) -> list[str]:
    # What is shown of a name may be longer than the name, and holds no end of a line.
    return textwrap.wrap(shown(text), WIDTH, subsequent_indent=" " * indent) or [""]


def _tolerance_lines(comparison: Comparison) -> Iterator[str]:
    tolerances = comparison.tolerances
    yield from _wrapped(f"tolerance ({tolerances.name}): {tolerances.default}")
    for kind in (tolerances.families, tolerances.features):
        for name, limit in kind.items():
            yield from _wrapped(f"  {name}: {limit}", indent=4)


def _divergence_lines(comparison: Comparison) -> Iterator[str]:
    if comparison.divergences:
        yield ""
        yield "made otherwise"
    for one in comparison.divergences:
        yield from _wrapped(f"  {one.kind} {one.name}: A {one.a}, B {one.b}", indent=4)


def _input_lines(comparison: Comparison) -> Iterator[str]:
    count = Counter(pair.verdict for pair in comparison.pairs)
    words = {
        "same_input": "image and mask the same by digest",
        "unknown_input": "not known whether image and mask are the same",
        "other_input": "other image or mask",
    }
    yield ""
    yield f"cases that both have: {len(comparison.pairs)}"
    for word, meaning in words.items():
        if count[word]:
            yield f"{count[word]:>9} {meaning}"
    for pair in comparison.other_inputs:
        found = f"{pair.case_a}: image {pair.image.value}, mask {pair.mask.value}"
        yield from _wrapped(f"  {found}{_in_brackets(pair.note)}", indent=4)
    for pair in comparison.pairs:
        if pair.case_a != pair.case_b:
            how = f"  {pair.case_a} is {pair.case_b} of B, by {pair.matched_by}"
            yield from _wrapped(how, indent=4)


def _dialect_lines(comparison: Comparison) -> Iterator[str]:
    dialect, translation = comparison.dialect, comparison.translation
    if dialect is None or translation is None:
        return
    yield ""
    draft = ", a draft" if dialect.status == "draft" else ""
    program = f"{dialect.program.name} {dialect.program.versions}"
    yield from _wrapped(f"dialect {dialect.ident}{draft}: {program}")
    count = translation.count()
    yield from _wrapped(
        f"  columns: {count['same']} the same feature, {count['relation']} in another relation, "
        f"{count['no_feature']} without a feature in this analysis, {count['unknown']} unknown",
        indent=4,
    )
    unknown = _unknown(comparison)
    if unknown:
        more = ", ..." if len(unknown) > 5 else ""
        yield from _wrapped(f"  unknown: {', '.join(unknown[:5])}{more}", indent=4)
    for word, number in relation_counts(comparison).items():
        rows = counted(number, "row")
        yield from _wrapped(f"  {word}, {rows}: {dialect.why(word)}", indent=4)
    for mask in translation.masks:
        place = f"{mask.case_id} {mask.roi_id}"
        told = f"  other mask: {place}: {mask.column} {mask.theirs:g}, ours {mask.ours:g}"
        yield from _wrapped(told, indent=4)


def _outcome_lines(comparison: Comparison) -> Iterator[str]:
    if comparison.outcomes:
        yield ""
        yield "cases and regions that came out otherwise"
    for one in comparison.outcomes:
        place = f"{one.case_id} {one.roi_id}".strip()
        told = f"  {place}: {one.column} A {one.a or '-'}, B {one.b or '-'}"
        yield from _wrapped(told, indent=4)


def _worst_lines(comparison: Comparison, n_worst: int) -> Iterator[str]:
    rows, excess = comparison.rows, comparison.rows.excess
    places = worst_first(rows, *_TOLD)
    if not places.size:
        return
    yield ""
    listed: Sequence[int] = [int(place) for place in places[:n_worst]]
    yield f"worst first, {len(listed)} of {len(places)}"
    before: tuple[str, ...] = ()
    for place in listed:
        row = row_of(comparison, place, excess[place])
        head = (row["case_id"], row["roi_id"], row["analysis_id"])
        if head != before:
            yield from _wrapped("  ".join(head))
            before = head
        yield from _wrapped(f"  {row['feature_id']}", indent=4)
        yield from _wrapped(f"    {told_of(row)}", indent=6)


def told_of(row: dict[str, Any]) -> str:
    """Return what is wrong with a row, in one line."""
    if row["verdict"] in {"only_a", "only_b"}:
        side = row["verdict"][-1]
        return f"in {side.upper()} only: {_number(row[f'value_{side}'])}"
    parts = [f"A {_number(row['value_a'])}, B {_number(row['value_b'])}"]
    if row["difference"] is not None and "value" in row["reasons"]:
        relative = row["relative_difference"]
        percent = f" ({100 * relative:+.3g} %)" if relative is not None else ""
        times = f", {row['excess']:.3g} x tolerance" if row["excess"] is not None else ""
        parts.append(f"B - A {row['difference']:.3g}{percent}{times}")
    parts += [
        f"{column} A {row[f'{column}_a'] or '-'}, B {row[f'{column}_b'] or '-'}"
        for column in ("status", "unit", "flags")
        if column in row["reasons"] and row[f"{column}_a"] != row[f"{column}_b"]
    ]
    if row["relation"] not in {"", "same"}:
        parts.append(f"relation {row['relation']}")
    if row["verdict"] == "exceeds_rc95":
        parts.append("exceeds_rc95")
    return "; ".join(parts)


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.10g}"
