"""A case of the cohort: what is known of it, decided on it, and said by its result."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from biomarker_cli.acquisition.results import NOT_MET, Outcome
from biomarker_cli.study.derivations import derivation_files
from biomarker_cli.tables.schema import CHECKS

if TYPE_CHECKING:
    from biomarker_cli.model.errors import CaseError
    from biomarker_cli.study.packed import PackedResult, ResultHead
    from biomarker_cli.study.survey import Survey

Action = Literal["", "reuse", "run", "refuse"]

NOTHING_SAID: dict[str, Any] = {
    "notes": [],
    "readings": 0,
    "derivations": {},
    "outcomes": {},
    "unmet": [],
}


@dataclass(frozen=True, slots=True)
class SurveyedCase:
    """A case of the cohort.

    Attributes
    ----------
    number : int
        Of the case in this cohort, for ever.
    place : int
        Where it stands in the list of the study.
    survey : Survey
    """

    number: int
    place: int
    survey: Survey

    @property
    def case_id(self) -> str:
        """Identifier of the case."""
        return self.survey.case_id


@dataclass(frozen=True, slots=True)
class CohortCase:
    """A case of the cohort with what was decided on it, and what its result says.

    Attributes
    ----------
    case : SurveyedCase
    action, reason : str
    distrusted : bool
        Whether a result is there that is not used, since it is not as it was written.
    head : ResultHead or None
        None where it was not measured.
    seal : str
        Digest of the stored result.
    notes : list
        As the result holds them.
    n_readings : int
        How many series of it rules above series are asked of.
    derivations : dict
        Digests of the files of its derivations, by name.
    outcomes : dict
        How many acquisition rules came out how.
    unmet : list of dict
        Rows of ``checks.csv`` whose rule is not met, or was waived.
    refusal : CaseError or None
        Why the case is refused, whatever its result says.
    flags : frozenset of str
        What the cohort found on it: all of its rows carry them.
    """

    case: SurveyedCase
    action: Action
    reason: str
    distrusted: bool
    head: ResultHead | None
    seal: str
    notes: list[Any]
    n_readings: int
    derivations: dict[str, str]
    outcomes: dict[str, int]
    unmet: list[dict[str, str]]
    refusal: CaseError | None
    flags: frozenset[str]

    @property
    def case_id(self) -> str:
        """Identifier of the case."""
        return self.case.case_id

    @property
    def survey(self) -> Survey:
        """What is known of the case without its plan."""
        return self.case.survey


def said_of(result: PackedResult) -> dict[str, Any]:
    """Return what the cohort keeps of a result beside its head, as JSON holds it."""
    files = derivation_files(result) if result.derivations else {}
    checks = result.rows(CHECKS)
    return {
        "notes": [[note.text, note.roi_id] for note in result.notes],
        "readings": len(result.readings),
        "derivations": {n: hashlib.sha256(text).hexdigest() for n, text in files.items()},
        "outcomes": Counter(row["outcome"] for row in checks),
        "unmet": [row for row in checks if row["outcome"] in NOT_MET | {Outcome.WAIVED}],
    }
