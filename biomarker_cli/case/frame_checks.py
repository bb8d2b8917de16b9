"""Whether the frame of reference that an image shares with another holds at its regions.

A mask that was drawn on the other image lies beside its structure where the subject moved
between the two, and voxels of both do not belong together. That is said by a flag; nothing
is moved by it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from biomarker_cli.imaging.region import Region
from biomarker_cli.model.errors import CaseError
from biomarker_cli.model.inputs import CHANGED
from biomarker_cli.registration.same_frame import FrameCheck, check_frame_at

if TYPE_CHECKING:
    from biomarker_cli.case.image_inputs import ImageInputs
    from biomarker_cli.case.inputs import CaseInputs
    from biomarker_cli.imaging.volume import Volume
    from biomarker_cli.regions.result import RoiResult

NOT_ASSESSABLE_FLAG = "frame_not_assessable"

_NOT_ASSESSABLE = FrameCheck("not_assessable", None, None)


def with_frame_checks(
    case: CaseInputs, image: ImageInputs, measured: Volume, rois: Sequence[RoiResult]
) -> tuple[list[RoiResult], list[str]]:
    """Hold the image of a case against the one that names its frame of reference.

    Parameters
    ----------
    case : CaseInputs
        Of a plan that names such an image.
    image : ImageInputs
        What is measured.
    measured : Volume
        The same as a quantity.
    rois : sequence of RoiResult

    Returns
    -------
    list of RoiResult
        With the flags of what was found at each.
    list of str
        What the log says of it.

    Raises
    ------
    CaseError
        ``INPUT-CHANGED``; whatever else stops the check leaves it not assessable.
    """
    regions = [roi.region for roi in rois if roi.region is not None]
    found, problem = _found(case, image, measured, regions)
    order = case.plan.frame_check
    if order is None or not found:
        return list(rois), []
    notes = [f"{name}: {_told(one)}" for name, one in sorted(found.items())]
    other = f"frame of reference against {order.other.case_id} ({order.protocol.ident})"
    taken = [_flagged(roi, frame_flags(found.get(roi.roi_id))) for roi in rois]
    return taken, [f"{other}: {'; '.join(filter(None, [*notes, problem]))}"]


def _flagged(roi: RoiResult, flags: frozenset[str]) -> RoiResult:
    one = roi.region
    if one is None or not flags:
        return roi
    region = Region(one.crop, one.geometry, one.label, one.name, one.audit, one.flags | flags)
    return replace(roi, region=region, flags=roi.flags | flags)


def _told(found: FrameCheck) -> str:
    shift = "" if found.shift_mm is None else f", {found.shift_mm:.1f} mm from the headers"
    spread = "" if found.spread_mm is None else f", answers {found.spread_mm:.1f} mm apart"
    return f"{found.claim}{shift}{spread}"


def _found(
    case: CaseInputs, image: ImageInputs, measured: Volume, regions: Sequence[Region]
) -> tuple[Mapping[str, FrameCheck], str]:
    """Return what both images say at each region, and why they can say nothing."""
    order = case.plan.frame_check
    if order is None or not regions:
        return {}, ""
    try:
        other = case.volume_of_other(order.other)
        own = image.volume() if image.is_single else measured
        return check_frame_at(own, other, order.protocol, regions), ""
    except CaseError as error:
        if error.code == CHANGED:
            raise
        return {one.name: _NOT_ASSESSABLE for one in regions}, f"{error.code} {error}"


def frame_flags(found: FrameCheck | None) -> frozenset[str]:
    """Return what rows of a region carry of a check."""
    if found is None or found.claim == "plausible":
        return frozenset()
    if found.shift_mm is None:
        return frozenset({NOT_ASSESSABLE_FLAG})
    return frozenset({f"frame_shifted:{found.shift_mm:.1f}mm"})
