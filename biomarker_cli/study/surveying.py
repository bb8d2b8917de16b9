"""Survey the cases of a study: each is planned once, and what the cohort asks of it is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from biomarker_cli.study.errors import StudyError
from biomarker_cli.study.survey import Survey, is_settled, sop_instances, survey_of

if TYPE_CHECKING:
    from biomarker_cli.study.cohort import Cohort
    from biomarker_cli.study.sources import CaseSource

_KEPT_EVERY = 1000
"""Cases after which what was found is kept, so that an interrupted run need not find it again."""


def survey_study(
    source: CaseSource, cohort: Cohort, progress: Callable[[int, int], None] | None = None
) -> None:
    """Survey every case.

    Parameters
    ----------
    source : CaseSource
    cohort : Cohort
        Takes the surveys; what it has of unchanged cases is not made again.
    progress : callable, optional
        Called with the number of cases surveyed and in all.

    Raises
    ------
    StudyError
        ``OVERRIDE-UNUSED`` where an override is of no case.
    """
    used: set[str] = set()
    for place, case_id in enumerate(source.case_ids()):
        used.update(_survey(source, cohort, place, case_id).overrides)
        if progress is not None:
            progress(place + 1, len(source))
        if (place + 1) % _KEPT_EVERY == 0:
            cohort.keep()
    source.end_of_survey()
    require_overrides_used(source.overrides, used)
    cohort.close_survey()


def _survey(source: CaseSource, cohort: Cohort, place: int, case_id: str) -> Survey:
    mark = source.mark(place)
    known = cohort.known(case_id, mark.digest, place)
    if known is not None and known.is_current:
        return known
    case = source.planned(place)
    # Of a case that cannot be used nobody says whose its files are, nor whether they are there.
    patients = source.mask_patients(case.plan) if case.refusal is None else ()
    survey = survey_of(case, patients, mark.paths)
    lasting = case.refusal is None and source.is_lasting(place) and is_settled(case.plan)
    instances = sop_instances(case.plan) if case.refusal is None else ()
    cohort.add(survey, place, mark.digest if lasting else "", instances)
    source.keep(place, case)
    return survey


def require_overrides_used(overrides: Iterable[str], used: set[str]) -> None:
    """Refuse an override that is of no case: it would be silent.

    Raises
    ------
    StudyError
        ``OVERRIDE-UNUSED``.
    """
    unused = sorted(set(overrides) - used)
    if unused:
        raise StudyError(
            "OVERRIDE-UNUSED",
            f"overrides name series or studies that no case has: {', '.join(unused)}",
            hint="Correct their UIDs: an override that is not applied would be silent.",
        )
