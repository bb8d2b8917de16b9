"""Twins: an image that stands in the study twice, under two names.

What the headers tell is found before anything is measured; copied pixels are found
when the results of all cases are there, from the digests in them, so that neither the
order of the cases nor how they were shared out can change what is found.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from biomarker_cli.model.errors import CaseError

if TYPE_CHECKING:
    from biomarker_cli.study.cohort import Cohort


def find_twins_by_uid(cohort: Cohort) -> None:
    """Find the cases whose images share a SOPInstanceUID."""
    _find_twins(cohort, "instance")


def find_twins_by_pixels(cohort: Cohort) -> None:
    """Find the cases whose images hold the same pixels; those that are refused have none."""
    _find_twins(cohort, "pixels")


def _find_twins(cohort: Cohort, kind: str) -> None:
    others: dict[int, set[int]] = defaultdict(set)
    for sharing in cohort.shared(kind):
        visits = {number: cohort.one(number).survey.visit for number in sharing}
        for number in sharing:
            # One visit may measure one image in two roles.
            others[number] |= {twin for twin in sharing if visits[twin] != visits[number]}
    for number, twins in others.items():
        for case_id in sorted(cohort.one(twin).case_id for twin in twins):
            cohort.find(number, _duplicate(case_id))


def _duplicate(twin: str) -> CaseError:
    return CaseError(
        "STUDY-DUPLICATE-DATA",
        f"the image is the same as that of {twin}",
        hint="One of the two entries names the wrong folder.",
    )
