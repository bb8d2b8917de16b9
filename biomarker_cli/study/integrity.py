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

from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.catalogue.pseudonyms import PERSON_KEYWORDS, Person
from biomarker_cli.imaging.files import is_image_file
from biomarker_cli.model.errors import CaseError
from biomarker_cli.study.twins import Findings, twins_by_uid

if TYPE_CHECKING:
    from biomarker_cli.case.plan import CasePlan
    from biomarker_cli.catalogue.index import FileIndex
    from biomarker_cli.dicom.files import PlannedFiles

HEIGHT_CHANGE_M = 0.05
WEIGHT_CHANGE = 0.20

SHARED_FRAME_FLAG = "frame_of_reference_shared"

# Frames that DICOM itself defines, such as atlases (PS3.6, table A-2): anybody may name them.
_WELL_KNOWN_FRAMES = "1.2.840.10008.1.4."

_Subject = tuple[str, str]


@dataclass(frozen=True)
class _Visit:
    """What the header of a case says of its subject."""

    plan: CasePlan
    persons: frozenset[Person]
    height_m: float | None
    weight_kg: float | None
    date: str

    @property
    def patient_ids(self) -> frozenset[str]:
        """Digests of the PatientIDs that are given: an empty one is nobody's."""
        return frozenset(person.patient_id for person in self.persons if person.patient_id)


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
    by_subject: dict[_Subject, list[_Visit]] = defaultdict(list)
    # Two sites may number their patients alike.
    by_patient: dict[tuple[str, str], list[_Visit]] = defaultdict(list)
    for plan in plans:
        visit = _visit(plan)
        if visit is None:
            continue
        by_subject[plan.site_id, plan.subject_id].append(visit)
        for patient_id in visit.patient_ids:
            by_patient[plan.site_id, patient_id].append(visit)
        _compare_identity(visit, _mask_patients(plan.mask, index, reader), findings)
    for visits in by_subject.values():
        _compare_visits(visits, findings)
        _compare_persons(visits, "", findings)
    for visits in by_patient.values():
        if len({visit.plan.subject_id for visit in visits}) > 1:
            _compare_persons(visits, "under one PatientID ", findings)
    _compare_studies(plans, findings)
    return {case_id: found for case_id, found in findings.items() if found}


def shared_frames(plans: Sequence[CasePlan]) -> set[str]:
    """Return the cases whose images share a frame of reference with another subject.

    It may be a scanner that gives one frame to all, so that their rows are flagged
    with `SHARED_FRAME_FLAG` and measured.
    """
    frames = _subjects_by(plans, "frame_of_reference_uid")
    return {
        plan.case_id
        for uid, owners in frames.items()
        if len(owners) > 1 and not uid.startswith(_WELL_KNOWN_FRAMES)
        for plans_of in owners.values()
        for plan in plans_of
    }


def _subjects_by(
    plans: Sequence[CasePlan], uid_name: str
) -> dict[str, dict[_Subject, list[CasePlan]]]:
    """Return whose images have a UID: UID -> subject -> cases; absent UIDs are left out."""
    found: dict[str, dict[_Subject, list[CasePlan]]] = defaultdict(lambda: defaultdict(list))
    for plan in plans:
        for uid in sorted({getattr(c, uid_name) for c in plan.volumes} - {""}):
            found[uid][plan.site_id, plan.subject_id].append(plan)
    return found


def _compare_studies(plans: Sequence[CasePlan], findings: Findings) -> None:
    """One examination is of one subject."""
    for owners in _subjects_by(plans, "study_uid").values():
        if len(owners) < 2:
            continue
        for subject, plans_of in owners.items():
            other = next(p for s, (p, *_) in owners.items() if s != subject)
            for plan in plans_of:
                findings[plan.case_id].append(
                    _mismatch(
                        f"the image is of the same study (StudyInstanceUID) as that of "
                        f"{other.case_id}, another subject",
                        "Check the subject of both entries.",
                    )
                )


def _compare_persons(visits: Sequence[_Visit], where: str, findings: Findings) -> None:
    """Name, date of birth and sex are one, as far as they are given."""
    for field, keyword in PERSON_KEYWORDS.items():
        owners: dict[str, _Visit] = {}
        for visit in visits:
            for value in sorted({getattr(person, field) for person in visit.persons} - {""}):
                owners.setdefault(value, visit)
        for visit in visits if len(owners) > 1 else ():
            own = {getattr(person, field) for person in visit.persons} - {""}
            other = next((v for value, v in owners.items() if {value} != own), None)
            if own and other is not None and other is not visit:
                findings[visit.plan.case_id].append(
                    _mismatch(
                        f"{where}{keyword} differs (against {other.plan.case_id})",
                        "Check the subject of both entries, and their sites: two sites may "
                        "number their patients alike.",
                    )
                )


def _visit(plan: CasePlan) -> _Visit | None:
    images = plan.volumes
    if not images:
        return None
    return _Visit(
        plan=plan,
        persons=frozenset(Person.of_key(key) for c in images for key in c.patient_keys),
        height_m=images[0].visit.height_m,
        weight_kg=images[0].visit.weight_kg,
        date=images[0].visit.date,
    )


def _compare_identity(visit: _Visit, masks: set[str], findings: Findings) -> None:
    """One patient per case, and the mask is of the same one."""
    differing = ["PatientID"] if len(visit.patient_ids) > 1 else []
    differing += [
        keyword
        for field, keyword in PERSON_KEYWORDS.items()
        if len({getattr(person, field) for person in visit.persons} - {""}) > 1
    ]
    if differing:
        found = " and ".join(f"{keyword}s" for keyword in differing)
        findings[visit.plan.case_id].append(
            _mismatch(f"the image holds several {found}", "Split the folder by patient.")
        )
        return
    if masks and visit.patient_ids and not masks & visit.patient_ids:
        findings[visit.plan.case_id].append(
            _mismatch(
                "the segmentation names another PatientID than the image",
                "Check which subject the mask file belongs to.",
            )
        )


def _mask_patients(mask: Path | None, index: FileIndex, reader: PlannedFiles) -> set[str]:
    if mask is None or is_image_file(mask):
        return set()  # only DICOM names a patient
    if mask.is_dir():
        return set()  # its case refuses it, however much lies below (the root of a disk)
    objects = scan([mask], index=index, reader=reader).candidates
    keys = {key for c in objects if c.kind in {"rtstruct", "seg"} for key in c.patient_keys}
    return {Person.of_key(key).patient_id for key in keys} - {""}


def _compare_visits(visits: list[_Visit], findings: Findings) -> None:
    """One subject stays the same person over the cases of the study.

    Timepoints follow each other as they first stand in the list; the images of
    one timepoint may be of several days.
    """
    order = list(dict.fromkeys(visit.plan.timepoint for visit in visits))
    for first, second in pairwise(sorted(visits, key=lambda v: order.index(v.plan.timepoint))):
        reasons = []
        if first.patient_ids and second.patient_ids and first.patient_ids != second.patient_ids:
            reasons.append("PatientID differs")
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
