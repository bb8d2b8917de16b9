"""Finish a run: judge the cohort, write tables, manifest and log, where anything has changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
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
from biomarker_cli.tables.package import DATA_PACKAGE, package_is_true

if TYPE_CHECKING:
    from biomarker_cli.study.cohort_case import CohortCase
    from biomarker_cli.study.judged import JudgedResults
    from biomarker_cli.study.sources import RoleProtocols
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
    seen = _Seen(terms)
    for case in cohort.cases("case_id"):
        seen.add(case)
    wide = judge_cohort(
        [_member(terms, judged, cohort.case(number)) for number in seen.asked], terms.waivers
    )
    said = list(seen.waivers.values())
    key = terms.key_fingerprint
    head = manifest_head(terms.study_id, seen.protocols, said, key, terms.policy)
    if terms.report:
        head["report"] = list(terms.report)
    state = seen.state(head, wide)
    if store.written_state() != _written(state, folder) or not _are_true(seen, folder):
        write_tables(
            judged.measured_heads(),
            judged.in_order(),
            wide,
            store.dictionary,
            folder,
            terms.study_id,
            terms.policy,
        )
        write_manifest(head, judged.heads("place"), folder)
    write_text(cohort, remarks, folder)
    store.list_cases(terms.study_id, cohort.case_ids(), seen.refusals, _written(state, folder))
    return wide


class _Seen:
    """What one look at all cases gives.

    Parameters
    ----------
    terms : StudyTerms

    Attributes
    ----------
    waivers : dict
        Accepted deviations that can speak of a case.
    refusals : dict
        Case id -> code and message.
    asked : list of int
        Numbers of the cases of which rules above series ask something.
    derivations : dict
        Digests of the files of derivations, by name.
    """

    def __init__(self, terms: StudyTerms) -> None:
        self._terms = terms
        self._roles: dict[str, None] = {}
        self._digest = hashlib.sha256()
        self.waivers: dict[str, Mapping[str, Any]] = {}
        self.refusals: dict[str, tuple[str, str]] = {}
        self.asked: list[int] = []
        self.derivations: dict[str, str] = {}

    def add(self, case: CohortCase) -> None:
        """Look at a case."""
        survey = case.survey
        self._roles[survey.role] = None
        if survey.waivers:
            self.waivers |= {str(waiver): waiver for waiver in survey.waivers}
        why = None if case.refusal is None else (case.refusal.code, str(case.refusal))
        said = case.case_id, case.place, case.seal, why, sorted(case.flags), survey.rois
        self._digest.update(repr(said).encode("utf-8", "surrogatepass"))
        if why is not None:
            self.refusals[case.case_id] = why
            return
        self.derivations |= case.derivations
        if case.n_readings:
            self.asked.append(case.number)

    @property
    def protocols(self) -> list[RoleProtocols]:
        """Those of the roles that have a case."""
        known = self._terms.protocols
        return [known[role] for role in sorted(self._roles) if role in known]

    def state(self, head: Mapping[str, Any], wide: Sequence[CheckRow]) -> str:
        """Return a digest of all that tables and manifest are made of."""
        said = [code_digest(), head, [asdict(row) for row in wide]]
        self._digest.update(json.dumps(said, sort_keys=True).encode())
        return self._digest.hexdigest()


def _member(terms: StudyTerms, judged: JudgedResults, case: CohortCase) -> Member:
    acquisition = terms.protocols[case.survey.role].acquisition
    assert acquisition is not None  # noqa: S101 - without one there are no readings
    return Member(acquisition, case.survey.waivers, judged.stored(case).readings)


def _written(state: str, folder: Path) -> str:
    """Return a digest of a state together with what describes its tables as they lie there.

    A run that died behind its tables, or a hand that copied those of another run, leaves
    tables that agree with each other but not with the state of the last run.

    Parameters
    ----------
    state : str
        Digest of what tables and manifest are made of.
    folder : Path
        Of the run.
    """
    digest = hashlib.sha256(state.encode())
    for name in (DATA_PACKAGE, MANIFEST):
        try:
            with (folder / name).open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
        except OSError:
            digest.update(b"absent")  # no state was ever written with it
    return digest.hexdigest()


def _are_true(seen: _Seen, folder: Path) -> bool:
    return package_is_true(folder) and derivations_are_true(seen.derivations, folder)
