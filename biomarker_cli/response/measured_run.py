"""What a run measured, by subject, timepoint and ROI."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from biomarker_cli.model.shifted_dates import FACT as DATES_MODIFIED
from biomarker_cli.model.shifted_dates import are_shifted
from biomarker_cli.model.study_dates import STUDY_DATE, study_day
from biomarker_cli.response.errors import ResponseError
from biomarker_cli.tables.carried_sizes import REASON, CarriedFromElsewhere
from biomarker_cli.tables.columns import require_columns
from biomarker_cli.tables.measured_rows import LEFT_OUT, NO_VALUE, NOT_USABLE, read_measurements
from biomarker_cli.tables.reading import read_cells, read_table
from biomarker_cli.tables.schema import CASES, FACTS, ROIS


@dataclass(frozen=True)
class MeasuredValue:
    """One row of ``measurements.csv``.

    Attributes
    ----------
    value : Decimal or None
    reason : str
        Why there is none that may be used.
    """

    case_id: str
    roi_id: str
    analysis_id: str
    value: Decimal | None
    reason: str


@dataclass(frozen=True)
class RunCase:
    """A case of the run."""

    case_id: str
    subject_id: str
    timepoint: str
    status: str


class MeasuredRun:
    """The tables of a run folder.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    TableError
        ``TABLE-NOT-FOUND``, ``TABLE-COLUMNS``, ``TABLE-UNREADABLE``, ``TABLE-VALUE``.
    ResponseError
        ``RESPONSE-LESION-AMBIGUOUS`` where two sites have one subject.
    """

    def __init__(self, folder: Path) -> None:
        cases = read_table(CASES, folder)
        self.cases = [
            RunCase(row["case_id"], row["subject_id"], row["timepoint"], row["status"])
            for row in _records(cases)
        ]
        _require_one_site(_records(cases))
        self._rois: dict[str, list[Mapping[str, Any]]] = {}
        path = folder / ROIS.file_name
        rois = read_cells(path)
        require_columns(path, ROIS.key, rois.columns)
        for roi in _records(rois):
            self._rois.setdefault(roi["case_id"], []).append(roi)
        self._cases_of: dict[tuple[str, str], list[str]] = {}
        self._timepoints: dict[str, list[str]] = {}
        for case in self.cases:
            known = self._timepoints.setdefault(case.subject_id, [])
            if case.timepoint not in known:
                known.append(case.timepoint)
            self._cases_of.setdefault((case.subject_id, case.timepoint), []).append(case.case_id)
        rows = read_measurements(folder)
        elsewhere = CarriedFromElsewhere.of_run(folder)
        self._values = _values(rows)
        told = zip(*(rows[name].tolist() for name in ("case_id", "roi_id", "flags")), strict=True)
        self.carried = frozenset((case, roi) for case, roi, f in told if elsewhere.has(case, f))
        self._analyses: dict[str, set[str]] = {}
        for found in self._values.values():
            for one in found:
                name = one.analysis_id.partition("@")[0]
                self._analyses.setdefault(one.case_id, set()).add(name)
        self._facts = {
            (row["case_id"], row["fact"]): row["value"]
            for row in _records(read_table(FACTS, folder))
        }
        self._normals = _normals(folder / "diameters.csv")

    def timepoints(self, subject_id: str) -> list[str]:
        """Return the timepoints of a subject, as the table has them."""
        return list(self._timepoints.get(subject_id, ()))

    def cases_of(self, subject_id: str, timepoint: str) -> list[str]:
        """Return the cases of a visit."""
        return self._cases_of.get((subject_id, timepoint), [])

    def rois_of(self, case_ids: Iterable[str]) -> list[Mapping[str, Any]]:
        """Return the rows of ``rois.csv`` of cases."""
        return [row for case in dict.fromkeys(case_ids) for row in self._rois.get(case, ())]

    def value(
        self, cases: Sequence[str], roi_id: str, feature: str, analyses: Sequence[str]
    ) -> MeasuredValue | None:
        """Return the value of a feature in the case of a visit that has it.

        Raises
        ------
        ResponseError
            ``RESPONSE-LESION-AMBIGUOUS`` where two cases or analyses have one.
        """
        found = [
            one
            for case in cases
            for one in self._values.get((case, roi_id, feature), ())
            if not analyses or one.analysis_id.partition("@")[0] in analyses
        ]
        if len(found) > 1:
            raise ResponseError(
                "RESPONSE-LESION-AMBIGUOUS",
                f"{roi_id} has {feature} twice: "
                f"{', '.join(f'{one.case_id} {one.analysis_id}' for one in found)}",
                hint="Measure it by one analysis in one case of the visit.",
            )
        return found[0] if found else None

    def has_analysis(self, cases: Iterable[str], analyses: Sequence[str]) -> bool:
        """Tell whether one of some analyses measured something in cases; of none any does."""
        found = {analysis for case in cases for analysis in self._analyses.get(case, ())}
        return bool(found & set(analyses)) if analyses else bool(found)

    def facts(self, cases: Iterable[str], name: str, analyses: Sequence[str]) -> frozenset[str]:
        """Return what is told of a fact by the cases that some analyses measured.

        A visit has other images as well, whose tube voltage says nothing of these.
        """
        measured = (case for case in cases if self.has_analysis([case], analyses))
        return frozenset(filter(None, (self._facts.get((case, name), "") for case in measured)))

    def study_date(self, cases: Iterable[str]) -> date | None:
        """Return the earliest StudyDate of cases, None where no case tells it."""
        days = (study_day(self._facts.get((case, STUDY_DATE), "")) for case in cases)
        return min(filter(None, days), default=None)

    def has_shifted_dates(self, cases: Iterable[str]) -> bool:
        """Tell whether the StudyDate of one of some cases is none of the calendar."""
        return any(are_shifted(self._facts.get((case, DATES_MODIFIED), "")) for case in cases)

    def normal(self, case_id: str, roi_id: str, analysis_id: str) -> tuple[float, ...] | None:
        """Return the normal of the slice that a diameter was measured on."""
        return self._normals.get((case_id, roi_id, analysis_id))


def _records(frame: Any) -> list[dict[str, Any]]:
    return [dict(row) for row in frame.to_dict("records")]


def _require_one_site(rows: Iterable[Mapping[str, Any]]) -> None:
    sites: dict[str, str] = {}
    for row in rows:
        site = sites.setdefault(row["subject_id"], row["site_id"])
        if site != row["site_id"]:
            raise ResponseError(
                "RESPONSE-LESION-AMBIGUOUS",
                f"{row['subject_id']} is a subject of {site} and of {row['site_id']}",
                hint="Judge the sites one by one.",
            )


def _values(frame: Any) -> dict[tuple[str, str, str], list[MeasuredValue]]:
    found: dict[tuple[str, str, str], list[MeasuredValue]] = {}
    names = ("case_id", "roi_id", "analysis_id", "feature_id", "value", "status", "flags", LEFT_OUT)
    for case, roi, analysis, feature, value, status, flags, left_out in zip(
        *(frame[name].tolist() for name in names), strict=True
    ):
        reason = ""
        if left_out == NO_VALUE:
            reason = f"not measured: {status}"
        elif left_out:
            reason = f"not usable: {flags if left_out == NOT_USABLE else REASON}"
        number = None if reason else Decimal(repr(value))
        one = MeasuredValue(case, roi, analysis, number, reason)
        found.setdefault((case, roi, feature), []).append(one)
    return found


def _normals(path: Path) -> dict[tuple[str, str, str], tuple[float, ...]]:
    if not path.is_file():
        return {}
    names = ("normal_x", "normal_y", "normal_z")
    frame = read_cells(path, names)
    keys = ("case_id", "roi_id", "analysis_id", *names)
    if not set(keys) <= set(frame.columns):
        return {}
    columns = zip(*(frame[name].tolist() for name in keys), strict=True)
    return {(case, roi, analysis): tuple(normal) for case, roi, analysis, *normal in columns}
