"""The files of one series -> volume candidates."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from biomarker_cli.catalogue.candidate import FrameRef, VolumeCandidate, VolumeStatus
from biomarker_cli.catalogue.duplicates import drop_duplicates
from biomarker_cli.catalogue.errors import SeriesError
from biomarker_cli.catalogue.instances import DICOMDIR_CLASS, Defect, Instance, Plane, Visit
from biomarker_cli.catalogue.kinds import image_kind
from biomarker_cli.catalogue.splitting import PlaneGroup, split_planes
from biomarker_cli.catalogue.stacking import stack
from biomarker_cli.imaging.geometry import Geometry

JITTER_WORTH_A_FLAG_MM = 1e-3

NO_VOLUME_MODALITIES = {
    "NM": "nuclear medicine images keep their geometry in detector and energy vectors",
    "US": "ultrasound images have no place in the patient",
}
"""Modalities whose multi-frame images are no stacks of slices, and why."""


def series_candidates(
    files: Sequence[tuple[Instance, tuple[Plane, ...]]],
) -> list[VolumeCandidate]:
    """Return the volumes and other objects of a series.

    Parameters
    ----------
    files : sequence of (Instance, tuple of Plane)
        Every file of one series, in the order of the paths.
    """
    distinct = drop_duplicates(files)
    kept = distinct.files
    flags = frozenset({"series_duplicates_dropped"} if distinct.dropped else ())
    planes = sorted(
        (plane for _, planes in kept for plane in planes),
        key=lambda p: (p.instance.sop_instance_uid, p.frame, p.instance.path),
    )
    others = sorted(
        (instance for instance, planes in kept if not planes),
        key=lambda i: (i.sop_instance_uid, i.path),
    )
    groups = split_planes(planes) if planes else []
    found = [
        _volume_candidate(
            group,
            _suffix(number, len(groups)),
            flags,
            _lone(group, groups),
            _conflict(group, distinct.conflicts),
        )
        for number, group in enumerate(groups, start=1)
    ]
    found.extend(
        _other_object(instance, _suffix(number, len(others)))
        for number, instance in enumerate(others, start=1)
    )
    return [_with_duplicates(candidate, distinct.dropped) for candidate in found]


def _with_duplicates(
    candidate: VolumeCandidate, dropped: Mapping[str, tuple[str, ...]]
) -> VolumeCandidate:
    """Return a candidate with the paths of the copies of its files."""
    uids = dict.fromkeys(ref.sop_instance_uid for ref in candidate.refs) if dropped else ()
    copies = sorted(FrameRef(path, 0, uid) for uid in uids for path in dropped.get(uid, ()))
    return replace(candidate, duplicates=tuple(copies)) if copies else candidate


def named_by_study(candidates: Sequence[VolumeCandidate]) -> list[VolumeCandidate]:
    """Return the candidates, those of a series that several studies hold with another volume id.

    A SeriesInstanceUID belongs to one study (PS3.3 C.7.3.1). Where a tool rewrote
    one of the two, as de-identification does, nothing says which volume is meant.
    """
    studies: dict[str, set[str]] = defaultdict(set)
    for candidate in candidates:
        if candidate.study_uid and candidate.series_uid:
            studies[candidate.series_uid].add(candidate.study_uid)
    return [
        _of_study(candidate) if len(studies.get(candidate.series_uid, ())) > 1 else candidate
        for candidate in candidates
    ]


def _of_study(candidate: VolumeCandidate) -> VolumeCandidate:
    suffix = candidate.volume_id.removeprefix(candidate.series_uid)
    return replace(
        candidate,
        volume_id=f"{candidate.series_uid}@{candidate.study_uid}{suffix}",
        flags=candidate.flags | {"series_in_several_studies"},
    )


def _suffix(number: int, count: int) -> str:
    return f"#{number}" if count > 1 else ""


def _lone(group: PlaneGroup, groups: Sequence[PlaneGroup]) -> bool:
    """Tell whether a slice has an orientation that no other slice of its series has."""
    if len(group.planes) > 1 or len(groups) == 1:
        return False
    return any(word.startswith("orientation=") for word in group.split_by)


def _conflict(group: PlaneGroup, conflicts: Mapping[str, Defect]) -> Defect | None:
    """Return the first contradiction of copies that the slices of a volume are part of."""
    uids = {plane.instance.sop_instance_uid for plane in group.planes}
    found = sorted(uids & conflicts.keys())
    return conflicts[found[0]] if found else None


def _volume_candidate(
    group: PlaneGroup, suffix: str, flags: frozenset[str], lone: bool, conflict: Defect | None
) -> VolumeCandidate:
    planes = group.planes
    first = planes[0].instance
    kind = image_kind(planes[0].image_type)
    geometry: Geometry | None = None
    defect: Defect | None = None
    try:
        _require_readable(planes, conflict)
        if lone and kind != "localiser":
            _refuse_lone_slice()
        planes, geometry, jitter = stack(planes)
        if jitter > JITTER_WORTH_A_FLAG_MM:
            flags |= {"spacing_jitter"}
    except SeriesError as error:
        defect = Defect(error.code, str(error))
    return VolumeCandidate(
        volume_id=first.series_uid + suffix,
        study_uid=first.study_uid,
        series_uid=first.series_uid,
        frame_of_reference_uid=first.frame_of_reference_uid,
        patient_keys=tuple(sorted({plane.instance.patient_key for plane in planes})),
        modality=first.modality,
        kind=kind,
        description=first.description,
        split_by=";".join(group.split_by),
        n_files=len({plane.instance.path for plane in planes}),
        n_frames=len(planes),
        rows=first.rows,
        columns=first.columns,
        refs=_refs(planes),
        geometry=geometry,
        status=VolumeStatus.OK if defect is None else VolumeStatus.REFUSED,
        error_code=defect.code if defect else "",
        error_message=defect.message if defect else "",
        flags=flags,
        visit=_visit(planes),
    )


def _visit(planes: Sequence[Plane]) -> Visit:
    """Return the visit of the first slice; dates that were moved in one were moved in all."""
    said = {plane.instance.dates_modified for plane in planes}
    visit = planes[0].instance.visit
    return visit if len(said) == 1 else visit._replace(dates_modified="\\".join(sorted(said)))


def _refs(planes: Iterable[Plane]) -> tuple[FrameRef, ...]:
    return tuple(FrameRef(p.instance.path, p.frame, p.instance.sop_instance_uid) for p in planes)


def _require_readable(planes: Sequence[Plane], conflict: Defect | None) -> None:
    first = planes[0].instance
    if first.modality in NO_VOLUME_MODALITIES:
        raise SeriesError(
            "SERIES-MODALITY",
            f"modality {first.modality}: {NO_VOLUME_MODALITIES[first.modality]}",
            hint="CT, MR, PET and parametric maps can be measured.",
        )
    defects = {p.instance.path: p.instance.defect for p in planes if p.instance.defect}
    for path, defect in sorted(defects.items()):
        more = f" (and {len(defects) - 1} more files)" if len(defects) > 1 else ""
        raise SeriesError(
            defect.code, defect.message + more, where=Path(path).name, hint=defect.hint
        )
    if conflict is not None:
        raise SeriesError(conflict.code, conflict.message, hint=conflict.hint)
    if first.samples != 1:
        raise SeriesError(
            "PIXELS-COLOUR",
            f"expected one sample per pixel, found {first.samples}",
            hint="A colour image is a picture, not a measurement.",
        )


def _refuse_lone_slice() -> NoReturn:
    raise SeriesError(
        "SERIES-ORIENTATION",
        "a single slice with an orientation of its own",
        hint="Slices of several orientations make no volume: export each by itself.",
    )


def _other_object(instance: Instance, suffix: str) -> VolumeCandidate:
    kind = instance.segmentation_kind
    if kind:
        defect = Defect("OBJECT-SEGMENTATION", "a segmentation: name it as the mask of an image")
    elif instance.sop_class_uid == DICOMDIR_CLASS:
        defect = Defect("OBJECT-DICOMDIR", "the table of contents of a medium: it is not used")
    else:
        defect = Defect("OBJECT-NO-IMAGE", "no pixel data")
    return VolumeCandidate(
        volume_id=instance.series_uid + suffix,
        study_uid=instance.study_uid,
        series_uid=instance.series_uid,
        frame_of_reference_uid=instance.frame_of_reference_uid,
        patient_keys=(instance.patient_key,),
        modality=instance.modality,
        kind=kind or "other",
        description=instance.description,
        split_by="",
        n_files=1,
        n_frames=0,
        rows=instance.rows,
        columns=instance.columns,
        refs=(FrameRef(instance.path, 0, instance.sop_instance_uid),),
        geometry=None,
        status=VolumeStatus.SKIPPED,
        error_code=defect.code,
        error_message=defect.message,
        visit=instance.visit,
        references=instance.references,
    )


def stopped(code: str, what: str, error: Exception) -> Defect:
    """Return the defect of what an unexpected error stopped; its traceback is logged."""
    logging.getLogger(__name__).error("a %s stopped by an error", what, exc_info=error)
    return Defect(
        code,
        f"an unexpected {type(error).__name__} stopped the {what}",
        "The others went on; please report it.",
    )


def refused_series(instances: Sequence[Instance], defect: Defect) -> VolumeCandidate:
    """Return the row of a series none of whose volumes can be told."""
    return replace(
        _other_object(instances[0], ""),
        kind="other",
        n_files=len(instances),
        n_frames=len(instances),
        refs=tuple(FrameRef(i.path, 0, i.sop_instance_uid) for i in instances),
        status=VolumeStatus.REFUSED,
        error_code=defect.code,
        error_message=f"{defect.message} {defect.hint}",
    )


def refused_file(path: str, defect: Defect) -> VolumeCandidate:
    """Return the row of a file that is no DICOM or cannot be read."""
    where = f"{defect.message} [{Path(path).name}]"
    return VolumeCandidate(
        volume_id="",
        study_uid="",
        series_uid="",
        frame_of_reference_uid="",
        patient_keys=(),
        modality="",
        kind="other",
        description="",
        split_by="",
        n_files=1,
        n_frames=0,
        rows=0,
        columns=0,
        refs=(FrameRef(path, 0, ""),),
        geometry=None,
        status=VolumeStatus.SKIPPED,
        error_code=defect.code,
        error_message=f"{where} {defect.hint}".strip(),
    )
