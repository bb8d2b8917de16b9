"""What does not fit with a case does not fit with those that take its mask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from biomarker_cli.model.errors import CaseError

if TYPE_CHECKING:
    from biomarker_cli.study.cohort import Cohort


def find_of_mask_sources(cohort: Cohort) -> None:
    """Pass on what was found: whose the image is, nobody knows, nor whose the mask is.

    A case of which the same was found by itself is told nothing more.

    Parameters
    ----------
    cohort : Cohort
        Both cases are of one subject.
    """
    for cases in cohort.by_subject():
        numbers = {case.case_id: case.number for case in cases}
        for case in cases:
            source = case.survey.mask_source
            if source not in numbers:
                continue
            known = {one.code for one in cohort.findings(case.number)}
            for one in cohort.findings(numbers[source]):
                if one.code not in known:
                    message = f"the mask comes from {source}: {one.message}"
                    cohort.find(case.number, CaseError(one.code, message, hint=one.hint))
