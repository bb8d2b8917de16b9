"""Rows of what a part could not measure, and does not know the features of.

A run gives a region that could not be measured a row for every feature of its analyses,
as far as another case of the run knows them. A part in which an analysis never came to
an end knows none: the pool, where another part does, has them, as the undivided study
would.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from biomarker_cli.multicentre.pooling.parts import PoolPart, rows_of
from biomarker_cli.multicentre.pooling.scanning import PartScan
from biomarker_cli.regions.result import ROIS_WITH_AUDIT
from biomarker_cli.tables.cells import csv_line, format_value
from biomarker_cli.tables.rows import MeasurementRow
from biomarker_cli.tables.schema import MEASUREMENTS

_NOT_TRIED = frozenset({"excluded", "waiting"})


def unmeasured_rows(
    place: int, parts: Sequence[PoolPart], scans: Sequence[PartScan]
) -> Iterator[tuple[str, list[str]]]:
    """Yield cases of a part with the finished lines that they lack, by their ids.

    Parameters
    ----------
    place : int
        Of the part.
    parts : sequence of PoolPart
    scans : sequence of PartScan
    """
    part = parts[place]
    lacking = _lacking(part, scans[place], scans)
    if not lacking:
        return
    measured = set[tuple[str, str, str]]().union(*(scan.measured for scan in scans))
    known_rois = {(role, roi_id) for role, roi_id, _ in measured}
    rois = rows_of(part.tables[ROIS_WITH_AUDIT.name])
    for case_id, of_case in groupby(rois, key=lambda row: row["case_id"]):
        case = part.cases[case_id]
        rows = [
            MeasurementRow(
                case_id=case_id,
                roi_id=roi["roi_id"],
                analysis_id=analysis,
                feature_id=feature,
                unit=unit,
                status="skipped"
                if case.status in _NOT_TRIED or roi["status"] == "skipped"
                else "failed",
            )
            for roi in of_case
            for analysis in lacking.get(case.role, ())
            # Of several images of a role each has regions, and analyses, of its own.
            if (case.role, roi["roi_id"]) not in known_rois
            or (case.role, roi["roi_id"], analysis) in measured
            for feature, unit in _features(case.role, analysis, scans)
        ]
        if rows:
            rows.sort(key=lambda row: (row.roi_id, row.analysis_id, row.feature_id))
            yield case_id, [_line(row) for row in rows]


def _lacking(part: PoolPart, own: PartScan, scans: Sequence[PartScan]) -> dict[str, list[str]]:
    """Return the analyses that a part was asked for and has no row of, by image role."""
    here = {(role, analysis) for role, _, analysis in own.measured}
    anywhere = {(role, analysis) for scan in scans for role, _, analysis in scan.measured}
    roles = {case.role for case in part.cases.values()}
    found: dict[str, list[str]] = {}
    for role, analysis in sorted(anywhere - here):
        if role in roles and part.asks_for(analysis):
            found.setdefault(role, []).append(analysis)
    return found


def _features(role: str, analysis: str, scans: Sequence[PartScan]) -> Iterator[tuple[str, str]]:
    """Yield the features of an analysis with their unit; of two units it is not known."""
    units: dict[str, set[str]] = {}
    for scan in scans:
        for name, feature in scan.units.get(role, {}):
            if name == analysis:
                units.setdefault(feature, set()).update(scan.units_of(role, analysis, feature))
    for feature, found in units.items():
        yield feature, found.pop() if len(found) == 1 else ""


def _line(row: MeasurementRow) -> str:
    return csv_line([format_value(getattr(row, name)) for name in MEASUREMENTS.column_names])[:-1]
