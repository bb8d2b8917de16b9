"""What became of cases and regions: where two runs of the same files came out otherwise."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from biomarker_cli.multicentre.case_inputs import CasePair
from biomarker_cli.multicentre.measured import MeasuredTable

if TYPE_CHECKING:
    import pandas as pd

_OF_CASES = ("status", "error_code")
_OF_ROIS = ("status", "error_code", "n_voxels")


@dataclass(frozen=True)
class OutcomeDifference:
    """Something of a case, or of a ROI of it, that differs although its files are the same.

    Attributes
    ----------
    case_id, roi_id : str
        The second is empty where it is the case.
    column, a, b : str
        Column of cases.csv or rois.csv, and what either side has in it.
    """

    case_id: str
    roi_id: str
    column: str
    a: str
    b: str


def outcome_differences(
    a: MeasuredTable, b: MeasuredTable, pairs: Sequence[CasePair], rois: Mapping[str, str]
) -> Iterator[OutcomeDifference]:
    """Return what came out otherwise of the cases that both sides have.

    Parameters
    ----------
    a, b : MeasuredTable
    pairs : sequence of CasePair
        Those of other inputs are passed over.
    rois : mapping of str to str
        ROI of B -> ROI of A, where it is called otherwise.
    """
    case_of_a = {pair.case_b: pair.case_a for pair in pairs if pair.verdict != "other_input"}
    for one, other, columns in ((a.cases, b.cases, _OF_CASES), (a.rois, b.rois, _OF_ROIS)):
        if one is None or other is None:
            continue
        theirs = {
            (case_of_a.get(case, ""), rois.get(roi, roi)): cells
            for (case, roi), cells in _cells(other, columns)
        }
        for (case, roi), cells in _cells(one, columns):
            for column, mine, its in zip(
                columns, cells, theirs.get((case, roi), cells), strict=True
            ):
                if mine != its:
                    yield OutcomeDifference(case, roi, column, mine, its)


def _cells(
    table: pd.DataFrame, columns: Sequence[str]
) -> Iterator[tuple[tuple[str, str], list[str]]]:
    rois = table["roi_id"] if "roi_id" in table.columns else [""] * len(table)
    rows = zip(*(table[name] for name in columns), strict=True)
    for case, roi, cells in zip(table["case_id"], rois, rows, strict=True):
        yield (case, roi), [_told(cell) for cell in cells]


def _told(cell: Any) -> str:
    """Return a cell as text; a count without a value is empty."""
    if isinstance(cell, str):
        return cell
    return "" if math.isnan(cell) else f"{cell:.0f}"
