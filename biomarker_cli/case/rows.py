"""Turn what a case found into rows of the tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from biomarker_cli.case.result import Row
from biomarker_cli.model.flags import join_flags
from biomarker_cli.model.measurement import Measurement

if TYPE_CHECKING:
    # Rows are made of them, without a look into their rooms.
    from biomarker_cli.acquisition.header_facts import Fact
    from biomarker_cli.acquisition.results import CheckResult
    from biomarker_cli.acquisition.series import SeriesHeaders
    from biomarker_cli.case.plan import CasePlan
    from biomarker_cli.case.prepared import Prepared
    from biomarker_cli.regions.result import RoiResult


def case_row(plan: CasePlan, series: Sequence[SeriesHeaders] = ()) -> Row:
    """Return the identifying columns of ``cases.csv``."""
    row: Row = {
        "case_id": plan.case_id,
        "subject_id": plan.subject_id,
        "site_id": plan.site_id,
        "timepoint": plan.timepoint,
    }
    if series:
        first = series[0].frames.first
        row |= {
            "modality": series[0].modality,
            "study_uid": series[0].study_uid,
            "series_uid": ";".join(sorted({s.series_uid for s in series})),
            "frame_of_reference_uid": str(first.get("FrameOfReferenceUID", "")),
            "manufacturer": _text(first.get("Manufacturer")),
            "model": _text(first.get("ManufacturerModelName")),
            "software": _text(first.get("SoftwareVersions")),
        }
    return row


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    return "\\".join(str(item).strip() for item in value) if _is_many(value) else str(value)


def _is_many(value: Any) -> bool:
    return hasattr(value, "__iter__")


def fact_rows(plan: CasePlan, series_uid: str, facts: Sequence[Fact]) -> list[Row]:
    """Return rows of ``facts.csv``."""
    return [{"case_id": plan.case_id, "series_uid": series_uid, **fact.row()} for fact in facts]


def check_rows(plan: CasePlan, checks: Sequence[CheckResult]) -> list[Row]:
    """Return rows of ``checks.csv``; the case is empty above series."""
    return [
        {**check.row(), "case_id": plan.case_id if check.scope == "series" else ""}
        for check in checks
    ]


def roi_rows(plan: CasePlan, regions: Sequence[RoiResult]) -> list[Row]:
    """Return rows of ``rois.csv``."""
    return [{"case_id": plan.case_id, **roi.row()} for roi in regions]


def skipped_roi_rows(plan: CasePlan, code: str, message: str) -> list[Row]:
    """Return a row for every ROI that was asked for but never reached."""
    return [
        {
            "case_id": plan.case_id,
            "roi_id": name,
            "roi_name": name,
            "roi_label": "",
            "status": "skipped",
            "error_code": code,
            "error_message": message,
        }
        for name in plan.wanted_rois
    ]


def measurement_rows(
    plan: CasePlan,
    roi: RoiResult,
    prepared: Prepared,
    measurements: Sequence[Measurement],
    flags: frozenset[str],
) -> list[Row]:
    """Return rows of ``measurements.csv``."""
    return [
        {
            "case_id": plan.case_id,
            "roi_id": roi.roi_id,
            "analysis_id": prepared.analysis.ident,
            "feature_id": m.feature_id,
            "value": m.value,
            "unit": m.unit,
            "status": m.status.value,
            "flags": join_flags(flags | m.flags),
        }
        for m in measurements
    ]


def feature_rows(prepared: Prepared, measurements: Sequence[Measurement]) -> list[Row]:
    """Return the dictionary rows (``features.csv``) of what was measured."""
    engine, engine_version = prepared.engine
    return [
        {
            "analysis_id": prepared.analysis.ident,
            "analysis_sha256": prepared.analysis.document.sha256,
            "feature_id": m.feature_id,
            "name": m.definition.title,
            "family": m.definition.family,
            "aggregation": m.definition.aggregation,
            "unit_ucum": m.unit,
            "ibsi_id": m.definition.ibsi_id,
            "dicom_code": m.definition.dicom_code,
            "pyradiomics_name": m.definition.pyradiomics_name,
            "engine": engine,
            "engine_version": engine_version,
            "ibsi_benchmarked": prepared.is_benchmarked(m),
            "definition_version": m.definition.definition_version,
            "reference": m.definition.reference,
            **prepared.describe_image(m.image),
        }
        for m in measurements
    ]
