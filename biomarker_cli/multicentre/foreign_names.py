"""Find which case and ROI of ours a row of another program speaks of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePath

import numpy as np

from biomarker_cli.multicentre.foreign_tables import ForeignRow
from biomarker_cli.multicentre.measured import MeasuredTable
from biomarker_cli.multicentre.names import Names

Place = tuple[str, str]


class ForeignNames:
    """Cases and ROIs of ours by the names of another program.

    A name is taken by the file of names, else as our case id, else as the one subject or
    part of a case id that it can be; where either side has one case, or one ROI of the
    case, the two are the same. What is not found keeps its own name.

    Parameters
    ----------
    ours : MeasuredTable
    rows : sequence of ForeignRow
        All of them: whether there is one alone is seen on the whole.
    names : Names
    """

    def __init__(self, ours: MeasuredTable, rows: Sequence[ForeignRow], names: Names) -> None:
        self._names = names
        self._labels = _labels(ours)
        self._rois: dict[str, list[str]] = {}
        for case, roi in _places(ours):
            self._rois.setdefault(case, []).append(roi)
        self._cases: dict[str, str] = {}
        theirs = list(dict.fromkeys(row.case for row in rows))
        for case in theirs:
            self._cases[case] = self._case_of(case, is_only=len(theirs) == 1)
        self._theirs: dict[str, set[str]] = {}
        for row in rows:
            self._theirs.setdefault(row.case, set()).add(row.roi)

    def place_of(self, row: ForeignRow) -> Place:
        """Return case and ROI of a row."""
        case = self._cases[row.case]
        return case, self._roi_of(case, row)

    def _case_of(self, theirs: str, *, is_only: bool) -> str:
        if theirs in self._names.cases:
            return self._names.cases[theirs]
        if theirs in self._rois:
            return theirs
        stem = PurePath(theirs).name.partition(".")[0]
        for wanted in (theirs, stem):
            alike = [case for case in self._rois if wanted and _is_part(wanted, case)]
            if len(alike) == 1:
                return alike[0]
        if is_only and len(self._rois) == 1:
            return next(iter(self._rois))
        return theirs

    def _roi_of(self, case: str, row: ForeignRow) -> str:
        rois = self._rois.get(case, [])
        if row.roi in self._names.rois:
            return self._names.rois[row.roi]
        if row.roi in rois:
            return row.roi
        labelled = self._labels.get((case, row.roi), [])
        if len(labelled) == 1:
            return labelled[0]
        if len(rois) == 1 and len(self._theirs[row.case]) == 1:
            return rois[0]
        return row.roi


def _is_part(wanted: str, case: str) -> bool:
    return f"/{wanted}/" in f"/{case}/"


def _places(ours: MeasuredTable) -> Iterable[Place]:
    cases, rois = ours.rows.texts["case_id"], ours.rows.texts["roi_id"]
    for case, roi in np.unique(np.stack([cases.codes, rois.codes]), axis=1).T:
        yield cases.words[case], rois.words[roi]


def _labels(ours: MeasuredTable) -> dict[Place, list[str]]:
    found: dict[Place, list[str]] = {}
    if ours.rois is not None:
        columns = (ours.rois[name] for name in ("case_id", "roi_label", "roi_id"))
        for case, label, roi in zip(*columns, strict=True):
            found.setdefault((case, label), []).append(roi)
    return found
