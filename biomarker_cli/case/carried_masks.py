"""The mask of another case of the subject, carried to the image of this one.

The mask goes to the image, never the image to the mask: each image is measured on its own
grid. A registration that did not pass its checks stops the case, and a single mask that did
not fails by itself, unless the study accepts it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from biomarker_cli.case.checked_series import flags_of_mask_source
from biomarker_cli.case.registration_rows import carried_case_rows
from biomarker_cli.imaging.region import Region
from biomarker_cli.model.errors import CaseError
from biomarker_cli.regions.entries import Drawing, shortened
from biomarker_cli.regions.importing import import_regions, status_of_error
from biomarker_cli.regions.judging import judge_drawing
from biomarker_cli.regions.rules import RoiNames
from biomarker_cli.regions.target import ImageTarget
from biomarker_cli.registration.carrying import CarriedMask, RefusedMask, carry_each
from biomarker_cli.registration.checks import told
from biomarker_cli.registration.errors import RegistrationError
from biomarker_cli.registration.given_transforms import transform_in
from biomarker_cli.registration.pairs import frame_of_reference_of
from biomarker_cli.registration.registering import Registration, register

if TYPE_CHECKING:
    from biomarker_cli.case.image_inputs import ImageInputs
    from biomarker_cli.case.inputs import CaseInputs
    from biomarker_cli.case.other_cases import Acceptance, CarryOrder
    from biomarker_cli.imaging.volume import Volume
    from biomarker_cli.model.arrays import FloatArray
    from biomarker_cli.regions.result import RoiResult
    from biomarker_cli.regions.rules import RegionRules
    from biomarker_cli.tables.rows import RegistrationRow

PROPAGATED_FLAG = "mask_propagated"
ACCEPTED_FLAG = "registration_accepted"


@dataclass(frozen=True)
class CarriedRegions:
    """What became of a mask that was carried.

    Attributes
    ----------
    rois : list of RoiResult
        On the grid of the image that is measured; none where the case stops.
    rows : list of RegistrationRow
    refusal : RegistrationError or None
        Why the case stops.
    """

    rois: list[RoiResult]
    rows: list[RegistrationRow]
    refusal: RegistrationError | None = None


def carried_regions(
    case: CaseInputs,
    image: ImageInputs,
    measured: Volume,
    rules: RegionRules,
    names: RoiNames | None,
) -> CarriedRegions:
    """Import the mask of another case on its own image, and carry it to this one.

    Parameters
    ----------
    case : CaseInputs
        Of a plan that names a mask to carry.
    image : ImageInputs
        What is measured.
    measured : Volume
        The same as a quantity: its grid takes the mask.
    rules : RegionRules
    names : RoiNames or None

    Raises
    ------
    CaseError
        Where an image, the mask or the transform cannot be read, or the images cannot be
        registered.
    """
    plan = case.plan
    order = plan.carried
    assert order is not None  # noqa: S101 - the caller has looked
    assert order.source.mask is not None  # noqa: S101 - it is the mask that is carried
    fixed = case.volume_of_other(order.source)
    rois = import_regions(
        order.source.mask,
        ImageTarget.from_volume(fixed),
        rules,
        names,
        plan.wanted_rois,
        frame_of_reference_override=order.source.other_frame_of_reference,
        contents=case.files or None,
    )
    regions = [roi.region for roi in rois if roi.region is not None]
    if not regions:
        return CarriedRegions(rois, [])
    # The image as it was stored, as `register` takes it; maps are made of several volumes.
    moving = image.volume() if image.is_single else measured
    found = register(fixed, moving, order.protocol, regions, _given(case, order, fixed, moving))
    rule_of = (names or RoiNames({})).carry_of
    carried, refused = carry_each(regions, found, measured.geometry, rule_of)
    accepted = _acceptance(order, found)
    rows = carried_case_rows(plan.case_id, order, found, carried, accepted)
    refusal = _refusal(found) if accepted is None else None
    if refusal is not None:
        return CarriedRegions([], rows, refusal)
    flags = {f"{PROPAGATED_FLAG}:{found.registration_id}"} | flags_of_mask_source(case)
    flags |= order.protocol.document.standing_flags
    on = ImageTarget.from_volume(measured), rules, frozenset(flags)
    masks: dict[str, CarriedMask | RefusedMask] = {one.region.name: one for one in carried}
    masks |= {one.region.name: one for one in refused}
    taken = [_carried_roi(roi, masks.get(roi.roi_id), on, accepted) for roi in rois]
    return CarriedRegions(taken, rows)


def _given(case: CaseInputs, order: CarryOrder, fixed: Volume, moving: Volume) -> FloatArray | None:
    """Return the transform that the study names; None where one is to be found."""
    if order.transform is None:
        return None
    frames = [frame_of_reference_of(one) for one in (fixed, moving)]
    return transform_in(case.files.content(order.transform), order.transform, *frames)


def _acceptance(order: CarryOrder, found: Registration) -> Acceptance | None:
    """Return the acceptance that speaks of a registration."""
    accepted = order.acceptance
    return accepted if accepted and accepted.holds_for(found.registration_id) else None


def _refusal(found: Registration) -> RegistrationError | None:
    """Return why a registration as a whole is not taken: what the points of the body say."""
    body = next(one for one in found.rois if not one.roi_id)
    if body.status == "ok":
        return None
    what = "needs a person" if body.status == "review" else "failed its checks"
    return RegistrationError(
        "REGISTRATION-NOT-ACCEPTED",
        f"the registration {found.registration_id} {what}: {told(body.verdicts)}",
        hint="Look at it with `biomarker register`; the study may accept it by name "
        "(registrations: accept).",
    )


def _carried_roi(
    roi: RoiResult,
    mask: CarriedMask | RefusedMask | None,
    on: tuple[ImageTarget, RegionRules, frozenset[str]],
    accepted: Acceptance | None,
) -> RoiResult:
    """Return a ROI on the grid of the image; one that had no voxels stays what it was."""
    if mask is None:
        return roi
    if isinstance(mask, RefusedMask):
        code, message = mask.error.code, str(mask.error)
        return replace(
            roi,
            status=status_of_error(mask.error, on[1]),
            error_code=code,
            error_message=message,
            region=None,
        )
    target, rules, flags = on
    flags |= roi.flags
    audit = {
        **roi.audit,
        "is_resampled": True,
        "source_volume_mm3": mask.volume_ml * 1000.0,
        "volume_change_fraction": mask.volume_change_percent / 100.0,
        "clipped_fraction": mask.cut_percent / 100.0,
    }
    problem: CaseError | None = None
    region = None
    try:
        if mask.status != "ok":
            if accepted is None:
                raise _not_carried(mask)
            flags |= {ACCEPTED_FLAG}
        drawing = Drawing(mask.region.crop, audit, flags)
        drawing = judge_drawing(drawing, target, rules, shortened(roi.roi_label))
        audit, flags = dict(drawing.audit), drawing.flags
        region = Region(drawing.crop, target.geometry, roi.roi_label, roi.roi_id, audit, flags)
    except CaseError as error:
        problem = error
    return replace(
        roi,
        status="ok" if problem is None else status_of_error(problem, rules),
        error_code=problem.code if problem else "",
        error_message=str(problem) if problem else "",
        region=region,
        audit=audit,
        flags=flags,
    )


def _not_carried(mask: CarriedMask) -> RegistrationError:
    what = "needs a person" if mask.status == "review" else "failed its checks"
    return RegistrationError(
        "REGISTRATION-NOT-ACCEPTED",
        f"the carried mask {what}: its volume changed by {mask.volume_change_percent:.1f} %, "
        f"{mask.cut_percent:.1f} % of it the image does not show",
        where=shortened(mask.region.name),
        hint="registrations.csv has the figures; the study may accept it by name "
        "(registrations: accept).",
    )
