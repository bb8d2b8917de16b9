"""Compare two tables of measurements row by row.

Rows meet by case, ROI, analysis and feature; an analysis of which each side has one
version meets by its id. All columns stand as codes and arrays: a trial of millions of
rows is compared without a loop over them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from biomarker_cli.model.arrays import BoolArray, ByteArray, FloatArray, IntArray
from biomarker_cli.multicentre.case_inputs import CasePair
from biomarker_cli.multicentre.errors import ComparisonError
from biomarker_cli.multicentre.measured import KEY, MeasuredTable
from biomarker_cli.multicentre.provenance import analysis_name
from biomarker_cli.multicentre.tolerances import Tolerances
from biomarker_cli.multicentre.verdicts import Reason, RowVerdict
from biomarker_cli.tables.columns import Columns, Words

_BESIDE = (("status", Reason.STATUS), ("unit", Reason.UNIT), ("flags", Reason.FLAGS))


@dataclass(frozen=True)
class ComparedRows:
    """Every row of either side, beside the one it meets.

    Attributes
    ----------
    a, b : Columns
        The rows of both sides, in their own order.
    place_a, place_b : ndarray of int64, shape (rows,)
        Where a row stands in either; -1 where that side has none.
    verdict, reasons : ndarray of uint8, shape (rows,)
        As `RowVerdict` and `Reason`.
    difference : ndarray of float64, shape (rows,)
        B - A, in the unit of the feature; NaN where a side has no value.
    tolerance : ndarray of float64, shape (rows,)
    """

    a: Columns
    b: Columns
    place_a: IntArray
    place_b: IntArray
    verdict: ByteArray
    reasons: ByteArray
    difference: FloatArray
    tolerance: FloatArray

    def __len__(self) -> int:
        return len(self.verdict)

    @property
    def excess(self) -> FloatArray:
        """Difference in units of its tolerance; infinite where a value is lost or has no unit."""
        apart = np.abs(self.difference)
        with np.errstate(divide="ignore", invalid="ignore"):
            found = np.where(apart == 0.0, 0.0, apart / self.tolerance)
        lost = (self.reasons & np.uint8(Reason.STATUS | Reason.UNIT)) > 0
        alone = (self.verdict == RowVerdict.ONLY_A) | (self.verdict == RowVerdict.ONLY_B)
        return np.where(lost | alone, np.inf, np.nan_to_num(found, nan=0.0, posinf=np.inf))

    def places_of(self, *verdicts: RowVerdict) -> IntArray:
        """Return the rows of some verdicts, in the order of the table."""
        return np.flatnonzero(np.isin(self.verdict, [int(one) for one in verdicts]))

    def count(self) -> dict[RowVerdict, int]:
        """Return the number of rows by verdict."""
        found = np.bincount(self.verdict, minlength=len(RowVerdict))
        return {verdict: int(found[verdict]) for verdict in RowVerdict}

    def text(self, column: str, row: int) -> str:
        """Return the text of a row, of the side that has it."""
        place = self.place_a[row]
        return self.a.texts[column][place] if place >= 0 else self.of_b(column, row)

    def of_a(self, column: str, row: int) -> str:
        """Return the text of a row in A, empty where it has none."""
        return _text(self.a, column, self.place_a[row])

    def of_b(self, column: str, row: int) -> str:
        """Return the text of a row in B, empty where it has none."""
        return _text(self.b, column, self.place_b[row])

    def value_a(self, row: int) -> float | None:
        """Return the value in A."""
        return _value(self.a, "value", self.place_a[row])

    def value_b(self, row: int) -> float | None:
        """Return the value in B, converted where a dialect says how."""
        return _value(self.b, "value", self.place_b[row])

    def written_b(self, row: int) -> float | None:
        """Return the value as it stood in B."""
        column = "written" if "written" in self.b.numbers else "value"
        return _value(self.b, column, self.place_b[row])


def _text(side: Columns, column: str, place: int) -> str:
    return side.texts[column][place] if place >= 0 and column in side.texts else ""


def _value(side: Columns, column: str, place: int) -> float | None:
    if place < 0:
        return None
    value = float(side.numbers[column][place])
    return value if np.isfinite(value) else None


def compare_rows(
    a: MeasuredTable,
    b: MeasuredTable,
    pairs: Sequence[CasePair],
    rois: Mapping[str, str],
    tolerances: Tolerances,
) -> ComparedRows:
    """Compare the rows of two tables.

    Parameters
    ----------
    a, b : MeasuredTable
    pairs : sequence of CasePair
        Which case of B is which of A.
    rois : mapping of str to str
        ROI of B -> ROI of A, where it is called otherwise.
    tolerances : Tolerances

    Raises
    ------
    ComparisonError
        ``COMPARE-NOTHING`` where no row of A meets one of B, ``COMPARE-TWICE`` where a
        side has two rows of one key.
    """
    code_a, code_b, words = _joined(a, b, pairs, rois)
    keys_a, keys_b = _keys(code_a, code_b, words)
    place_a, place_b = _met(a, keys_a, b, keys_b)
    both = (place_a >= 0) & (place_b >= 0)
    if not both.any():
        raise ComparisonError(
            "COMPARE-NOTHING",
            f"no row of {a.name} meets one of {b.name}",
            hint="Rows meet by case, ROI, analysis and feature; --names FILE says which case or "
            "ROI of B is which of A.",
        )
    features = np.where(place_a >= 0, code_a["feature_id"][place_a], -1)
    terms = _limits(words["feature_id"], tolerances)[:, features]
    return _with_inputs(_judged(a.rows, b.rows, place_a, place_b, terms), pairs)


def _joined(
    a: MeasuredTable, b: MeasuredTable, pairs: Sequence[CasePair], rois: Mapping[str, str]
) -> tuple[dict[str, IntArray], dict[str, IntArray], dict[str, list[str]]]:
    """Return the key columns of both sides as codes of one list of words each."""
    case_of_a = {pair.case_b: pair.case_a for pair in pairs}
    analyses = _analyses(a.rows, b.rows)
    renamed = {"case_id": case_of_a, "roi_id": rois, "analysis_id": analyses, "feature_id": {}}
    codes_a, codes_b, words = {}, {}, {}
    for column in KEY:
        one, other = a.rows.texts[column], b.rows.texts[column]
        index: dict[str, int] = {}
        codes_a[column] = _recoded(one, index, analyses if column == "analysis_id" else {})
        codes_b[column] = _recoded(other, index, renamed[column])
        words[column] = list(index)
    return codes_a, codes_b, words


def _recoded(column: Words, index: dict[str, int], renames: Mapping[str, str]) -> IntArray:
    codes = [index.setdefault(renames.get(w, w), len(index)) for w in column.words]
    return np.asarray(codes, dtype=np.int64)[column.codes]


def _analyses(a: Columns, b: Columns) -> dict[str, str]:
    """Return the id without version of each analysis of which no side has two versions."""
    several: set[str] = set()
    words = []
    for side in (a, b):
        column = side.texts["analysis_id"]
        there = [column.words[code] for code in np.unique(column.codes)]
        names = [analysis_name(word) for word in there]
        several |= {name for name in names if names.count(name) > 1}
        words += there
    return {word: analysis_name(word) for word in words if analysis_name(word) not in several}


def _keys(
    a: Mapping[str, IntArray],
    b: Mapping[str, IntArray],
    words: Mapping[str, Sequence[str]],
) -> tuple[IntArray, IntArray]:
    found = []
    for side in (a, b):
        key = np.zeros(len(side[KEY[0]]), dtype=np.int64)
        for column in KEY:
            key = key * max(len(words[column]), 1) + side[column]
        found.append(key)
    return found[0], found[1]


def _met(
    a: MeasuredTable, keys_a: IntArray, b: MeasuredTable, keys_b: IntArray
) -> tuple[IntArray, IntArray]:
    """Return where each row stands in A and in B, in the order of A with what B adds behind."""
    order = np.argsort(keys_b, kind="stable")
    ordered = keys_b[order]
    for side, keys in ((a, np.sort(keys_a)), (b, ordered)):
        _require_once(side, keys, keys_a if side is a else keys_b)
    at = np.searchsorted(ordered, keys_a)
    met = np.zeros(len(keys_a), dtype=bool)
    inside = at < len(ordered)
    met[inside] = ordered[at[inside]] == keys_a[inside]
    place_b = np.full(len(keys_a), -1, dtype=np.int64)
    place_b[met] = order[at[met]]
    alone = np.ones(len(keys_b), dtype=bool)
    alone[place_b[met]] = False
    added = np.flatnonzero(alone)
    place_a = np.concatenate([np.arange(len(keys_a)), np.full(len(added), -1)])
    return place_a, np.concatenate([place_b, added])


def _require_once(side: MeasuredTable, ordered: IntArray, keys: IntArray) -> None:
    twice = np.flatnonzero(ordered[1:] == ordered[:-1])
    if twice.size:
        row = int(np.flatnonzero(keys == ordered[twice[0]])[0])
        raise ComparisonError(
            "COMPARE-TWICE",
            f"two rows have the key {', '.join(side.rows.texts[c][row] for c in KEY)}",
            where=side.name,
        )


def _limits(features: Sequence[str], tolerances: Tolerances) -> FloatArray:
    """Return the three terms of the limit of each feature, shape (3, features + 1)."""
    terms = [tolerances.limit_of(feature).terms for feature in features]
    # The last one is taken by rows that A does not have.
    return np.asarray([*terms, (np.nan,) * 3], dtype=np.float64).T


def _judged(
    a: Columns, b: Columns, place_a: IntArray, place_b: IntArray, terms: FloatArray
) -> ComparedRows:
    """Judge every row; `terms` are those of its limit, shape (3, rows)."""
    both = (place_a >= 0) & (place_b >= 0)
    value_a = np.where(place_a >= 0, a.numbers["value"][place_a], np.nan)
    value_b = np.where(place_b >= 0, b.numbers["value"][place_b], np.nan)
    reasons = np.zeros(len(place_a), dtype=np.uint8)
    for column, reason in _BESIDE:
        if column in a.texts and column in b.texts:
            reasons[both & ~_equal_texts(a, b, column, place_a, place_b)] |= np.uint8(reason)
    reasons[both & (np.isnan(value_a) != np.isnan(value_b))] |= np.uint8(Reason.STATUS)
    tolerance = terms[0] + terms[1] * np.abs(value_a)
    tolerance += terms[2] * np.abs((value_a + value_b) / 2.0)
    difference = value_b - value_a
    reasons[both & (np.abs(difference) > tolerance)] |= np.uint8(Reason.VALUE)
    verdict = np.full(len(place_a), RowVerdict.WITHIN, dtype=np.uint8)
    verdict[(value_a == value_b) | (np.isnan(value_a) & np.isnan(value_b))] = RowVerdict.SAME
    verdict[reasons > 0] = RowVerdict.DIFFERS
    verdict[place_b < 0] = RowVerdict.ONLY_A
    verdict[place_a < 0] = RowVerdict.ONLY_B
    return ComparedRows(a, b, place_a, place_b, verdict, reasons, difference, tolerance)


def _equal_texts(
    a: Columns, b: Columns, column: str, place_a: IntArray, place_b: IntArray
) -> BoolArray:
    one, other = a.texts[column], b.texts[column]
    index = {word: code for code, word in enumerate(one.words)}
    as_in_a = np.asarray([index.get(word, -1) for word in other.words], dtype=np.int64)
    equal: BoolArray = one.codes[place_a] == as_in_a[other.codes[place_b]]
    return equal


def _with_inputs(compared: ComparedRows, pairs: Sequence[CasePair]) -> ComparedRows:
    """Take the judgement from rows whose image or mask is another one."""
    others = {pair.case_a for pair in pairs if pair.verdict == "other_input"}
    cases = compared.a.texts["case_id"]
    is_other = np.asarray([word in others for word in cases.words], dtype=bool)
    touched = (compared.place_a >= 0) & (compared.place_b >= 0)
    touched &= is_other[cases.codes[compared.place_a]]
    compared.verdict[touched] = RowVerdict.OTHER_INPUT
    return compared
