"""Cohort integrity: is each image whose it is said to be, and only once there.

A copied series, a swapped subject or a mask of somebody else give numbers that
look fine. They are found before anything is measured.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from biomarker_cli.imaging.files import is_image_file
from biomarker_cli.model import BiomarkerError, CaseError
from biomarker_cli.study.twins import Findings, twins_by_uid

if TYPE_CHECKING:
    from biomarker_cli.case import CasePlan
    from biomarker_cli.catalogue.index import FileIndex
    from biomarker_cli.dicom.files import PlannedFiles

HEIGHT_CHANGE_M = 0.05
WEIGHT_CHANGE = 0.20


@dataclass(frozen=True)
class _Visit:
    """What the header of a case says of its subject."""

    plan: CasePlan
    patient_keys: frozenset[str]
    sex: str
    height_m: float | None
    weight_kg: float | None
    date: str


def examine_cohort(plans: Sequence[CasePlan], index: FileIndex, reader: PlannedFiles) -> Findings:
    """Return what does not fit, by case id.

    Parameters
    ----------
    plans : sequence of CasePlan
        In the order of the study; those whose files are there.
    index : FileIndex
    reader : PlannedFiles
        Reads what the index does not know.

    Returns
    -------
    dict of str to list of CaseError
        ``STUDY-DUPLICATE-DATA`` and ``STUDY-SUBJECT-MISMATCH``.
    """
    findings: Findings = defaultdict(list, twins_by_uid(plans))
    by_subject: dict[tuple[str, str], list[_Visit]] = defaultdict(list)
    for plan in plans:
        visit = _visit(plan)
        if visit is None:
            continue
        by_subject[plan.site_id, plan.subject_id].append(visit)
        _compare_identity(visit, _mask_patients(plan.mask, index, reader), findings)
    for visits in by_subject.values():
        _compare_visits(visits, findings)
    return dict(findings)


def _visit(plan: CasePlan) -> _Visit | None:
    images = plan.images
    if not images:
        return None
    # What is no DICOM names no patient, and loads no reader.
    from biomarker_cli.dicom.frames import FrameHeader
    from biomarker_cli.dicom.headers import read_header

    try:
        header = FrameHeader(read_header(images[0].refs[0].path))
    except BiomarkerError:
        return None  # reading the case will say so
    return _Visit(
        plan=plan,
        patient_keys=frozenset(key for c in images for key in c.patient_keys),
        sex=str(header.get("PatientSex", "")),
        height_m=_number(header.get("PatientSize")),
        weight_kg=_number(header.get("PatientWeight")),
        date=str(header.get("StudyDate", "")),
    )


def _number(value: object) -> float | None:
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if number > 0 else None


def _compare_identity(visit: _Visit, masks: set[str], findings: Findings) -> None:
    """One patient per case, and the mask is of the same one."""
    if len(visit.patient_keys) > 1:
        findings[visit.plan.case_id].append(
            _mismatch("the image holds several PatientIDs", "Split the folder by patient.")
        )
        return
    if masks and not masks & visit.patient_keys:
        findings[visit.plan.case_id].append(
            _mismatch(
                "the segmentation names another PatientID than the image",
                "Check which subject the mask file belongs to.",
            )
        )


def _mask_patients(mask: Path | None, index: FileIndex, reader: PlannedFiles) -> set[str]:
    if mask is None or is_image_file(mask):
        return set()  # only DICOM names a patient
    from biomarker_cli.catalogue import scan

    objects = scan([mask], index=index, reader=reader).candidates
    return {key for c in objects if c.kind in {"rtstruct", "seg"} for key in c.patient_keys}


def _compare_visits(visits: list[_Visit], findings: Findings) -> None:
    """One subject stays the same person over the cases of the study.

    Timepoints follow each other as they first stand in the list; the images of
    one timepoint may be of several days.
    """
    order = list(dict.fromkeys(visit.plan.timepoint for visit in visits))
    for first, second in pairwise(sorted(visits, key=lambda v: order.index(v.plan.timepoint))):
        reasons = []
        if first.patient_keys != second.patient_keys:
            reasons.append("PatientID differs")
        if first.sex and second.sex and first.sex != second.sex:
            reasons.append(f"PatientSex is {first.sex} and {second.sex}")
        if _far(first.height_m, second.height_m, HEIGHT_CHANGE_M, relative=False):
            reasons.append(f"PatientSize is {first.height_m} and {second.height_m} m")
        if _far(first.weight_kg, second.weight_kg, WEIGHT_CHANGE, relative=True):
            reasons.append(f"PatientWeight is {first.weight_kg} and {second.weight_kg} kg")
        later = first.plan.timepoint != second.plan.timepoint
        if later and first.date and second.date and second.date < first.date:
            reasons.append("a later timepoint has an earlier StudyDate")
        for visit, other in ((first, second), (second, first)):
            findings[visit.plan.case_id] += [
                _mismatch(
                    f"{reason} (against {other.plan.case_id})",
                    "Check the subject and timepoint of both entries.",
                )
                for reason in reasons
            ]


def _far(first: float | None, second: float | None, limit: float, *, relative: bool) -> bool:
    if first is None or second is None:
        return False
    difference = abs(first - second)
    return difference / max(first, second) > limit if relative else difference > limit + 1e-9


def _mismatch(message: str, hint: str) -> CaseError:
    return CaseError("STUDY-SUBJECT-MISMATCH", message, hint=hint)
