"""Translate the table of another program: its columns become features of ours.

A column is known by the dialect alone, and its value is converted as the relation of
the two features says.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from biomarker_cli.model.units import conversion_factor, is_unit
from biomarker_cli.multicentre.dialects import (
    OTHER_DISCRETISATION,
    SAME,
    UNIT,
    Dialect,
    Meaning,
    Relation,
    TableForm,
)
from biomarker_cli.multicentre.errors import ComparisonError
from biomarker_cli.multicentre.foreign_names import ForeignNames, Place
from biomarker_cli.multicentre.foreign_tables import (
    ForeignRow,
    is_ignored,
    number,
    stripped,
)
from biomarker_cli.multicentre.measured import KEY, MeasuredTable
from biomarker_cli.multicentre.names import Names
from biomarker_cli.multicentre.our_analysis import OurAnalysis, our_analysis
from biomarker_cli.tables.columns import Columns, Words

NO_FEATURE = "no_feature"
UNKNOWN = "unknown"

_SAME_MASK = 1e-6
"""Relative difference of voxel counts and volumes of one mask."""

Key = tuple[str, str, str]


@dataclass(frozen=True)
class MaskDifference:
    """A mask that is not the same one, by a column of the other program."""

    case_id: str
    roi_id: str
    column: str
    ours: float
    theirs: float


@dataclass(frozen=True)
class Translation:
    """The table of another program in our words.

    Attributes
    ----------
    table : MeasuredTable
        Its rows have the columns of a key, ``relation``, and the numbers ``value``
        (converted) and ``written`` (as it stood there).
    ours : MeasuredTable
        Our rows of the features that the table has.
    columns : mapping of str to str
        Relation of each column, ``no_feature`` or ``unknown``.
    masks : tuple of MaskDifference
    """

    table: MeasuredTable
    ours: MeasuredTable
    columns: Mapping[str, str]
    masks: tuple[MaskDifference, ...]

    def count(self) -> dict[str, int]:
        """Return the columns that are the same, of another relation, without feature, unknown."""
        plain = (SAME, NO_FEATURE, UNKNOWN)
        words = Counter(word if word in plain else "relation" for word in self.columns.values())
        return {word: words[word] for word in (SAME, "relation", NO_FEATURE, UNKNOWN)}


class _Reading(NamedTuple):
    """How the values of one column become those of one feature of ours."""

    column: str
    feature_id: str
    relation: str
    factor: float
    rule: Relation | None


class _Cell(NamedTuple):
    """One value of the other program."""

    written: float
    converted: float
    reading: _Reading


@dataclass
class _Reader:
    """Takes cells one by one; what a column means is asked once."""

    dialect: Dialect
    analysis: OurAnalysis
    n_voxels: Mapping[Place, float]
    values: dict[Key, _Cell] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    _readings: dict[tuple[int, str], list[_Reading]] = field(default_factory=dict)

    def take(self, form: TableForm, place: Place, column: str, text: str) -> None:
        """Take a cell; what is no feature of this analysis is told by its column alone."""
        key = (id(form), column)
        if key not in self._readings:
            self._readings[key] = self._asked(form, column)
        readings = self._readings[key]
        if readings:
            written = number(form, text)
            for reading in readings:
                converted = self._converted(written * reading.factor, reading.rule, place)
                self._keep((*place, reading.feature_id), _Cell(written, converted, reading))

    def _asked(self, form: TableForm, column: str) -> list[_Reading]:
        """Return what a column is read as; nothing where it is no feature of this analysis."""
        name, said = stripped(form, column)
        if is_ignored(form, column):
            return []
        known = self.dialect.meanings.get(name, ())
        here = [meaning for meaning in known if meaning.feature_id in self.analysis.units]
        if not here:
            is_known = known or name in self.dialect.no_feature
            is_mask = any(column == check.column for check in form.masks)
            if is_known or not is_mask:
                self.columns.setdefault(name, NO_FEATURE if is_known else UNKNOWN)
            return []
        found = []
        for meaning in here:
            relation = self._relation(meaning, said)
            factor, is_converted = self._unit_factor(form, meaning, said)
            word = UNIT if is_converted and relation == SAME else relation
            rule = self.dialect.relations.get(relation)
            found.append(_Reading(name, meaning.feature_id, word, factor, rule))
        return found

    def _keep(self, key: Key, cell: _Cell) -> None:
        kept = self.values.get(key)
        if kept is None or _rank(cell) < _rank(kept):
            self.values[key] = cell
            self.columns[cell.reading.column] = cell.reading.relation
        elif _rank(cell) == _rank(kept) and not _is_same(kept.written, cell.written):
            raise ComparisonError(
                "DIALECT-TWICE",
                f"{cell.reading.column} has two values of {key[0]}, {key[1]}: "
                f"{kept.written:g} and {cell.written:g}",
                hint="Tables of several settings lie in the folder: name one file.",
            )

    def _relation(self, meaning: Meaning, said: Mapping[str, str]) -> str:
        ours = self.analysis.discretisation.get(meaning.feature_id)
        if ours is not None and self._is_otherwise_discretised(meaning, said, ours):
            return OTHER_DISCRETISATION
        relation = self.dialect.relations.get(meaning.relation)
        unless = relation.unless_discretisation if relation is not None else ""
        return SAME if unless and unless in (ours or "") else meaning.relation

    def _is_otherwise_discretised(
        self, meaning: Meaning, said: Mapping[str, str], ours: str
    ) -> bool:
        rules = self.dialect.discretisation
        if rules is None or not any(f".{one}." in meaning.feature_id for one in rules.families):
            return False
        if "method" not in said:
            return ours not in {"", "none"}
        pattern = rules.methods.get(said["method"], "")
        theirs = pattern.replace("{number}", f"{float(said['number'].rstrip('.')):g}")
        return not (ours == theirs or ours.startswith(f"{theirs},"))

    def _unit_factor(
        self, form: TableForm, meaning: Meaning, said: Mapping[str, str]
    ) -> tuple[float, bool]:
        """Return the factor to our unit, and whether there is another one."""
        theirs = form.units.get(said.get("unit", ""), meaning.unit)
        ours = self.analysis.units[meaning.feature_id]
        if theirs == ours or not is_unit(theirs) or not is_unit(ours):
            return 1.0, False
        try:
            return conversion_factor(theirs, ours), True
        except ValueError as error:
            raise ComparisonError(
                "DIALECT-UNIT", f"{meaning.feature_id}: {error}", where=self.dialect.ident
            ) from error

    def _converted(self, value: float, rule: Relation | None, place: Place) -> float:
        if rule is None or math.isnan(value):
            return value
        base = value * rule.factor + rule.offset
        if base < 0.0 and rule.power != 1.0:
            return base  # has no root, and is none of ours as it is
        found = float(base**rule.power)
        if rule.bessel:
            n_voxels = self.n_voxels.get(place, math.nan)
            found *= math.sqrt(n_voxels / (n_voxels - 1.0)) if n_voxels > 1.0 else math.nan
        return found


def _rank(cell: _Cell) -> int:
    """Return what goes first where several columns are one feature: the one made alike."""
    return 1 if cell.reading.relation == OTHER_DISCRETISATION else 0


def _is_same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


def translate(
    dialect: Dialect, rows: Sequence[ForeignRow], ours: MeasuredTable, name: str, names: Names
) -> Translation:
    """Translate the rows of another program.

    Parameters
    ----------
    dialect : Dialect
    rows : sequence of ForeignRow
    ours : MeasuredTable
    name : str
        How the command line calls the table.
    names : Names

    Raises
    ------
    ComparisonError
        ``COMPARE-ANALYSIS`` where several analyses of ours have such features,
        ``COMPARE-NOTHING`` where none has, ``DIALECT-TWICE`` where a feature stands
        there with two values, ``DIALECT-UNIT``.
    """
    wanted = {m.feature_id for meanings in dialect.meanings.values() for m in meanings}
    analysis = our_analysis(ours, wanted)
    who = ForeignNames(analysis.table, rows, names)
    of_rois = {column: ours.numbers_of_rois(column) for column in ("n_voxels", "volume_mm3")}
    reader = _Reader(dialect, analysis, of_rois["n_voxels"])
    masks: dict[Place, MaskDifference] = {}
    for row in rows:
        place = who.place_of(row)
        for other in _other_masks(row, place, of_rois, analysis.is_resampled):
            masks[place] = other
        for column, text in row.cells.items():
            reader.take(row.form, place, column, text)
    reached = {feature for _, _, feature in reader.values}
    table = MeasuredTable(name, _columns(reader.values, analysis.ident))
    kept = _of_features(analysis.table, reached)
    return Translation(table, kept, reader.columns, tuple(masks.values()))


def _other_masks(
    row: ForeignRow,
    place: Place,
    of_rois: Mapping[str, Mapping[Place, float]],
    is_resampled: bool,
) -> Iterator[MaskDifference]:
    for check in row.form.masks:
        if check.after_resampling and is_resampled:
            continue
        ours = of_rois[check.against].get(place)
        theirs = number(row.form, row.cells.get(check.column, ""))
        if ours is None or math.isnan(theirs):
            continue
        if not math.isclose(ours, theirs, rel_tol=_SAME_MASK):
            yield MaskDifference(*place, check.column, ours, theirs)


def _columns(values: Mapping[Key, _Cell], analysis: str) -> Columns:
    texts = {
        "case_id": Words.of([key[0] for key in values]),
        "roi_id": Words.of([key[1] for key in values]),
        "analysis_id": Words.of([analysis] * len(values)),
        "feature_id": Words.of([key[2] for key in values]),
        "relation": Words.of([cell.reading.relation for cell in values.values()]),
    }
    assert set(KEY) <= texts.keys()  # noqa: S101 - rows meet by it
    numbers = {
        "value": np.asarray([cell.converted for cell in values.values()], dtype=np.float64),
        "written": np.asarray([cell.written for cell in values.values()], dtype=np.float64),
    }
    return Columns(texts, numbers)


def _of_features(table: MeasuredTable, features: Collection[str]) -> MeasuredTable:
    column = table.rows.texts["feature_id"]
    is_there = np.asarray([word in features for word in column.words], dtype=bool)
    return replace(table, rows=table.rows.taken(is_there[column.codes]))
