"""Twins: an image that stands in the study twice, under two names.

What the headers tell is found before anything is measured; copied pixels are found
when the results of all cases are there, from the digests in them, so that neither the
order of the cases nor how they were shared out can change what is found.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import islice
from typing import TYPE_CHECKING

from biomarker_cli.model.errors import CaseError
from biomarker_cli.study.lent_masks import find_of_mask_sources

if TYPE_CHECKING:
    from biomarker_cli.study.cohort import Cohort


MOST_NAMED = 5
"""Twins of one case that are named: of a thousand equal images each has 999."""


def find_twins_by_uid(cohort: Cohort) -> None:
    """Find the cases whose images share a SOPInstanceUID."""
    _find_twins(cohort, "instance")


def find_twins_by_pixels(cohort: Cohort) -> None:
    """Find the cases whose images hold the same pixels; those that are refused have none."""
    if _find_twins(cohort, "pixels"):
        find_of_mask_sources(cohort)


def _find_twins(cohort: Cohort, kind: str) -> bool:
    """Find the cases that share a mark; tell whether there are some."""
    others: dict[int, set[str]] = defaultdict(set)
    groups = {tuple(sharing) for sharing in cohort.shared(kind)}
    for sharing in sorted(groups):
        cases = sorted(map(cohort.one, sharing), key=lambda case: case.case_id)
        for case in cases:
            # One visit may measure one image in two roles.
            twins = (c.case_id for c in cases if c.survey.visit != case.survey.visit)
            others[case.number].update(islice(twins, MOST_NAMED))
    for number, twins_of in others.items():
        for case_id in sorted(twins_of)[:MOST_NAMED]:
            cohort.find(number, _duplicate(case_id))
    return any(others.values())


def _duplicate(twin: str) -> CaseError:
    return CaseError(
        "STUDY-DUPLICATE-DATA",
        f"the image is the same as that of {twin}",
        hint="One of the two entries names the wrong folder.",
    )
