"""FinishedResult: what a case gave, its rows as finished lines.

A worker makes it: so the lines are written by all workers, and the main process neither
takes in the rows nor goes over them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from biomarker_cli.case.result import CaseResult, CaseStatus
from biomarker_cli.case.rows import case_row, skipped_roi_rows
from biomarker_cli.model.errors import CaseError
from biomarker_cli.regions.result import ROIS_WITH_AUDIT
from biomarker_cli.study.flagging import counted_flags
from biomarker_cli.tables.schema import (
    CASES,
    CHECKS,
    DIAMETERS,
    FACTS,
    FEATURES,
    MEASUREMENTS,
    REGISTRATIONS,
)
from biomarker_cli.tables.writing import row_lines

if TYPE_CHECKING:
    from pathlib import Path

    from biomarker_cli.case.keeping import Kept
    from biomarker_cli.case.plan import CasePlan
    from biomarker_cli.model.inputs import FileRead
    from biomarker_cli.study.put_down import PutDown
    from biomarker_cli.tables.rows import CaseRow, FeatureRow

_MOST_DICTIONARIES = 64
_DICTIONARIES: dict[str, tuple[list[FeatureRow], str]] = {}
"""The last dictionary of each analysis with its lines: to compare is quicker than to write."""


@dataclass(frozen=True)
class RoiSummary:
    """What a run says of a ROI on the grid of one image.

    Attributes
    ----------
    image : str
        Name of the image.
    roi_id, status, error_code, error_message : str
        As in ``rois.csv``.
    analyses : list of str
        Those that measured it, sorted.
    """

    image: str
    roi_id: str
    status: str
    error_code: str
    error_message: str
    analyses: list[str]


@dataclass(frozen=True)
class FinishedResult:
    """A result whose rows are finished lines.

    Attributes
    ----------
    role : str
        Image role of the case.
    case : CaseRow
        Its line follows when its key is known.
    rois : list of RoiSummary
    n_ok, n_without : int
        Measurements with a value, and without.
    flags : dict
        Table name -> flag -> its rows that carry it.
    lines : dict
        Table name -> its lines, sorted; of all tables but ``cases.csv``.
    dictionaries : dict
        Analysis -> its lines of ``features.csv``.
    log : str
        JSON of notes, derivations and readings.
    inputs : dict
        Path -> `FileRead` of every file that was read, in the order of the plan.
    pixels : str
        Digest of the stored pixels of the image; empty where it is no DICOM.
    kept : Kept or None
        What the study keeps beside the result.
    met_change : bool
        Whether a file was not what was planned: the case is to be looked at again.
    put_down : PutDown or None
        Where the result lies already; it has no lines here then.
    """

    role: str
    case: CaseRow
    rois: list[RoiSummary]
    n_ok: int
    n_without: int
    flags: dict[str, dict[str, int]]
    lines: dict[str, str]
    dictionaries: dict[str, str]
    log: str
    inputs: dict[Path, FileRead]
    pixels: str
    kept: Kept | None
    met_change: bool
    put_down: PutDown | None = None


def finished(result: CaseResult) -> FinishedResult:
    """Return a result with its rows as lines.

    Raises
    ------
    ValueError, TypeError
        Where no table can hold a row of it.
    """
    # Its key is not known yet; whether a table holds it is.
    row_lines(CASES, [result.case])
    n_ok = sum(row.status == "ok" for row in result.measurements)
    log = {
        "notes": [[note.text, note.roi_id] for note in result.notes],
        "derivations": result.derivations,
        "readings": result.readings,
    }
    return FinishedResult(
        role=result.role,
        case=result.case,
        rois=_roi_summaries(result),
        n_ok=n_ok,
        n_without=len(result.measurements) - n_ok,
        flags=counted_flags(
            {
                MEASUREMENTS.name: result.measurements,
                ROIS_WITH_AUDIT.name: result.rois.values(),
                FACTS.name: result.facts,
            }
        ),
        lines={
            ROIS_WITH_AUDIT.name: row_lines(ROIS_WITH_AUDIT, result.rois.values()),
            MEASUREMENTS.name: row_lines(MEASUREMENTS, result.measurements),
            FACTS.name: row_lines(FACTS, result.facts),
            # A series that stands in two studies is checked twice, and has one row.
            CHECKS.name: row_lines(CHECKS, dict.fromkeys(result.checks)),
            DIAMETERS.name: row_lines(DIAMETERS, result.diameters),
            REGISTRATIONS.name: row_lines(REGISTRATIONS, result.registrations),
        },
        dictionaries=_dictionaries(result.features),
        log=json.dumps(log) + "\n",
        inputs=result.inputs,
        pixels=result.pixels,
        kept=result.kept,
        met_change=result.met_change,
    )


def finished_or_refused(plan: CasePlan, result: CaseResult) -> FinishedResult:
    """Return a result with its rows as lines; one that no table holds is an error of its case."""
    try:
        return finished(result)
    except (TypeError, ValueError) as error:
        defect = CaseError(
            "CASE-INTERNAL",
            f"the result of the case cannot be written: {error}",
            hint="It is a defect of the program: please report it.",
        )
    why = (defect.code, str(defect))
    row = replace(
        case_row(plan), status=CaseStatus.FAILED.value, error_code=why[0], error_message=why[1]
    )
    rois = skipped_roi_rows(plan.case_id, plan.primary.name, plan.wanted_rois, why)
    return finished(CaseResult(plan.role, row, rois, inputs=result.inputs, pixels=result.pixels))


def _roi_summaries(result: CaseResult) -> list[RoiSummary]:
    analyses: dict[str, set[str]] = {}
    for row in result.measurements:
        analyses.setdefault(row.roi_id, set()).add(row.analysis_id)
    return [
        RoiSummary(
            key.image,
            roi.roi_id,
            roi.status,
            roi.error_code,
            roi.error_message,
            sorted(analyses.get(roi.roi_id, ())),
        )
        for key, roi in result.rois.items()
    ]


def _dictionaries(features: Iterable[FeatureRow]) -> dict[str, str]:
    """Return the lines of ``features.csv``, by analysis."""
    by_analysis: dict[str, list[FeatureRow]] = {}
    for row in features:
        by_analysis.setdefault(row.analysis_id, []).append(row)
    return {analysis: _dictionary_lines(rows) for analysis, rows in by_analysis.items()}


def _dictionary_lines(rows: list[FeatureRow]) -> str:
    """Return the lines of the dictionary of one analysis; most cases bring the same one."""
    name = f"{rows[0].analysis_id} {rows[0].analysis_sha256}"
    kept_rows, lines = _DICTIONARIES.get(name, ([], ""))
    if rows != kept_rows:
        lines = row_lines(FEATURES, rows)
        if len(_DICTIONARIES) >= _MOST_DICTIONARIES:
            _DICTIONARIES.clear()
        _DICTIONARIES[name] = rows, lines
    return lines
