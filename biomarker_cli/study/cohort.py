"""Cohort: the cases of a run in SQLite, so that memory does not grow with their number.

It is a cache of the user, beside the index: it can be deleted at any time, and is made
again from the files and the results. A survey is taken from it only while everything
that it was made of is the same (`StudyPlanner.mark`).
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from biomarker_cli.model.errors import CaseError
from biomarker_cli.study.cohort_case import (
    COLUMNS,
    Action,
    CaseRecord,
    CohortCase,
    Decision,
    SurveyedCase,
    ToldResult,
)
from biomarker_cli.study.cohort_database import TABLES, hash_of, kept_database
from biomarker_cli.study.cohort_findings import CohortFindings
from biomarker_cli.study.cohort_results import CohortResults
from biomarker_cli.study.cohort_surveys import CohortSurveys
from biomarker_cli.study.errors import StudyError
from biomarker_cli.study.packed import PackedResult, head_of
from biomarker_cli.study.survey import Survey

_CASES = {
    order: f"SELECT {COLUMNS} FROM cases WHERE {order} > ? ORDER BY {order} LIMIT ?"  # noqa: S608
    for order in ("place", "case_id")
}

_CASE = f"SELECT {COLUMNS} FROM cases WHERE number = ?"  # noqa: S608 - names of ours

_EXPORTED = ("mark", "survey", "action", "reason", "distrusted", "status", "head", "seal", "log")


_PAGE = 500
_CACHE_KB = 8_192


class Cohort:
    """The cases of a run; made by `Cohort.of_folder` or `Cohort.in_memory`.

    Parameters
    ----------
    connection : sqlite3.Connection
        Of a database that is its own.
    refuses : bool
        Whether a finding refuses its case; else it flags it.
    writes : bool
        Whether what is found is kept.
    """

    def __init__(
        self, connection: sqlite3.Connection, *, refuses: bool = True, writes: bool = True
    ) -> None:
        self._db = connection
        self._writes = writes
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
        for table in TABLES:
            connection.execute(table)
        self._results = CohortResults(connection)
        self._surveys = CohortSurveys(connection, self._results)
        self._findings = CohortFindings(connection, refuses=refuses)

    @classmethod
    def in_memory(cls, *, refuses: bool = True) -> Cohort:
        """Return an empty cohort of this process."""
        return cls(sqlite3.connect(":memory:"), refuses=refuses)

    @classmethod
    def of_folder(
        cls, folder: Path, cache: Path | None, *, refuses: bool, writes: bool = True
    ) -> Cohort:
        """Return the cohort of the folder of a run, as a cache has it.

        Where the cache cannot be used, it is an empty one in a file of the moment.

        Parameters
        ----------
        folder : Path
        cache : Path or None
            Folder of the index.
        refuses, writes : bool
            See `Cohort`.
        """
        connection = None if cache is None else kept_database(folder, cache)
        if connection is not None:
            try:
                return cls(connection, refuses=refuses, writes=writes)
            except sqlite3.DatabaseError:
                connection.close()  # damaged: it is a cache
        return cls(sqlite3.connect(""), refuses=refuses, writes=writes)

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        _trace: TracebackType | None = None,
    ) -> None:
        """Let go of the database; what was not kept is gone, and so is a damaged one."""
        path = self._db.execute("PRAGMA database_list").fetchone()[2]
        self._db.close()
        is_damaged = isinstance(error, sqlite3.DatabaseError)
        if isinstance(error, sqlite3.OperationalError):
            raise StudyError(
                "RUN-CACHE",
                f"what is known of the cohort cannot be kept: {error}",
                where=path,
                hint="Make room, or name another folder with BIOMARKER_CACHE_DIR.",
            ) from error
        if path and is_damaged:
            with contextlib.suppress(OSError):
                Path(path).unlink()

    @contextlib.contextmanager
    def held(self) -> Iterator[Self]:
        """Let go of it where what is done with it fails; else it stays open."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(self)
            yield self
            stack.pop_all()

    def keep(self) -> None:
        """Keep what has been found so far, as far as it is one that is kept."""
        if self._writes:
            self._db.commit()

    # Surveys

    def known(self, case_id: str, mark: str, place: int) -> Survey | None:
        """Return the survey of a case that was made of the same, and take it up."""
        return self._surveys.known(case_id, mark, place)

    def add(self, survey: Survey, place: int, mark: str, instances: Iterable[str]) -> None:
        """Add a case with the SOPInstanceUIDs of its images; see `CohortSurveys.add`."""
        self._surveys.add(survey, place, mark, map(hash_of, instances))

    def update(self, number: int, survey: Survey, *, doubtful: bool = False) -> None:
        """Learn more of a case; what was made of a doubtful one is not taken again."""
        self._surveys.update(number, survey, doubtful=doubtful)

    def close_survey(self) -> None:
        """Drop the cases that are no longer in the study, and all that was found of the cohort."""
        self._surveys.drop_others()
        self._findings.clear()

    def __len__(self) -> int:
        (n,) = self._db.execute("SELECT COUNT(*) FROM cases").fetchone()
        return int(n)

    def case_ids(self) -> Iterator[str]:
        """Yield the ids of the cases in the order of the study."""
        return (
            case_id for (case_id,) in self._db.execute("SELECT case_id FROM cases ORDER BY place")
        )

    def surveyed(self) -> Iterator[SurveyedCase]:
        """Yield the cases in the order of the study."""
        last = -1
        while page := self._db.execute(
            "SELECT number, place, survey FROM cases WHERE place > ? ORDER BY place LIMIT ?",
            (last, _PAGE),
        ).fetchall():
            yield from (SurveyedCase(n, place, Survey.from_json(s)) for n, place, s in page)
            last = page[-1][1]

    def one(self, number: int) -> SurveyedCase:
        """Return a case."""
        place, text = self._db.execute(
            "SELECT place, survey FROM cases WHERE number = ?", (number,)
        ).fetchone()
        return SurveyedCase(number, place, Survey.from_json(text))

    def release(self) -> None:
        """Keep all, and let other processes use the database; it can still be read."""
        self.keep()
        self._db.execute("PRAGMA locking_mode = NORMAL")
        self._db.execute("SELECT 1 FROM cases LIMIT 1").fetchone()

    # What several cases share

    def shared(self, kind: str) -> Iterator[list[int]]:
        """Yield, for each mark that several owners have, the numbers of its cases.

        Parameters
        ----------
        kind : str
            ``instance`` and ``pixels`` are owned by visits, ``study``, ``frame`` and
            ``patient`` by subjects.
        """
        values = self._db.execute(
            "SELECT value FROM marks WHERE kind = ? GROUP BY value HAVING MIN(owner) < MAX(owner)",
            (kind,),
        )
        for (value,) in values:
            rows = self._db.execute(
                "SELECT DISTINCT m.number FROM marks m JOIN cases c ON c.number = m.number "
                "WHERE m.kind = ? AND m.value = ? ORDER BY c.place",
                (kind, value),
            )
            yield [number for (number,) in rows]

    def by_subject(self) -> Iterator[list[SurveyedCase]]:
        """Yield the cases of each subject that has several, in the order of the study."""
        groups = self._db.execute(
            "SELECT GROUP_CONCAT(number) FROM (SELECT number, case_id, place FROM cases "
            "ORDER BY place) GROUP BY SUBSTR(case_id, 1, INSTR(case_id, '/') + "
            "INSTR(SUBSTR(case_id, INSTR(case_id, '/') + 1), '/')) HAVING COUNT(*) > 1"
        )
        for (numbers,) in groups:
            cases = [self.one(int(number)) for number in numbers.split(",")]
            yield sorted(cases, key=lambda case: case.place)

    # Findings

    def find(self, number: int, error: CaseError) -> None:
        """Keep something that does not fit."""
        self._findings.find(number, error)

    def flag(self, number: int, flag: str) -> None:
        """Have all rows of a case carry a flag."""
        self._findings.flag(number, flag)

    def findings(self, number: int) -> list[CaseError]:
        """Return what does not fit with a case."""
        return self._findings.of(number)

    # Decisions and results

    def decide(self, number: int, decision: Decision) -> None:
        """Keep what is done with a case, and why."""
        action, reason, distrusted, kept = decision
        self._db.execute(
            "UPDATE cases SET action = ?, reason = ?, distrusted = ?, kept = ? WHERE number = ?",
            (action, reason, distrusted, " ".join(kept), number),
        )

    def take_result(self, number: int, result: PackedResult) -> None:
        """Keep what the stored result of a case says."""
        self.take_told(number, ToldResult.of(result))

    def take_told(self, number: int, told: ToldResult) -> None:
        """Keep what was told of the stored result of a case."""
        self._results.take(number, told)

    def drop_result(self, number: int) -> None:
        """Forget the result of a case that is not to be used."""
        self._results.drop(number)

    def cases(self, order: Literal["place", "case_id"] = "place") -> Iterator[CohortCase]:
        """Yield the cases with what is known of them, in the order of the study or of their ids."""
        query = _CASES[order]
        last: Any = -1 if order == "place" else ""
        while page := self._db.execute(query, (last, _PAGE)).fetchall():
            records = [CaseRecord(*row) for row in page]
            yield from map(self._case, records)
            last = records[-1].place if order == "place" else records[-1].case_id

    def case(self, number: int) -> CohortCase:
        """Return a case with what is known of it."""
        row = self._db.execute(_CASE, (number,)).fetchone()
        return self._case(CaseRecord(*row))

    def due(self) -> Iterator[SurveyedCase]:
        """Yield the cases that are to be measured, in the order of the study."""
        last = -1
        while page := self._db.execute(
            "SELECT number, place, survey, kept FROM cases WHERE action = 'run' AND place > ? "
            "ORDER BY place LIMIT ?",
            (last, _PAGE),
        ).fetchall():
            for number, place, text, kept in page:
                yield SurveyedCase(number, place, Survey.from_json(text), tuple(kept.split()))
            last = page[-1][1]

    def tracebacks(self) -> list[str]:
        """Return the unexpected errors of planning, each with its case."""
        refused = self._db.execute(
            "SELECT survey FROM cases WHERE own_refusal IS NOT NULL ORDER BY place"
        )
        surveys = (Survey.from_json(text) for (text,) in refused)
        return [f"{survey.case_id}: {survey.log}" for survey in surveys if survey.log]

    def n_of(self, action: Action) -> int:
        """Return how many cases an action was decided for."""
        (n,) = self._db.execute("SELECT COUNT(*) FROM cases WHERE action = ?", (action,)).fetchone()
        return int(n)

    # Shards

    def exported(self) -> Iterator[str]:
        """Yield a line of JSON for each case, in the order of the study, for another cohort."""
        last = -1
        while page := self._db.execute(
            "SELECT mark, survey, action, reason, distrusted, status, head, seal, log, number, "
            "place "
            "FROM cases WHERE place > ? ORDER BY place LIMIT ?",
            (last, _PAGE),
        ).fetchall():
            for *values, number, _ in page:
                rows = self._db.execute(
                    "SELECT value FROM marks WHERE number = ? AND kind = 'instance'", (number,)
                )
                said = dict(zip(_EXPORTED, values, strict=True))
                yield json.dumps({**said, "instances": [value for (value,) in rows]})
            last = page[-1][-1]

    def take_exported(self, said: Mapping[str, Any], places: Mapping[str, int]) -> Survey:
        """Add a case that another cohort exported, and return its survey.

        Parameters
        ----------
        said : mapping
        places : mapping
            Case id -> its place in the study.

        Raises
        ------
        KeyError, TypeError, ValueError
            Where it is none, or of no case of the study.
        """
        survey = Survey.from_json(said["survey"])
        instances = map(int, said["instances"])
        number = self._surveys.add(survey, places[survey.case_id], str(said["mark"]), instances)
        self._db.execute(
            "UPDATE cases SET action = ?, reason = ?, distrusted = ? WHERE number = ?",
            (*(said[name] for name in _EXPORTED[2:5]), number),
        )
        self._results.keep(number, tuple(said[name] for name in _EXPORTED[5:]))
        if said["head"] is not None:
            self._results.mark_pixels(number, head_of(json.loads(said["head"])))
        return survey

    def _case(self, record: CaseRecord) -> CohortCase:
        return CohortCase(record, self._findings.refusal(record), self._findings.flags(record))
