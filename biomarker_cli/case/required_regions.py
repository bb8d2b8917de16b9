"""Regions that an analysis asks for, such as the vials that a certificate names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from biomarker_cli.model.wording import quoted
from biomarker_cli.regions.errors import RegionError
from biomarker_cli.regions.result import RoiResult

if TYPE_CHECKING:
    from biomarker_cli.case.analysis import Analysis
    from biomarker_cli.case.plan import CasePlan

_LISTED = 20
"""Regions that a message lists at most."""


def missing_regions(
    plan: CasePlan, analysis: Analysis, found: Sequence[RoiResult]
) -> list[RoiResult]:
    """Return a row for each region that an analysis asks for and the segmentation lacks.

    Who names the regions that are wanted has chosen among them: others are not missed.

    Parameters
    ----------
    plan : CasePlan
    analysis : Analysis
    found : sequence of RoiResult
        What the segmentation gave.
    """
    required = analysis.room.required_regions
    if required is None or plan.wanted_rois:
        return []
    names = {roi.roi_id for roi in found}
    return [
        _missing(name, analysis.ident, found)
        for name in required(analysis.rules)
        if name not in names
    ]


def _missing(name: str, ident: str, found: Sequence[RoiResult]) -> RoiResult:
    labels = sorted({roi.roi_label for roi in found if roi.roi_label})
    listed = ", ".join(map(quoted, labels[:_LISTED])) or "no ROI"
    more = f" and {len(labels) - _LISTED} more" if len(labels) > _LISTED else ""
    error = RegionError(
        "REGION-REQUIRED",
        f"{ident} asks for the region {quoted(name)}; the segmentation has {listed}{more}",
        hint="Draw it, or map the site's name to it under `rois`; --roi chooses among them.",
    )
    first = found[0] if found else None
    return RoiResult(
        roi_id=name,
        roi_name=name,
        roi_label="",
        status="missing",
        error_code=error.code,
        error_message=str(error),
        source_kind=first.source_kind if first else "",
        source_uid=first.source_uid if first else "",
        audit={"source_file": first.audit.get("source_file")} if first else {},
    )
