"""Finish a run: judge the cohort, write tables, manifest and log, where anything has changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biomarker_cli.model.version import code_digest
from biomarker_cli.study.assembling import write_tables
from biomarker_cli.study.cohort_checks import Member, judge_cohort
from biomarker_cli.study.derivations import derivations_are_true
from biomarker_cli.study.manifest import manifest_head, write_manifest
from biomarker_cli.study.run_log import write_text
from biomarker_cli.study.twins import find_twins_by_pixels
from biomarker_cli.tables.manifest import MANIFEST
from biomarker_cli.tables.package import package_is_true

if TYPE_CHECKING:
    from biomarker_cli.study.cohort_case import CohortCase
    from biomarker_cli.study.judged import JudgedResults
    from biomarker_cli.study.terms import StudyTerms
    from biomarker_cli.tables.rows import CheckRow


def finish(
    terms: StudyTerms, judged: JudgedResults, folder: Path, remarks: Sequence[str]
) -> list[CheckRow]:
    """Judge what no case sees alone, and write all that leaves; return the rows above series.

    Where neither a result nor a finding has changed since the tables were written, and they
    are as they were written, they are left alone.

    Parameters
    ----------
    terms : StudyTerms
    judged : JudgedResults
        After everything was measured.
    folder : Path
        Of the run.
    remarks : sequence of str
        What the log says beside the cases.
    """
    cohort, store = judged.cohort, judged.store
    find_twins_by_pixels(cohort)
    wide = judge_cohort(list(_members(terms, judged)), terms.waivers)
    head = _manifest_head(terms, judged)
    state = _state(judged, wide, head)
    refusals = {c.case_id: c.refusal for c in cohort.cases() if c.refusal is not None}
    if store.written_state() != state or not _are_true(judged, folder):
        write_tables(
            judged.measured_heads(),
            judged.in_order(),
            wide,
            store.dictionary,
            folder,
            terms.study_id,
        )
        write_manifest(head, judged.heads("place"), folder)
    write_text(cohort, remarks, folder)
    store.list_cases(
        terms.study_id,
        (case.case_id for case in cohort.cases()),
        {case_id: (error.code, str(error)) for case_id, error in refusals.items()},
        state,
    )
    return wide


def _members(terms: StudyTerms, judged: JudgedResults) -> Iterable[Member]:
    for case in judged.cohort.cases("case_id"):
        acquisition = _acquisition(terms, case)
        if acquisition is None or not case.n_readings or case.refusal is not None:
            continue
        yield Member(acquisition, case.survey.waivers, judged.stored(case).readings)


def _acquisition(terms: StudyTerms, case: CohortCase) -> Any:
    used = terms.protocols.get(case.survey.role)
    return None if used is None else used.acquisition


def _manifest_head(terms: StudyTerms, judged: JudgedResults) -> dict[str, Any]:
    roles: dict[str, None] = {}
    waivers: dict[str, Mapping[str, Any]] = {}
    for case in judged.cohort.cases():
        roles[case.survey.role] = None
        waivers |= {str(waiver): waiver for waiver in case.survey.waivers}
    used = [terms.protocols[role] for role in roles if role in terms.protocols]
    return manifest_head(terms.study_id, used, list(waivers.values()), terms.key_fingerprint)


def _state(judged: JudgedResults, wide: Sequence[CheckRow], head: Mapping[str, Any]) -> str:
    """Return a digest of all that tables and manifest are made of."""
    said = [code_digest(), head, [asdict(row) for row in wide]]
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
    for case in judged.cohort.cases():
        why = None if case.refusal is None else str(case.refusal)
        one = [case.case_id, case.seal, why, sorted(case.flags), case.survey.rois]
        digest.update(json.dumps(one).encode())
    return digest.hexdigest()


def _are_true(judged: JudgedResults, folder: Path) -> bool:
    return (
        (folder / MANIFEST).is_file()
        and package_is_true(folder)
        and derivations_are_true(judged.cohort.cases(), folder)
    )
