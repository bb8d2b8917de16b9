"""Tracking UIDs of segmentations: what recurs at several visits is one lesion."""

from __future__ import annotations

from collections.abc import Iterable

from biomarker_cli.response.errors import ResponseError
from biomarker_cli.response.ledger import LedgerRow
from biomarker_cli.response.measured_run import MeasuredRun


def require_recurring(run: MeasuredRun, rows: Iterable[LedgerRow]) -> None:
    """Refuse a ledger that calls a tracking UID one lesion here and another there.

    A UID that stands at one visit only proves nothing: programs make a new one each time.

    Raises
    ------
    ResponseError
        ``RESPONSE-LESION-AMBIGUOUS``.
    """
    lesions: dict[str, str] = {}
    for row in rows:
        if row.state not in {"measured", "present"}:
            continue
        for roi in run.rois_of(run.cases_of(row.subject_id, row.timepoint)):
            uid = roi.get("tracking_uid")
            if roi["roi_id"] != row.roi_id or not uid:
                continue
            other = lesions.setdefault(uid, row.lesion_id)
            if other != row.lesion_id:
                raise ResponseError(
                    "RESPONSE-LESION-AMBIGUOUS",
                    f"the tracking UID of {row.lesion_id} is that of {other} as well",
                    where=row.place,
                    hint="One lesion has one lesion_id at all visits.",
                )
