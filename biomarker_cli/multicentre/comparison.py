"""Compare two sides: what they were made with and from, then their rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from biomarker_cli.multicentre.case_inputs import CasePair, pair_cases
from biomarker_cli.multicentre.comparing import ComparedRows, compare_rows
from biomarker_cli.multicentre.dialects import Dialect, load_dialect
from biomarker_cli.multicentre.errors import ComparisonError
from biomarker_cli.multicentre.foreign_tables import read_foreign_rows
from biomarker_cli.multicentre.measured import MeasuredTable, load_measured
from biomarker_cli.multicentre.names import KnownNames, Names, load_names
from biomarker_cli.multicentre.outcomes import OutcomeDifference, outcome_differences
from biomarker_cli.multicentre.provenance import Divergence, divergences
from biomarker_cli.multicentre.relations import judge_relations
from biomarker_cli.multicentre.tolerances import (
    Tolerances,
    default_tolerances,
    load_tolerances,
)
from biomarker_cli.multicentre.translating import Translation, translate
from biomarker_cli.multicentre.verdicts import RowVerdict


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
class Comparison:
    """What comparing two sides gave.

    Attributes
    ----------
    request : ComparisonRequest
    tolerances : Tolerances
    divergences : tuple of Divergence
    pairs : tuple of CasePair
    outcomes : tuple of OutcomeDifference
    rows : ComparedRows
    dialect : Dialect or None
    translation : Translation or None
    """

    request: ComparisonRequest
    tolerances: Tolerances
    divergences: tuple[Divergence, ...]
    pairs: tuple[CasePair, ...]
    outcomes: tuple[OutcomeDifference, ...]
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
        found = {"differs": count[RowVerdict.DIFFERS] + len(self.outcomes)}
        if not self.request.allow_missing:
            found["only_a"] = count[RowVerdict.ONLY_A]
            found["only_b"] = count[RowVerdict.ONLY_B]
        if not self.request.allow_other_input:
            found["other_input"] = max(count[RowVerdict.OTHER_INPUT], len(self.other_inputs))
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
    names.require_known(_known(a), _known(b))
    _require_alike(a, b)
    pairs = pair_cases(a, b, names.cases)
    return Comparison(
        request,
        tolerances,
        tuple(divergences(a, b)),
        tuple(pairs),
        tuple(outcome_differences(a, b, pairs, names.rois)),
        compare_rows(a, b, pairs, names.rois, tolerances),
    )


def _require_alike(a: MeasuredTable, b: MeasuredTable) -> None:
    """Refuse values without a site effect beside values with one: they must differ."""
    if len(a.harmonised_by | b.harmonised_by) > 1:
        models = [
            ", ".join(sorted(word[:12] or "none" for word in s.harmonised_by)) for s in (a, b)
        ]
        raise ComparisonError(
            "COMPARE-HARMONISED",
            f"the values were harmonised by other models: A {models[0]}, B {models[1]}",
            hint="Compare the values as they were measured.",
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
    theirs = KnownNames.of([row.case for row in rows], [row.roi for row in rows])
    names.require_known(_known(a), theirs)
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


def _known(table: MeasuredTable) -> KnownNames:
    listed = [] if table.rois is None else list(table.rois["roi_id"])
    return KnownNames.of(table.case_ids, [*listed, *table.rows.texts["roi_id"].words])


def _tolerances(request: ComparisonRequest, usual: Tolerances) -> Tolerances:
    if request.tolerances is None:
        return usual
    return load_tolerances(request.tolerances, usual.default)
