"""Run one case: header facts, checks, image, regions, measurements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from biomarker_cli.acquisition.results import CheckResult, Outcome
from biomarker_cli.case.analysis import Analysis
from biomarker_cli.case.checked_series import broken_rules, series_checks
from biomarker_cli.case.inputs import CaseInputs, pixels_of
from biomarker_cli.case.plan import CasePlan
from biomarker_cli.case.plausibility import implausible_voxels
from biomarker_cli.case.preparing import prepare
from biomarker_cli.case.required_regions import missing_regions
from biomarker_cli.case.result import CaseResult, CaseStatus, Note, RoiKey
from biomarker_cli.case.rows import (
    case_row,
    check_row,
    diameter_rows,
    fact_rows,
    feature_rows,
    measurement_rows,
    roi_rows,
    skipped_roi_rows,
)
from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.model.inputs import CHANGED
from biomarker_cli.regions.importing import import_regions
from biomarker_cli.regions.target import ImageTarget

if TYPE_CHECKING:
    from biomarker_cli.acquisition.devices import DeviceNames
    from biomarker_cli.case.keeping import Keeper
    from biomarker_cli.imaging.prepared_image import Measured, PreparedImage
    from biomarker_cli.imaging.region import Region
    from biomarker_cli.imaging.volume import Volume
    from biomarker_cli.regions.result import RoiResult
    from biomarker_cli.tables.rows import (
        CaseRow,
        DiameterRow,
        FactRow,
        FeatureRow,
        MeasurementRow,
        RegistrationRow,
    )


@dataclass
class _Progress:
    """What a case has produced so far; lives within one call of `run_case`."""

    plan: CasePlan
    case: CaseInputs
    row: CaseRow
    facts: list[FactRow] = field(default_factory=list)
    series: dict[str, set[str]] = field(default_factory=dict)
    checks: list[CheckResult] = field(default_factory=list)
    regions: dict[str, list[RoiResult]] = field(default_factory=dict)
    refusals: dict[RoiKey, BiomarkerError] = field(default_factory=dict)
    measurements: list[MeasurementRow] = field(default_factory=list)
    diameters: list[DiameterRow] = field(default_factory=list)
    registrations: list[RegistrationRow] = field(default_factory=list)
    features: dict[tuple[str, str], FeatureRow] = field(default_factory=dict)
    derivations: dict[str, Any] = field(default_factory=dict)
    readings: list[dict[str, Any]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    devices: DeviceNames | None = None
    keeper: Keeper | None = None

    def __post_init__(self) -> None:
        if self.plan.keep is not None:
            # Most cases keep nothing, and do without what writes it.
            from biomarker_cli.case.keeping import Keeper

            self.keeper = Keeper(self.plan.keep)

    def note(self, text: str, roi_id: str = "") -> None:
        self.notes.append(Note(text, roi_id))

    def result(self, status: CaseStatus, code: str = "", message: str = "") -> CaseResult:
        plan = self.plan
        inputs = self.case.read_all()
        return CaseResult(
            role=plan.role,
            case=replace(self.row, status=status.value, error_code=code, error_message=message),
            rois=roi_rows(plan, self.regions, self.refusals)
            or skipped_roi_rows(plan.case_id, plan.primary.name, plan.wanted_rois, (code, message)),
            measurements=self.measurements,
            facts=self.facts,
            checks=[check_row(check, plan.case_id, self.devices) for check in self.checks],
            diameters=self.diameters,
            registrations=self.registrations,
            features=list(self.features.values()),
            derivations=self.derivations,
            readings=self.readings,
            notes=self.notes,
            inputs=inputs,
            pixels=pixels_of(plan, inputs),
            kept=self.keeper.kept if self.keeper else None,
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
    progress = _Progress(plan, CaseInputs(plan), case_row(plan))
    try:
        _examine_headers(progress)
        failed = broken_rules(progress.checks)
        if failed and plan.on_violation == "exclude":
            return progress.result(
                CaseStatus.EXCLUDED,
                "CASE-EXCLUDED",
                f"acquisition rules are broken: {', '.join(failed)}",
            )
        if plan.awaits_mask:
            return progress.result(
                CaseStatus.WAITING, "CASE-NO-MASK", "the case has no segmentation yet"
            )
        return _measure(progress)
    except BiomarkerError as error:
        # What an earlier analysis measured stays measured.
        status = CaseStatus.PARTIAL if progress.measurements else CaseStatus.FAILED
        return progress.result(status, error.code, str(error))


def keep_case(plan: CasePlan) -> CaseResult:
    """Keep what a case was measured on, which is read again; nothing is measured.

    Parameters
    ----------
    plan : CasePlan
        Of a case that was measured, and whose files are what they were.

    Returns
    -------
    CaseResult
        What was kept and read, and no row of a table.
    """
    progress = _Progress(plan, CaseInputs(plan), case_row(plan))
    try:
        for analysis, prepared in _prepared_images(progress):
            _keep(progress, analysis, prepared)
    except BiomarkerError as error:
        # What an analysis refuses, it has refused when the case was measured.
        if error.code == CHANGED:
            from biomarker_cli.case.keeping import FILES_CHANGED, Kept, keep_failed

            problem = keep_failed(FILES_CHANGED)
            return CaseResult(plan.role, progress.row, kept=Kept(problem=problem))
    kept = progress.keeper.kept if progress.keeper else None
    return CaseResult(plan.role, progress.row, inputs=progress.case.read_all(), kept=kept)


def _examine_headers(progress: _Progress) -> None:
    """Facts and checks come before pixels: a volume that is refused still has them."""
    plan = progress.plan
    images = [image for image in progress.case.images.values() if not image.is_declared]
    if not images:
        return
    # Files of other formats have no header, so that their cases do without these rooms.
    from biomarker_cli.acquisition.devices import DeviceNames
    from biomarker_cli.acquisition.header_facts import facts_by_series
    from biomarker_cli.acquisition.kept import keep_readings
    from biomarker_cli.acquisition.series import series_of

    series = []
    for image in images:
        read = series_of(image.candidates(), image.dicom.frames)
        own = [one.in_study(image.plan.name, plan.subject) for one in read]
        progress.series[image.plan.name] = {one.series_uid for one in own}
        if image.plan is plan.primary:
            progress.row = case_row(plan, own)
        series += own
    devices = progress.devices = DeviceNames(plan.device_key, series)
    told = facts_by_series(series)
    progress.facts = [
        row for uid, facts in told.items() for row in fact_rows(plan, uid, facts, devices)
    ]
    if plan.acquisition is not None:
        progress.readings = keep_readings(plan.acquisition, series, devices)
        progress.checks = series_checks(plan.acquisition, plan.waivers, series)
        for check in progress.checks:
            if check.outcome is Outcome.WAIVED:
                progress.note(f"{check.rule_id}: {check.reason}")


_FLAG_OF_OUTCOME = MappingProxyType(
    {Outcome.NOT_EVALUABLE: "acq_not_evaluable", Outcome.WAIVED: "acq_waived"}
)


def _flags_of_image(progress: _Progress, name: str) -> frozenset[str]:
    """Return what all rows of an image carry; what is wrong with another is not its own."""
    plan = progress.plan
    elsewhere = {uid for other, uids in progress.series.items() if other != name for uid in uids}
    elsewhere -= progress.series.get(name, set())
    checks = [check for check in progress.checks if check.series_uid not in elsewhere]
    flags = set(plan.flags) | {f"acq_fail:{rule}" for rule in broken_rules(checks)}
    flags |= {
        f"{_FLAG_OF_OUTCOME[check.outcome]}:{check.rule_id}"
        for check in checks
        if check.outcome in _FLAG_OF_OUTCOME and check.severity == "error"
    }
    if plan.acquisition is not None:
        flags |= plan.acquisition.document.standing_flags
    return frozenset(flags)


def _measure(progress: _Progress) -> CaseResult:
    plan = progress.plan
    for analysis, prepared in _prepared_images(progress):
        _measure_regions(progress, analysis, prepared)
        _keep(progress, analysis, prepared)
    if not progress.measurements:
        return progress.result(
            CaseStatus.FAILED, "CASE-NO-MEASUREMENT", "no region could be measured"
        )
    bad = progress.refusals or any(
        _is_bad(plan, roi) for rois in progress.regions.values() for roi in rois
    )
    return progress.result(CaseStatus.PARTIAL if bad else CaseStatus.MEASURED)


def _prepared_images(progress: _Progress) -> Iterator[tuple[Analysis, PreparedImage]]:
    """Yield each analysis with its image, whose regions are imported.

    The other analyses of a case go on where one is refused; at the end the first refusal
    is raised, which names the status of the case.
    """
    plan = progress.plan
    unusable: set[str] = set()
    refusal: BiomarkerError | None = None
    for analysis in plan.analyses:
        image = plan.image_of(analysis)
        if image.name in unusable:
            continue
        try:
            prepared = _prepare(progress, analysis)
        except BiomarkerError as error:
            refusal = refusal or error
            progress.note(f"{analysis.ident}: {error.code} {error}")
            continue
        if prepared.derivation:
            progress.derivations[analysis.ident] = dict(prepared.derivation)
        if image is plan.primary:
            x, y, z = prepared.volume.geometry.spacing_mm
            progress.row = replace(progress.row, voxel_x_mm=x, voxel_y_mm=y, voxel_z_mm=z)
        if image.name not in progress.regions:
            try:
                rois = _import(progress, analysis, prepared.volume)
            except BiomarkerError as error:
                # No other analysis of this image has regions; those of other images go on.
                refusal = refusal or error
                unusable.add(image.name)
                continue
            progress.regions[image.name] = rois
        progress.regions[image.name] += missing_regions(
            plan, analysis, progress.regions[image.name]
        )
        yield analysis, prepared
    if refusal is not None:
        raise refusal


def _keep(progress: _Progress, analysis: Analysis, prepared: PreparedImage) -> None:
    if progress.keeper is None:
        return
    image = progress.plan.image_of(analysis).name
    regions = [
        (RoiKey(roi.roi_id, image).roi_id(progress.plan.primary.name), roi.region)
        for roi in progress.regions[image]
        if roi.region is not None
    ]
    progress.keeper.take(analysis.ident, image, prepared, regions)


def _is_bad(plan: CasePlan, roi: RoiResult) -> bool:
    """Whether a region that should be there is not; an empty one only where it was asked for."""
    return roi.status in {"failed", "missing"} or (
        roi.status == "empty" and roi.roi_id in plan.wanted_rois
    )


def _prepare(progress: _Progress, analysis: Analysis) -> PreparedImage:
    """Prepare the image; what is refused leaves behind how far its derivation came."""
    try:
        return prepare(progress.case, analysis)
    except BiomarkerError as error:
        if error.derivation:
            refusal = {"error_code": error.code, "error_message": str(error)}
            progress.derivations[analysis.ident] = {**refusal, **error.derivation}
        raise


def _import(progress: _Progress, analysis: Analysis, volume: Volume) -> list[RoiResult]:
    case, plan, protocol = progress.case, progress.plan, analysis.protocol
    if plan.carried is not None:
        # Most cases have a mask of their own, and do without the room.
        from biomarker_cli.case.carried_masks import carried_regions

        names = plan.roi_names or protocol.rois
        carried = carried_regions(case, case.image_of(analysis), volume, protocol.regions, names)
        progress.registrations += carried.rows
        if carried.refusal is not None:
            raise carried.refusal
        return carried.rois
    assert plan.mask is not None  # noqa: S101 - a case without one waits
    rois = import_regions(
        plan.mask,
        ImageTarget.from_volume(volume),
        protocol.regions,
        plan.roi_names or protocol.rois,
        plan.wanted_rois,
        frame_of_reference_override=plan.other_frame_of_reference,
        contents=case.files or None,
    )
    if plan.frame_check is not None:
        from biomarker_cli.case.frame_checks import with_frame_checks

        rois, notes = with_frame_checks(case, case.image_of(analysis), volume, rois)
        for text in notes:
            progress.note(text)
    return rois


def _measure_regions(progress: _Progress, analysis: Analysis, prepared: PreparedImage) -> None:
    """Measure every region that was imported; one that is refused is noted with its reason."""
    image = progress.plan.image_of(analysis).name
    flags = _flags_of_image(progress, image) | prepared.volume.flags
    flags |= analysis.document.standing_flags
    if prepared.volume.frames.is_burned_in:
        flags |= {"burned_in_annotation"}
    regions = [
        (RoiKey(roi.roi_id, image), roi.region)
        for roi in progress.regions[image]
        if roi.region is not None
    ]
    measured = _measured(prepared, [region for _, region in regions])
    for key, region in regions:
        roi_id = key.roi_id(progress.plan.primary.name)
        found = measured[region.name]
        if isinstance(found, BiomarkerError):
            progress.refusals[key] = found
            progress.note(f"{analysis.ident}: {found.code} {found}", roi_id)
            continue
        own = flags | region.flags
        doubt = implausible_voxels(prepared.volume, region, analysis.protocol.plausible_hu)
        if doubt:
            own |= {"implausible"}
            progress.note(f"{analysis.ident}: {doubt}", roi_id)
        progress.measurements += measurement_rows(progress.plan, roi_id, analysis.ident, found, own)
        progress.diameters += diameter_rows(progress.plan, roi_id, analysis.ident, found)
        for measurement in found:
            if measurement.reason:
                progress.note(f"{measurement.feature_id}: {measurement.reason}", roi_id)
        new = [m for m in found if (analysis.ident, m.feature_id) not in progress.features]
        for row in feature_rows(analysis, prepared, new):
            progress.features[row.analysis_id, row.feature_id] = row


def _measured(prepared: PreparedImage, regions: Sequence[Region]) -> Mapping[str, Measured]:
    """Measure the regions of a case together; what refuses them all stands for each."""
    try:
        return prepared.measure(regions)
    except BiomarkerError as error:
        return {region.name: error for region in regions}
