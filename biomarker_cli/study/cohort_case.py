"""A case of the cohort: what is known of it, decided on it, and said by its result."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from biomarker_cli.acquisition.results import NOT_MET, Outcome
from biomarker_cli.study.derivations import derivation_files
from biomarker_cli.study.packed import ResultHead, head_of
from biomarker_cli.study.survey import Survey
from biomarker_cli.tables.schema import CHECKS

if TYPE_CHECKING:
    from biomarker_cli.model.errors import CaseError
    from biomarker_cli.study.packed import PackedResult

Action = Literal["", "reuse", "run", "keep", "refuse"]

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
    kept : tuple of str
        Analyses whose stored rows are of use where it is measured again.
    """

    number: int
    place: int
    survey: Survey
    kept: tuple[str, ...] = ()

    @property
    def case_id(self) -> str:
        """Identifier of the case."""
        return self.survey.case_id


class Decision(NamedTuple):
    """What is done with a case.

    Attributes
    ----------
    action, reason : str
    distrusted : bool
        Whether a result is there that is not used, since it is not as it was written.
    kept : tuple of str
        Analyses whose stored rows are of use where the case is measured again.
    """

    action: Action
    reason: str
    distrusted: bool = False
    kept: tuple[str, ...] = ()


class CaseRecord(NamedTuple):
    """A case as the database has it; texts are JSON, None where there is none."""

    number: int
    case_id: str
    place: int
    own_refusal: str | None
    own_flags: str
    survey: str
    action: Action
    reason: str
    distrusted: int
    status: str | None
    head: str | None
    seal: str | None
    log: str | None


COLUMNS = ", ".join(CaseRecord._fields)


class CohortCase:
    """A case of the cohort with what was decided on it, and what its result says.

    What nobody asks for is not decoded: of 100,000 cases most are asked for little.

    Parameters
    ----------
    record : CaseRecord
    refusal : CaseError or None
    flags : frozenset of str

    Attributes
    ----------
    refusal : CaseError or None
        Why the case is refused, whatever its result says.
    flags : frozenset of str
        What the cohort found on it: all of its rows carry them.
    """

    def __init__(
        self, record: CaseRecord, refusal: CaseError | None, flags: frozenset[str]
    ) -> None:
        self._record = record
        self.refusal = refusal
        self.flags = flags

    @property
    def number(self) -> int:
        """Number of the case in its cohort, for ever."""
        return self._record.number

    @property
    def place(self) -> int:
        """Where it stands in the list of the study."""
        return self._record.place

    @property
    def case_id(self) -> str:
        """Identifier of the case."""
        return self._record.case_id

    @property
    def action(self) -> Action:
        """What is done with it."""
        return self._record.action

    @property
    def reason(self) -> str:
        """Why."""
        return self._record.reason

    @property
    def distrusted(self) -> bool:
        """Whether a result is there that is not used, since it is not as it was written."""
        return bool(self._record.distrusted)

    @property
    def status(self) -> str:
        """How it ended, refusals by the cohort left out; empty where it was not measured."""
        return self._record.status or ""

    @property
    def has_result(self) -> bool:
        """Whether anything is known of a stored result."""
        record = self._record
        return any((record.status, record.head, record.seal, record.log))

    @property
    def seal(self) -> str:
        """Digest of its stored result."""
        return self._record.seal or ""

    @cached_property
    def survey(self) -> Survey:
        """What is known of it without its plan."""
        return Survey.from_json(self._record.survey)

    @cached_property
    def head(self) -> ResultHead | None:
        """What a run looks at of its result; None where it was not measured."""
        text = self._record.head
        return None if text is None else head_of(json.loads(text))

    @cached_property
    def _log(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self._record.log) if self._record.log else NOTHING_SAID
        return found

    @property
    def notes(self) -> list[Any]:
        """Reasons that have no column, as the result holds them."""
        return list(self._log["notes"])

    @property
    def n_readings(self) -> int:
        """How many series of it rules above series are asked of."""
        return int(self._log["readings"])

    @property
    def derivations(self) -> dict[str, str]:
        """Digests of the files of its derivations, by name."""
        return dict(self._log["derivations"])

    @property
    def outcomes(self) -> dict[str, int]:
        """How many acquisition rules came out how."""
        return dict(self._log["outcomes"])

    @property
    def unmet(self) -> list[dict[str, str]]:
        """Rows of ``checks.csv`` whose rule is not met, or was waived."""
        return list(self._log["unmet"])


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


@dataclass(frozen=True)
class ToldResult:
    """What the cohort keeps of a stored result.

    Attributes
    ----------
    head : ResultHead
    seal : str
        Digest of its file.
    said : dict
        See `said_of`.
    """

    head: ResultHead
    seal: str
    said: dict[str, Any]

    @classmethod
    def of(cls, result: PackedResult) -> ToldResult:
        """Return what is told of a result with its seal."""
        return cls(result.head, result.seal, said_of(result))
