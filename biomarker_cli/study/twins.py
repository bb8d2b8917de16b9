"""Twins: an image that stands in the study twice, under two names.

What the headers tell is found before anything is measured; copied pixels are found
when the results of all cases are there, from the digests in them, so that neither the
order of the cases nor how they were shared out can change what is found.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from biomarker_cli.model.errors import CaseError

if TYPE_CHECKING:
    from biomarker_cli.case.plan import CasePlan
    from biomarker_cli.study.packed import ResultHead

Findings = dict[str, list[CaseError]]

_Visit = tuple[str, str, str]
"""Site, subject and timepoint."""


def twins_by_uid(plans: Sequence[CasePlan]) -> Findings:
    """Return the cases whose images share a SOPInstanceUID, by case id."""
    return _twins(
        (
            plan.case_id,
            plan.visit,
            {ref.sop_instance_uid for c in plan.volumes for ref in c.refs} - {""},
        )
        for plan in plans
    )


def twins_by_pixels(heads: Iterable[ResultHead]) -> Findings:
    """Return the cases whose images hold the same pixels, by case id."""
    return _twins((head.case_id, head.visit, {head.pixels} - {""}) for head in heads)


def _twins(cases: Iterable[tuple[str, _Visit, set[str]]]) -> Findings:
    visits: dict[str, _Visit] = {}
    holders: Mapping[str, dict[str, None]] = defaultdict(dict)
    for case_id, visit, marks in cases:
        visits[case_id] = visit
        for mark in marks:
            holders[mark][case_id] = None
    others: Mapping[str, set[str]] = defaultdict(set)
    for sharing in holders.values():
        for case_id in sharing if len(sharing) > 1 else ():
            # One visit may measure one image in two roles.
            others[case_id] |= {twin for twin in sharing if visits[twin] != visits[case_id]}
    return {case_id: [_duplicate(twin) for twin in sorted(t)] for case_id, t in others.items() if t}


def _duplicate(twin: str) -> CaseError:
    return CaseError(
        "STUDY-DUPLICATE-DATA",
        f"the image is the same as that of {twin}",
        hint="One of the two entries names the wrong folder.",
    )
