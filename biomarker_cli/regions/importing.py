"""Import the ROIs of a segmentation file for an image.

What concerns the whole file (unreadable, another frame of reference) is raised;
what concerns one ROI becomes the status of its row, and the others go on.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from biomarker_cli.imaging.region import AuditValue, Region
from biomarker_cli.imaging.stored import Contents
from biomarker_cli.model.errors import CaseError
from biomarker_cli.regions.entries import References, RoiEntry, Segmentation, shortened
from biomarker_cli.regions.errors import RegionError
from biomarker_cli.regions.judging import judge_drawing
from biomarker_cli.regions.naming import Selection, select
from biomarker_cli.regions.opening import open_segmentation
from biomarker_cli.regions.result import RoiResult
from biomarker_cli.regions.rules import RegionRules, RoiNames
from biomarker_cli.regions.target import ImageTarget

EMPTY_CODES = frozenset({"REGION-NO-CONTOURS", "REGION-EMPTY", "REGION-OUTSIDE"})
SKIPPED_CODES = frozenset({"REGION-NOT-CLOSED"})


def list_rois(path: Path) -> list[RoiEntry]:
    """Return what a segmentation file holds; no image is needed.

    Raises
    ------
    CaseError
        Where the file cannot be read, or is no segmentation.
    """
    with _odd_values_allowed():
        return list(open_segmentation(path).entries)


def referred_to(
    path: Path, contents: Contents | None = None
) -> tuple[frozenset[str], frozenset[str]]:
    """Return the series and the instances that the ROIs of a segmentation were made on.

    Parameters
    ----------
    path : Path
    contents : mapping, optional
        Bytes of the file: those of a case.

    Raises
    ------
    CaseError
        Where the file cannot be read, or is no segmentation.
    """
    series: set[str] = set()
    instances: set[str] = set()
    with _odd_values_allowed():
        segmentation = open_segmentation(path, contents)
        for entry in segmentation.entries:
            try:
                references = segmentation.references(entry)
            except CaseError:
                # It has a row of its own that says why; the others tell the image.
                continue
            series |= references.series_uids
            instances |= references.sop_instance_uids
    return frozenset(series), frozenset(instances)


def import_regions(
    path: Path,
    target: ImageTarget,
    rules: RegionRules,
    names: RoiNames | None = None,
    wanted: Iterable[str] = (),
    frame_of_reference_override: bool = False,
    contents: Contents | None = None,
) -> list[RoiResult]:
    """Turn the ROIs of a segmentation file into regions of an image.

    Parameters
    ----------
    path : Path
        RTSTRUCT, DICOM SEG, NIfTI, NRRD (also .seg.nrrd) or MHA.
    target : ImageTarget
        The image.
    rules : RegionRules
        From the analysis protocol.
    names : RoiNames, optional
        Map from canonical names to names of sites. Without it `roi_id` is the label.
    wanted : iterable of str
        Names that must have a row; without any, every ROI of the file has one.
    frame_of_reference_override : bool
        The study says that a segmentation of another frame of reference fits.
    contents : mapping, optional
        Bytes of the files of the segmentation (`files_of_segmentation`): those of a case.

    Returns
    -------
    list of RoiResult
        In the order of `wanted`, else of the file.

    Raises
    ------
    RegionError
        ``REGION-FRAME-OF-REFERENCE``, or another failure of the whole file.
    """
    with _odd_values_allowed():
        segmentation = open_segmentation(path, contents)
        selections = select(segmentation.entries, names, wanted)
        if not frame_of_reference_override:
            _require_frame_of_reference(segmentation, target)
        of_file = frozenset(
            () if all(e.is_described for e in segmentation.entries) else {"orphans_in_file"}
        )
        return [
            _result(selection, segmentation, target, rules, frame_of_reference_override, of_file)
            for selection in selections
        ]


@contextmanager
def _odd_values_allowed() -> Iterator[None]:
    """Keep pydicom from warning of values that break their representation's limits.

    ``CLOSED_PLANAR_XOR`` is one character too long, and long names are common.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="pydicom")
        yield


def _is_other_frame(entry: RoiEntry, target: ImageTarget) -> bool:
    both = entry.frame_of_reference_uid and target.frame_of_reference_uid
    return bool(both) and entry.frame_of_reference_uid != target.frame_of_reference_uid


def _require_frame_of_reference(segmentation: Segmentation, target: ImageTarget) -> None:
    entries = [entry for entry in segmentation.entries if entry.is_described]
    if entries and all(_is_other_frame(entry, target) for entry in entries):
        raise _other_frame(entries[0], target, segmentation.path)


def _other_frame(entry: RoiEntry, target: ImageTarget, path: Path) -> RegionError:
    return RegionError(
        "REGION-FRAME-OF-REFERENCE",
        f"the image has frame of reference {target.frame_of_reference_uid}, the segmentation "
        f"{entry.frame_of_reference_uid}: their coordinates cannot be compared",
        where=path.name,
        hint="Choose the segmentation of this image, or say in the study that it fits "
        "(other_frame_of_reference).",
    )


def _result(
    selection: Selection,
    segmentation: Segmentation,
    target: ImageTarget,
    rules: RegionRules,
    override: bool,
    file_flags: frozenset[str],
) -> RoiResult:
    entry = selection.entry
    if entry is None:
        return _problem_row(selection, segmentation)
    audit: dict[str, AuditValue] = {
        "source_file": segmentation.path.name,
        "code": entry.code,
        "code_meaning": entry.code_meaning,
        "tracking_uid": entry.tracking_uid,
    }
    status, problem, region, cross_series = "ok", None, None, None
    flags = entry.flags | file_flags
    try:
        references = segmentation.references(entry)
        audit["source_series_uids"] = ";".join(sorted(references.series_uids))
        cross_series = references.is_other_series(target)
        flags |= _frame_flags(entry, target, segmentation, override)
        flags |= _series_flags(references, target, rules, segmentation.path, segmentation.uid)
        drawing = segmentation.draw(entry, target, rules)
        audit |= drawing.audit
        drawing = judge_drawing(drawing, target, rules, shortened(entry.label))
        audit |= drawing.audit
        flags |= drawing.flags
        region = Region(drawing.crop, target.geometry, entry.label, selection.roi_id, audit, flags)
    except CaseError as error:
        status, problem = status_of_error(error, rules), error
    except Exception as unexpected:  # noqa: BLE001 - becomes the row of its ROI; others go on
        status, problem = "failed", _unexpected(unexpected, segmentation.path)
    return RoiResult(
        roi_id=selection.roi_id,
        roi_name=selection.roi_name,
        roi_label=entry.label,
        status=status,
        error_code=problem.code if problem else "",
        error_message=str(problem) if problem else "",
        source_kind=segmentation.kind,
        source_uid=segmentation.uid,
        segment_number=entry.number,
        cross_series=cross_series,
        region=region,
        audit=audit,
        flags=flags,
    )


def _unexpected(error: Exception, path: Path) -> RegionError:
    logging.getLogger(__name__).error("a ROI of %s", path.name, exc_info=error)
    return RegionError(
        "REGION-INTERNAL",
        f"an unexpected {type(error).__name__} stopped the ROI",
        where=path.name,
        hint="The other ROIs went on; please report it.",
    )


def _problem_row(selection: Selection, segmentation: Segmentation) -> RoiResult:
    problem = selection.problem
    code = problem.code if problem else ""
    return RoiResult(
        roi_id=selection.roi_id,
        roi_name=selection.roi_name,
        roi_label="",
        status="missing" if code == "REGION-NOT-FOUND" else "failed",
        error_code=code,
        error_message=str(problem) if problem else "",
        source_kind=segmentation.kind,
        source_uid=segmentation.uid,
        audit={"source_file": segmentation.path.name},
    )


def _frame_flags(
    entry: RoiEntry, target: ImageTarget, segmentation: Segmentation, override: bool
) -> frozenset[str]:
    if not entry.is_described:
        return frozenset()
    if _is_other_frame(entry, target):
        if not override:
            raise _other_frame(entry, target, segmentation.path)
        return frozenset({"frame_of_reference_override"})
    named = entry.frame_of_reference_uid and target.frame_of_reference_uid
    # Only DICOM has frames of reference; label images are held against the grid.
    unknown = segmentation.uid and not named
    return frozenset({"frame_of_reference_unknown"} if unknown else ())


def _series_flags(
    references: References, target: ImageTarget, rules: RegionRules, path: Path, uid: str
) -> frozenset[str]:
    is_other = references.is_other_series(target)
    if is_other is None and rules.cross_series == "forbid" and uid and target.series_uid:
        raise RegionError(
            "REGION-CROSS-SERIES",
            "the segmentation does not say which series it was made on, and the analysis protocol "
            "forbids another one",
            where=path.name,
            hint="Export it with its references, or set 'cross_series: allow'.",
        )
    if not is_other:
        other = references.are_other_instances(target)
        return frozenset({"instances_unmatched"} if other else ())
    if rules.cross_series == "forbid":
        raise RegionError(
            "REGION-CROSS-SERIES",
            "the segmentation was made on another series, which the analysis protocol forbids",
            where=path.name,
            hint="Use the segmentation of this series, or set 'cross_series: allow'.",
        )
    return frozenset({"cross_series"})


def status_of_error(error: CaseError, rules: RegionRules) -> str:
    """Return the status of the row of a ROI that was refused."""
    if error.code in EMPTY_CODES:
        return "empty" if rules.empty == "row" else "failed"
    return "skipped" if error.code in SKIPPED_CODES else "failed"
