"""Compare two sides: what they were made with and from, then their rows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from biomarker_cli.multicentre.case_inputs import CasePair, pair_cases
from biomarker_cli.multicentre.comparing import ComparedRows, compare_rows
from biomarker_cli.multicentre.dialects import Dialect, load_dialect
from biomarker_cli.multicentre.foreign_tables import read_foreign_rows
from biomarker_cli.multicentre.measured import MeasuredTable, load_measured
from biomarker_cli.multicentre.names import Names, load_names
from biomarker_cli.multicentre.provenance import Divergence, divergences
from biomarker_cli.multicentre.relations import judge_relations
from biomarker_cli.multicentre.tolerances import (
    Tolerances,
    default_tolerances,
    load_tolerances,
)
from biomarker_cli.multicentre.translating import Translation, translate
from biomarker_cli.multicentre.verdicts import Verdict

_OF_REGIONS = ("status", "n_voxels")


@dataclass(frozen=True)
class ComparisonRequest:
    """What is asked for.

    Attributes
    ----------
    a, b : Path
        A run folder or a table; with a dialect `b` is that of another program.
    dialect : str
        Id or file; empty for two tables of this program.
    tolerances, names : Path or None
    analysis : str
        Compare this one only.
    allow_other_input, allow_missing : bool
        Let pass what was measured from another image or mask, and rows of one side only.
    """

    a: Path
    b: Path
    dialect: str = ""
    tolerances: Path | None = None
    names: Path | None = None
    analysis: str = ""
    allow_other_input: bool = False
    allow_missing: bool = False


@dataclass(frozen=True)
class RegionDifference:
    """Something of a ROI that differs although image and mask are the same files."""

    case_id: str
    roi_id: str
    column: str
    a: str
    b: str


@dataclass(frozen=True)
class Comparison:
    """What comparing two sides gave.

    Attributes
    ----------
    request : ComparisonRequest
    tolerances : Tolerances
    divergences : tuple of Divergence
    pairs : tuple of CasePair
    regions : tuple of RegionDifference
    rows : ComparedRows
    dialect : Dialect or None
    translation : Translation or None
    """

    request: ComparisonRequest
    tolerances: Tolerances
    divergences: tuple[Divergence, ...]
    pairs: tuple[CasePair, ...]
    regions: tuple[RegionDifference, ...]
    rows: ComparedRows
    dialect: Dialect | None = None
    translation: Translation | None = None

    @property
    def other_inputs(self) -> list[CasePair]:
        """The cases that were measured from another image or mask."""
        return [pair for pair in self.pairs if pair.verdict == "other_input"]

    @property
    def failures(self) -> dict[str, int]:
        """How many of what is not let pass: a comparison passes where there is none."""
        count = self.rows.count()
        found = {"differs": count[Verdict.DIFFERS] + len(self.regions)}
        if not self.request.allow_missing:
            found["only_a"] = count[Verdict.ONLY_A]
            found["only_b"] = count[Verdict.ONLY_B]
        if not self.request.allow_other_input:
            found["other_input"] = max(count[Verdict.OTHER_INPUT], len(self.other_inputs))
        return {word: number for word, number in found.items() if number}

    @property
    def verdict(self) -> str:
        """``within``, or the first of ``differs``, ``only_a``, ``only_b``, ``other_input``."""
        return next(iter(self.failures), "within")


def compare(request: ComparisonRequest) -> Comparison:
    """Compare two sides.

    Raises
    ------
    TableError, ComparisonError, ComparisonFileError
    """
    # What people wrote is judged before an hour of reading.
    names = load_names(request.names) if request.names else Names()
    dialect = load_dialect(request.dialect) if request.dialect else None
    usual = default_tolerances() if dialect is None else default_tolerances(dialect.tolerance)
    tolerances = _tolerances(request, usual)
    a = _side(request, request.a)
    if dialect is not None:
        return _compare_foreign(request, tolerances, dialect, a, names)
    b = _side(request, request.b)
    pairs = pair_cases(a, b, names.cases)
    return Comparison(
        request,
        tolerances,
        tuple(divergences(a, b)),
        tuple(pairs),
        tuple(_region_differences(a, b, pairs, names)),
        compare_rows(a, b, pairs, names.rois, tolerances),
    )


def _side(request: ComparisonRequest, path: Path) -> MeasuredTable:
    table = load_measured(path)
    return table.of_analysis(request.analysis) if request.analysis else table


def _compare_foreign(
    request: ComparisonRequest,
    tolerances: Tolerances,
    dialect: Dialect,
    a: MeasuredTable,
    names: Names,
) -> Comparison:
    rows = read_foreign_rows(dialect, request.b)
    translation = translate(dialect, rows, a, str(request.b), names)
    pairs = pair_cases(translation.ours, translation.table, {})
    compared = compare_rows(translation.ours, translation.table, pairs, {}, tolerances)
    return Comparison(
        request,
        tolerances,
        (),
        tuple(pairs),
        (),
        judge_relations(compared, dialect, translation),
        dialect,
        translation,
    )


def _tolerances(request: ComparisonRequest, usual: Tolerances) -> Tolerances:
    if request.tolerances is None:
        return usual
    return load_tolerances(request.tolerances, usual.default)


def _region_differences(
    a: MeasuredTable, b: MeasuredTable, pairs: Sequence[CasePair], names: Names
) -> Iterator[RegionDifference]:
    """Return what an import made otherwise of the same files."""
    if a.rois is None or b.rois is None:
        return
    one, other = _regions(a), _regions(b)
    case_of_b = {pair.case_a: pair.case_b for pair in pairs if pair.verdict != "other_input"}
    roi_of_b = {mine: theirs for theirs, mine in names.rois.items()}
    for (case, roi), mine in one.items():
        theirs = other.get((case_of_b.get(case, ""), roi_of_b.get(roi, roi)))
        if theirs is None:
            continue
        for column in _OF_REGIONS:
            if mine[column] != theirs[column]:
                yield RegionDifference(case, roi, column, mine[column], theirs[column])


def _regions(table: MeasuredTable) -> dict[tuple[str, str], dict[str, str]]:
    if table.rois is None:
        return {}
    columns = ["case_id", "roi_id", *_OF_REGIONS]
    rows = zip(*(table.rois[name] for name in columns), strict=True)
    return {
        (case, roi): dict(zip(_OF_REGIONS, map(_told, rest), strict=True))
        for case, roi, *rest in rows
    }


def _told(value: Any) -> str:
    """Return a cell as text; a count without a value is empty."""
    if isinstance(value, str):
        return value
    return "" if math.isnan(value) else f"{value:g}"
