"""Turn what a case found into rows of the tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from biomarker_cli.case.result import RoiKey
from biomarker_cli.model.measurement import Measurement
from biomarker_cli.regions.result import AuditedRoiRow
from biomarker_cli.tables.rows import (
    CaseRow,
    CheckRow,
    DiameterRow,
    FactRow,
    FeatureRow,
    MeasurementRow,
)

if TYPE_CHECKING:
    # Rows are made of them, without a look into their rooms.
    from biomarker_cli.acquisition.devices import DeviceNames
    from biomarker_cli.acquisition.header_facts import Fact
    from biomarker_cli.acquisition.results import CheckResult
    from biomarker_cli.acquisition.series import SeriesHeaders
    from biomarker_cli.case.analysis import Analysis
    from biomarker_cli.case.plan import CasePlan
    from biomarker_cli.imaging.prepared_image import PreparedImage
    from biomarker_cli.model.errors import BiomarkerError
    from biomarker_cli.regions.result import RoiResult


class Identified(Protocol):
    """What knows who a case is: a plan, or what is known of one."""

    @property
    def case_id(self) -> str:
        """site/subject/timepoint/role."""

    @property
    def site_id(self) -> str:
        """Centre."""

    @property
    def subject_id(self) -> str:
        """Identifier that the study assigned."""

    @property
    def timepoint(self) -> str:
        """Visit."""


def case_row(case: Identified, series: Sequence[SeriesHeaders] = ()) -> CaseRow:
    """Return the row of a case that has not ended: who it is, and what its headers say."""
    row = CaseRow(
        case_id=case.case_id,
        subject_id=case.subject_id,
        site_id=case.site_id,
        timepoint=case.timepoint,
    )
    if not series:
        return row
    first = series[0].frames.first
    return replace(
        row,
        modality=series[0].modality,
        study_uid=series[0].study_uid,
        series_uid=";".join(sorted({s.series_uid for s in series})),
        frame_of_reference_uid=str(first.get("FrameOfReferenceUID", "")),
        manufacturer=_text(first.get("Manufacturer")),
        model=_text(first.get("ManufacturerModelName")),
        software=_text(first.get("SoftwareVersions")),
    )


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value.strip()
    if hasattr(value, "__iter__"):
        return "\\".join(str(item).strip() for item in value)
    return str(value)


def fact_rows(
    plan: CasePlan, series_uid: str, facts: Sequence[Fact], devices: DeviceNames
) -> list[FactRow]:
    """Return rows of ``facts.csv``, scanners as the study names them."""
    return [
        FactRow(
            case_id=plan.case_id,
            series_uid=series_uid,
            fact=fact.fact,
            value=devices.veiled(fact.value, fact.tags),
            unit=fact.unit,
            tags=fact.tags,
            flags=fact.flags,
        )
        for fact in facts
    ]


def check_row(
    check: CheckResult, case_id: str = "", devices: DeviceNames | None = None
) -> CheckRow:
    """Return a row of ``checks.csv``; the case is empty above series.

    Parameters
    ----------
    check : CheckResult
    case_id : str
    devices : DeviceNames, optional
        How the study names scanners; what is kept for wider scopes is veiled already.
    """
    row = check.row()
    if devices is not None:
        row |= {name: devices.veiled(row[name], check.tags) for name in ("observed", "expected")}
    return CheckRow(case_id=case_id if check.scope == "series" else "", **row)


def roi_rows(
    plan: CasePlan,
    regions: Mapping[str, Sequence[RoiResult]],
    refusals: Mapping[RoiKey, BiomarkerError],
) -> dict[RoiKey, AuditedRoiRow]:
    """Return rows of ``rois.csv``.

    Parameters
    ----------
    plan : CasePlan
    regions : mapping
        Image -> the regions that were imported onto its grid.
    refusals : mapping
        Why a region that was imported could not be measured.
    """
    rows = {}
    for image, rois in regions.items():
        for roi in rois:
            key = RoiKey(roi.roi_id, image)
            row = replace(roi.row(plan.case_id), roi_id=key.roi_id(plan.primary.name))
            why = refusals.get(key)
            if why is not None:
                row = replace(row, error_code=why.code, error_message=str(why))
            rows[key] = row
    return rows


def skipped_roi_rows(
    case_id: str, image: str, rois: Iterable[str], error: tuple[str, str]
) -> dict[RoiKey, AuditedRoiRow]:
    """Return a row for every ROI that was asked for but never reached.

    Parameters
    ----------
    case_id : str
    image : str
        Name of the primary image.
    rois : iterable of str
    error : tuple of str
        Code and message.
    """
    code, message = error
    return {
        RoiKey(name, image): AuditedRoiRow(
            case_id=case_id,
            roi_id=name,
            roi_name=name,
            roi_label="",
            status="skipped",
            error_code=code,
            error_message=message,
        )
        for name in rois
    }


def measurement_rows(
    plan: CasePlan,
    roi_id: str,
    analysis_id: str,
    measurements: Sequence[Measurement],
    flags: frozenset[str],
) -> list[MeasurementRow]:
    """Return rows of ``measurements.csv``."""
    return [
        MeasurementRow(
            case_id=plan.case_id,
            roi_id=roi_id,
            analysis_id=analysis_id,
            feature_id=m.feature_id,
            value=m.value,
            unit=m.unit,
            status=m.status.value,
            flags=flags | m.flags,
        )
        for m in measurements
    ]


def diameter_rows(
    plan: CasePlan, roi_id: str, analysis_id: str, measurements: Iterable[Measurement]
) -> list[DiameterRow]:
    """Return rows of ``diameters.csv``: one for each length that was read off a line."""
    rows = []
    for m in measurements:
        line = m.caliper
        if line is None:
            continue
        ends = zip(("start", "end"), (line.start_mm, line.end_mm), strict=True)
        places = {
            f"{name}_{axis}_mm": value
            for name, end in ends
            for axis, value in zip("xyz", end, strict=True)
        }
        row = DiameterRow(
            case_id=plan.case_id,
            roi_id=roi_id,
            analysis_id=analysis_id,
            feature_id=m.feature_id,
            **places,
            **{f"normal_{axis}": value for axis, value in zip("xyz", line.normal, strict=True)},
            slice_index=line.slice_index,
            slice_uid=line.slice_uid,
            frame_number=line.frame_number,
            slice_thickness_mm=line.slice_thickness_mm,
            n_components=line.n_components,
            mask_sha256=line.mask_sha256,
        )
        rows.append(row)
    return rows


def feature_rows(
    analysis: Analysis, prepared: PreparedImage, measurements: Iterable[Measurement]
) -> list[FeatureRow]:
    """Return the dictionary rows (``features.csv``) of what was measured."""
    ident, sha256 = analysis.ident, analysis.document.sha256
    engine, engine_version = analysis.engine
    return [
        FeatureRow(
            analysis_id=ident,
            analysis_sha256=sha256,
            feature_id=m.feature_id,
            name=m.definition.name_on(m.image),
            family=m.definition.family,
            aggregation=m.definition.aggregation,
            unit_ucum=m.unit,
            ibsi_id=m.definition.ibsi_id,
            dicom_code=m.definition.dicom_code,
            pyradiomics_name=m.definition.pyradiomics_name,
            engine=engine,
            engine_version=engine_version,
            ibsi_benchmarked=prepared.is_benchmarked(m),
            definition_version=m.definition.definition_version,
            reference=m.definition.reference,
            **prepared.describe_image(m.image),
        )
        for m in measurements
    ]
