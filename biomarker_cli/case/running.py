"""Run one case: header facts, checks, image, regions, measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from biomarker_cli.acquisition.results import CheckResult, Outcome
from biomarker_cli.case.analysis import Analysis
from biomarker_cli.case.inputs import CaseInputs, pixels_of
from biomarker_cli.case.plan import CasePlan
from biomarker_cli.case.plausibility import implausible_voxels
from biomarker_cli.case.prepared import Measured, Prepared, prepare
from biomarker_cli.case.result import CaseResult, CaseStatus, Row
from biomarker_cli.case.rows import (
    case_row,
    check_rows,
    fact_rows,
    feature_rows,
    measurement_rows,
    roi_rows,
    skipped_roi_rows,
)
from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.pet.errors import SuvError
from biomarker_cli.regions.importing import import_regions
from biomarker_cli.regions.target import ImageTarget

if TYPE_CHECKING:
    from biomarker_cli.acquisition.devices import DeviceNames
    from biomarker_cli.imaging.region import Region
    from biomarker_cli.regions.result import RoiResult
    from biomarker_cli.regions.rules import RegionRules


@dataclass
class _Progress:
    """What a case has produced so far; lives within one call of `run_case`."""

    plan: CasePlan
    case: CaseInputs
    headers: Row = field(default_factory=dict)
    facts: list[Row] = field(default_factory=list)
    checks: list[CheckResult] = field(default_factory=list)
    rois: list[Row] = field(default_factory=list)
    measurements: list[Row] = field(default_factory=list)
    features: list[Row] = field(default_factory=list)
    derivations: dict[str, Any] = field(default_factory=dict)
    readings: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    devices: DeviceNames | None = None

    def veiled(self, rows: list[Row]) -> list[Row]:
        """Return rows without the names of scanners, where the study does not keep them."""
        return rows if self.devices is None else [self.devices.veiled(row) for row in rows]

    def result(self, status: CaseStatus, code: str = "", message: str = "") -> CaseResult:
        row = {
            **self.headers,
            "status": status.value,
            "error_code": code,
            "error_message": message,
        }
        if not self.rois:
            self.rois = skipped_roi_rows(self.plan, code, message)
        inputs = self.case.read_all()
        return CaseResult(
            case=row,
            rois=self.rois,
            measurements=self.measurements,
            facts=self.facts,
            checks=self.veiled(check_rows(self.plan, self.checks)),
            features=self.features,
            derivations=self.derivations,
            readings=self.readings,
            notes=self.notes,
            inputs=inputs,
            pixels=pixels_of(self.plan, inputs),
        )


def run_case(plan: CasePlan) -> CaseResult:
    """Measure one case.

    A refusal by a named error becomes the status of the case; whatever was
    known before it (facts, checks) stays in the result.

    Parameters
    ----------
    plan : CasePlan

    Returns
    -------
    CaseResult
        Without its ``result_key``, which the study knows.
    """
    progress = _Progress(plan, CaseInputs(plan), headers=case_row(plan))
    try:
        _examine_headers(progress)
        failed = _violations(progress.checks)
        if failed and plan.on_violation == "exclude":
            return progress.result(
                CaseStatus.EXCLUDED,
                "CASE-EXCLUDED",
                f"acquisition rules are broken: {', '.join(failed)}",
            )
        if plan.mask is None:
            return progress.result(
                CaseStatus.WAITING, "CASE-NO-MASK", "the case has no segmentation yet"
            )
        return _measure(progress)
    except BiomarkerError as error:
        # What an earlier analysis measured stays measured.
        status = CaseStatus.PARTIAL if progress.measurements else CaseStatus.FAILED
        return progress.result(status, error.code, str(error))


def _examine_headers(progress: _Progress) -> None:
    """Facts and checks come before pixels: a volume that is refused still has them."""
    plan = progress.plan
    if plan.image_files:
        return
    # Files of other formats have no header, so that their cases do without these rooms.
    from biomarker_cli.acquisition.devices import DeviceNames
    from biomarker_cli.acquisition.evaluating import evaluate
    from biomarker_cli.acquisition.header_facts import facts_by_series
    from biomarker_cli.acquisition.kept import keep_readings
    from biomarker_cli.acquisition.series import series_of

    series = series_of(progress.case.candidates(), progress.case.dicom.frames)
    series = [one.in_study(plan.role, plan.subject) for one in series]
    progress.headers = case_row(plan, series)
    progress.devices = DeviceNames(plan.device_key, series)
    told = facts_by_series(series)
    facts = [row for uid, facts in told.items() for row in fact_rows(plan, uid, facts)]
    progress.facts = progress.veiled(facts)
    if plan.acquisition is not None:
        progress.readings = keep_readings(plan.acquisition, series, progress.devices)
        checks = evaluate(plan.acquisition, series, scopes=("series",))
        progress.checks = plan.waivers.apply(checks) if plan.waivers else checks
        progress.notes += [
            f"{check.rule_id}: {check.reason}"
            for check in progress.checks
            if check.outcome == "waived"
        ]


def _violations(checks: Sequence[CheckResult]) -> list[str]:
    return [c.rule_id for c in checks if c.outcome == "fail" and c.severity == "error"]


_FLAG_OF_OUTCOME = MappingProxyType(
    {Outcome.NOT_EVALUABLE: "acq_not_evaluable", Outcome.WAIVED: "acq_waived"}
)


def _case_flags(progress: _Progress) -> frozenset[str]:
    plan = progress.plan
    flags = set(plan.flags) | {f"acq_fail:{rule}" for rule in _violations(progress.checks)}
    flags |= {
        f"{_FLAG_OF_OUTCOME[check.outcome]}:{check.rule_id}"
        for check in progress.checks
        if check.outcome in _FLAG_OF_OUTCOME and check.severity == "error"
    }
    if plan.acquisition is not None and plan.acquisition.document.is_draft:
        flags.add("draft_protocol")
    return frozenset(flags)


def _measure(progress: _Progress) -> CaseResult:
    plan = progress.plan
    flags = _case_flags(progress)
    regions: list[RoiResult] | None = None
    n_failed = 0
    refusal: BiomarkerError | None = None
    for analysis in plan.analyses:
        try:
            prepared = _prepare(progress, analysis)
        except BiomarkerError as error:
            # The other analyses of the case go on; the first refusal names its status.
            refusal = refusal or error
            progress.notes.append(f"{analysis.ident}: {error.code} {error}")
            continue
        if prepared.derivation:
            progress.derivations[analysis.ident] = prepared.derivation
        progress.headers.update(_voxel_columns(prepared))
        if regions is None:
            regions = _import(progress.case, prepared, analysis.protocol.regions)
            progress.rois = roi_rows(plan, regions)
        n_failed += _measure_regions(progress, prepared, regions, flags)
    if refusal is not None:
        raise refusal
    n_bad = n_failed + sum(_is_bad(plan, roi) for roi in regions or ())
    if not progress.measurements:
        return progress.result(
            CaseStatus.FAILED, "CASE-NO-MEASUREMENT", "no region could be measured"
        )
    return progress.result(CaseStatus.PARTIAL if n_bad else CaseStatus.MEASURED)


def _is_bad(plan: CasePlan, roi: RoiResult) -> bool:
    """Whether a region that should be there is not; an empty one only where it was asked for."""
    return roi.status in {"failed", "missing"} or (
        roi.status == "empty" and roi.roi_id in plan.wanted_rois
    )


def _prepare(progress: _Progress, analysis: Analysis) -> Prepared:
    """Prepare the image; a refused SUV leaves behind how far its derivation came."""
    try:
        return prepare(progress.case, analysis)
    except SuvError as error:
        if error.derivation:
            refusal = {"error_code": error.code, "error_message": str(error)}
            progress.derivations[analysis.ident] = {**refusal, **error.derivation}
        raise


def _import(case: CaseInputs, prepared: Prepared, rules: RegionRules) -> list[RoiResult]:
    plan = case.plan
    assert plan.mask is not None  # noqa: S101 - a case without one waits
    return import_regions(
        plan.mask,
        ImageTarget.from_volume(prepared.volume),
        rules,
        plan.roi_names or prepared.analysis.protocol.rois,
        plan.wanted_rois,
        frame_of_reference_override=plan.other_frame_of_reference,
        contents=case.files or None,
    )


def _voxel_columns(prepared: Prepared) -> Row:
    x, y, z = prepared.volume.geometry.spacing_mm
    return {"voxel_x_mm": x, "voxel_y_mm": y, "voxel_z_mm": z}


def _measure_regions(
    progress: _Progress,
    prepared: Prepared,
    regions: Sequence[RoiResult],
    case_flags: frozenset[str],
) -> int:
    """Measure every region that was imported; return how many failed."""
    flags = case_flags | prepared.volume.flags
    if prepared.analysis.document.is_draft:
        flags |= {"draft_protocol"}
    n_failed = 0
    measured = _measured(prepared, [roi.region for roi in regions if roi.region is not None])
    for roi in regions:
        if roi.region is None:
            continue
        measurements = measured[roi.region.name]
        if isinstance(measurements, BiomarkerError):
            error = measurements
            n_failed += 1
            row = next(r for r in progress.rois if r["roi_id"] == roi.roi_id)
            row |= {"error_code": error.code, "error_message": str(error)}
            progress.notes.append(f"{prepared.analysis.ident}: {error.code} {error} [{roi.roi_id}]")
            continue
        own = flags | roi.region.flags
        doubt = implausible_voxels(
            prepared.volume, roi.region, prepared.analysis.protocol.plausible_hu
        )
        if doubt:
            own |= {"implausible"}
            progress.notes.append(f"{prepared.analysis.ident}: {doubt} [{roi.roi_id}]")
        progress.measurements += measurement_rows(progress.plan, roi, prepared, measurements, own)
        progress.notes += [
            f"{m.feature_id}: {m.reason} [{roi.roi_id}]" for m in measurements if m.reason
        ]
        known = {(f["analysis_id"], f["feature_id"]) for f in progress.features}
        progress.features += [
            row
            for row in feature_rows(prepared, measurements)
            if (row["analysis_id"], row["feature_id"]) not in known
        ]
    return n_failed


def _measured(prepared: Prepared, regions: Sequence[Region]) -> Mapping[str, Measured]:
    """Measure the regions of a case together; what refuses them all stands for each."""
    try:
        return prepared.measure(regions)
    except BiomarkerError as error:
        return {region.name: error for region in regions}
