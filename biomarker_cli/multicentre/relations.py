"""Judge rows of another program by the relation that the dialect states."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from biomarker_cli.model.arrays import BoolArray, IntArray
from biomarker_cli.multicentre.comparing import ComparedRows
from biomarker_cli.multicentre.dialects import OTHER_DISCRETISATION, SAME, UNDEFINED, Dialect
from biomarker_cli.multicentre.translating import Translation
from biomarker_cli.multicentre.verdicts import Reason, RowVerdict
from biomarker_cli.tables.columns import Columns, Words

_NOISE = 1e-12
"""What is left of a 0 that was computed."""


def judge_relations(
    compared: ComparedRows, dialect: Dialect, translation: Translation
) -> ComparedRows:
    """Return the rows with what is no difference by definition said as such.

    A value that is not defined here and is one of the numbers that the other program
    writes in its place, or an empty cell, is ``undefined``, and so is a 0 of ours that is
    not defined there; a relation that is judged
    must hold within the tolerance; one that is not is listed alone; a mask that is
    another one leaves nothing to judge.
    """
    relations = compared.b.texts["relation"]
    both = (compared.place_a >= 0) & (compared.place_b >= 0)
    verdict, reasons = compared.verdict.copy(), compared.reasons.copy()
    tolerance = compared.tolerance.copy()
    codes = np.where(both, relations.codes[compared.place_b], -1)
    for code, word in enumerate(relations.words):
        rows = both & (codes == code)
        rule = dialect.relations.get(word)
        if word == OTHER_DISCRETISATION or (rule is not None and not rule.judged):
            verdict[rows] = RowVerdict.NOT_JUDGED
            reasons[rows] = 0
        elif word != SAME:
            if rule is not None and rule.rel is not None:
                value = np.abs(compared.a.numbers["value"][compared.place_a])
                tolerance[rows] = np.maximum(tolerance, rule.rel * value)[rows]
                met = rows & (np.abs(compared.difference) <= tolerance)
                reasons[met] &= ~np.uint8(Reason.VALUE)
            verdict[rows & (reasons == 0)] = RowVerdict.RELATION
            verdict[rows & (reasons > 0)] = RowVerdict.DIFFERS
            # The number of voxels that the conversion needs is not known.
            unconverted = rows & _is_unconverted(compared)
            verdict[unconverted] = RowVerdict.NOT_JUDGED
            reasons[unconverted] = 0
    undefined = both & _is_undefined(compared, dialect)
    verdict[undefined] = RowVerdict.RELATION
    reasons[undefined] = 0
    verdict[both & _has_other_mask(compared, translation)] = RowVerdict.OTHER_INPUT
    kept = _with_undefined(compared.b, compared.place_b[undefined])
    return replace(compared, b=kept, verdict=verdict, reasons=reasons, tolerance=tolerance)


def _is_unconverted(compared: ComparedRows) -> BoolArray:
    numbers, places = compared.b.numbers, compared.place_b
    return np.isnan(numbers["value"][places]) & ~np.isnan(numbers["written"][places])


def _is_undefined(compared: ComparedRows, dialect: Dialect) -> BoolArray:
    stand_ins = [number for form in dialect.tables for number in form.undefined]
    ours = compared.a.numbers["value"][compared.place_a]
    theirs = compared.b.numbers["written"][compared.place_b]
    theirs = np.where(np.abs(theirs) < _NOISE, 0.0, theirs)
    undefined_here = np.isnan(ours) & (np.isnan(theirs) | np.isin(theirs, stand_ins))
    found: BoolArray = undefined_here | (np.isnan(theirs) & (ours == 0.0))
    return found


def _has_other_mask(compared: ComparedRows, translation: Translation) -> BoolArray:
    others = {(mask.case_id, mask.roi_id) for mask in translation.masks}
    found = np.zeros(len(compared), dtype=bool)
    if not others:
        return found
    cases, rois = compared.b.texts["case_id"], compared.b.texts["roi_id"]
    for case, roi in others:
        here = [cases.words.index(case), rois.words.index(roi)]
        at = (cases.codes == here[0]) & (rois.codes == here[1])
        found |= at[compared.place_b]
    return found


def _with_undefined(b: Columns, places: IntArray) -> Columns:
    column = b.texts["relation"]
    codes = column.codes.copy()
    codes[places] = len(column.words)
    words = Words((*column.words, UNDEFINED), codes)
    return Columns({**b.texts, "relation": words}, b.numbers)
