"""Cohort integrity: is each image whose it is said to be, and only once there.

A copied series, a swapped subject or a mask of somebody else give numbers that
look fine. They are found before anything is measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from biomarker_cli.catalogue.pseudonyms import PERSON_KEYWORDS, Person
from biomarker_cli.model.errors import CaseError
from biomarker_cli.model.shifted_dates import are_shifted
from biomarker_cli.study.lent_masks import find_of_mask_sources
from biomarker_cli.study.twins import find_twins_by_uid

if TYPE_CHECKING:
    from biomarker_cli.study.cohort import Cohort
    from biomarker_cli.study.cohort_case import SurveyedCase
    from biomarker_cli.study.survey import Survey

HEIGHT_CHANGE_M = 0.05
WEIGHT_CHANGE = 0.20

SHARED_FRAME_FLAG = "frame_of_reference_shared"


def examine_cohort(cohort: Cohort) -> None:
    """Find what does not fit: ``STUDY-DUPLICATE-DATA`` and ``STUDY-SUBJECT-MISMATCH``.

    A frame of reference under two subjects may be a scanner that gives one frame to all,
    so that its rows are flagged with `SHARED_FRAME_FLAG` and measured.

    Parameters
    ----------
    cohort : Cohort
        Of all cases; those that planning refused say nothing but their frames.
    """
    find_twins_by_uid(cohort)
    are_masks_lent = False
    for case in cohort.surveyed():
        are_masks_lent |= bool(case.survey.mask_source)
        for finding in identity_findings(case.survey):
            cohort.find(case.number, finding)
    for cases in cohort.by_subject():
        visits = [case for case in cases if _speaks(case.survey)]
        _compare_visits(visits, cohort)
        _compare_persons(visits, "", cohort)
    for numbers in cohort.shared("patient"):
        visits = [case for case in map(cohort.one, numbers) if _speaks(case.survey)]
        if len({visit.survey.subject_id for visit in visits}) > 1:
            _compare_persons(visits, "under one PatientID ", cohort)
    _compare_studies(cohort)
    if are_masks_lent:
        find_of_mask_sources(cohort)
    _flag_shared_frames(cohort)


def _speaks(survey: Survey) -> bool:
    return survey.has_images and survey.refusal is None


def _flag_shared_frames(cohort: Cohort) -> None:
    for numbers in cohort.shared("frame"):
        for case in map(cohort.one, numbers):
            cohort.flag(case.number, SHARED_FRAME_FLAG)


def _compare_studies(cohort: Cohort) -> None:
    """One examination is of one subject."""
    for numbers in cohort.shared("study"):
        cases = [case for case in map(cohort.one, numbers) if _speaks(case.survey)]
        owners: dict[tuple[str, str], list[SurveyedCase]] = {}
        for case in cases:
            owners.setdefault(case.survey.subject, []).append(case)
        for subject, own in owners.items() if len(owners) > 1 else ():
            other = next(first for s, (first, *_) in owners.items() if s != subject)
            for case in own:
                cohort.find(
                    case.number,
                    _mismatch(
                        f"the image is of the same study (StudyInstanceUID) as that of "
                        f"{other.case_id}, another subject",
                        "Check the subject of both entries.",
                    ),
                )


def _compare_persons(visits: Sequence[SurveyedCase], where: str, cohort: Cohort) -> None:
    """Name, date of birth and sex are one, as far as they are given."""
    for field, keyword in PERSON_KEYWORDS.items():
        owners: dict[str, SurveyedCase] = {}
        for visit in visits:
            for value in sorted(_said(visit.survey, field)):
                owners.setdefault(value, visit)
        for visit in visits if len(owners) > 1 else ():
            own = _said(visit.survey, field)
            other = next((v for value, v in owners.items() if {value} != own), None)
            if own and other is not None and other is not visit:
                cohort.find(
                    visit.number,
                    _mismatch(
                        f"{where}{keyword} differs (against {other.case_id})",
                        "Check the subject of both entries, and their sites: two sites may "
                        "number their patients alike.",
                    ),
                )


def _said(survey: Survey, field: str) -> set[str]:
    return {getattr(Person.of_key(key), field) for key in survey.persons} - {""}


def identity_findings(survey: Survey) -> list[CaseError]:
    """Return what does not fit in one case: one patient, and the mask is of the same one."""
    if not _speaks(survey):
        return []
    differing = ["PatientID"] if len(survey.patient_ids) > 1 else []
    differing += [
        keyword for field, keyword in PERSON_KEYWORDS.items() if len(_said(survey, field)) > 1
    ]
    if differing:
        found = " and ".join(f"{keyword}s" for keyword in differing)
        return [_mismatch(f"the image holds several {found}", "Split the folder by patient.")]
    masks = set(survey.mask_patients)
    if masks and survey.patient_ids and not masks & survey.patient_ids:
        return [
            _mismatch(
                "the segmentation names another PatientID than the image",
                "Check which subject the mask file belongs to.",
            )
        ]
    return []


def _compare_visits(visits: Sequence[SurveyedCase], cohort: Cohort) -> None:
    """One subject stays the same person over the cases of the study.

    Timepoints follow each other as they first stand in the list; the images of
    one timepoint may be of several days.
    """
    order = list(dict.fromkeys(visit.survey.timepoint for visit in visits))
    by_time = sorted(visits, key=lambda visit: order.index(visit.survey.timepoint))
    for one, two in pairwise(by_time):
        for visit, other in ((one, two), (two, one)):
            for reason in _contradictions(one.survey, two.survey):
                cohort.find(
                    visit.number,
                    _mismatch(
                        f"{reason} (against {other.case_id})",
                        "Check the subject and timepoint of both entries.",
                    ),
                )


def _contradictions(first: Survey, second: Survey) -> list[str]:
    """Return what two examinations of one subject, in their order, contradict each other in."""
    reasons = []
    if first.patient_ids and second.patient_ids and first.patient_ids != second.patient_ids:
        reasons.append("PatientID differs")
    if _far(first.height_m, second.height_m, HEIGHT_CHANGE_M, relative=False):
        reasons.append(f"PatientSize is {first.height_m} and {second.height_m} m")
    if _far(first.weight_kg, second.weight_kg, WEIGHT_CHANGE, relative=True):
        reasons.append(f"PatientWeight is {first.weight_kg} and {second.weight_kg} kg")
    later = first.timepoint != second.timepoint
    # Dates that were moved are held against each other, not against those of a calendar.
    are_alike = are_shifted(first.dates_modified) == are_shifted(second.dates_modified)
    if later and are_alike and first.date and second.date and second.date < first.date:
        reasons.append("a later timepoint has an earlier StudyDate")
    return reasons


def _far(first: float | None, second: float | None, limit: float, *, relative: bool) -> bool:
    if first is None or second is None:
        return False
    difference = abs(first - second)
    return difference / max(first, second) > limit if relative else difference > limit + 1e-9


def _mismatch(message: str, hint: str) -> CaseError:
    return CaseError("STUDY-SUBJECT-MISMATCH", message, hint=hint)
