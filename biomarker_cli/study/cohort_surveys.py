"""The surveys of a cohort, as its database has them, with the marks that cases may share."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import TYPE_CHECKING

from biomarker_cli.study.cohort_database import hash_of, sum_of
from biomarker_cli.study.survey import Survey

if TYPE_CHECKING:
    from biomarker_cli.study.cohort_results import CohortResults

_KEPT = (
    "SELECT number, survey_sum, result_sum, CAST(survey AS BLOB), CAST(own_refusal AS BLOB), "
    "CAST(own_flags AS BLOB), CAST(status AS BLOB), CAST(head AS BLOB), CAST(seal AS BLOB), "
    "CAST(log AS BLOB) FROM cases WHERE case_id = ? AND mark = ?"
)


class CohortSurveys:
    """The surveys of the cases of a cohort, those of one run at a time.

    Parameters
    ----------
    connection : sqlite3.Connection
        Of the cohort.
    results : CohortResults
    """

    def __init__(self, connection: sqlite3.Connection, results: CohortResults) -> None:
        self._db = connection
        self._results = results
        last_pass, last_number = connection.execute(
            "SELECT COALESCE(MAX(pass), 0), COALESCE(MAX(number), 0) FROM cases"
        ).fetchone()
        self._pass = int(last_pass) + 1
        self._last_number = int(last_number)

    def known(self, case_id: str, mark: str, place: int) -> Survey | None:
        """Return the survey of a case that was made of the same, and take it up."""
        row = self._db.execute(_KEPT, (case_id, mark)).fetchone()
        if row is None or not mark:
            return None
        number, survey_sum, result_sum, survey, own_refusal, own_flags, *result = row
        if survey_sum != sum_of(case_id, mark, survey, own_refusal, own_flags):
            return None
        if any(result) and result_sum != sum_of(*result):
            self._results.drop(number)
        self._db.execute(
            "UPDATE cases SET place = ?, pass = ?, action = '', reason = '', distrusted = 0 "
            "WHERE number = ?",
            (place, self._pass, number),
        )
        return Survey.from_json(survey.decode("utf-8", "surrogatepass"))

    def add(self, survey: Survey, place: int, mark: str, instances: Iterable[int]) -> int:
        """Add a case, or put another survey in the place of an older one; return its number.

        Parameters
        ----------
        survey : Survey
        place : int
        mark : str
            What it was made of; empty where that may change unseen.
        instances : iterable of int
            Hashes of the SOPInstanceUIDs of its images (`hash_of`).
        """
        number, is_new = self._number_of(survey.case_id)
        refusal = None if survey.refusal is None else json.dumps(survey.refusal)
        said = survey.to_json(), refusal, " ".join(survey.flags)
        self._db.execute(
            "INSERT OR REPLACE INTO cases (number, case_id, place, pass, mark, survey, "
            "own_refusal, own_flags, survey_sum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                number,
                survey.case_id,
                place,
                self._pass,
                mark,
                *said,
                sum_of(survey.case_id, mark, *said),
            ),
        )
        if not is_new:
            self._db.execute("DELETE FROM marks WHERE number = ?", (number,))
        visit, subject = hash_of(*survey.visit), hash_of(*survey.subject)
        marks = [("instance", uid, visit) for uid in instances]
        marks += [("study", hash_of(uid), subject) for uid in survey.studies]
        marks += [("frame", hash_of(uid), subject) for uid in survey.frames]
        marks += [("patient", hash_of(survey.site_id, p), subject) for p in survey.patient_ids]
        self._db.executemany(
            "INSERT OR IGNORE INTO marks VALUES (?, ?, ?, ?)", [(*m, number) for m in marks]
        )
        return number

    def _number_of(self, case_id: str) -> tuple[int, bool]:
        """Return the number of a case, and whether it has just got it."""
        row = self._db.execute("SELECT number FROM cases WHERE case_id = ?", (case_id,)).fetchone()
        if row is not None:
            return int(row[0]), False
        self._last_number += 1
        return self._last_number, True

    def update(self, number: int, survey: Survey, *, doubtful: bool = False) -> None:
        """Learn more of a case; what was made of a doubtful one is not taken again."""
        case_id, mark, *own = self._db.execute(
            "SELECT case_id, mark, own_refusal, own_flags FROM cases WHERE number = ?", (number,)
        ).fetchone()
        mark, text = "" if doubtful else mark, survey.to_json()
        self._db.execute(
            "UPDATE cases SET survey = ?, mark = ?, survey_sum = ? WHERE number = ?",
            (text, mark, sum_of(case_id, mark, text, *own), number),
        )

    def drop_others(self) -> None:
        """Drop the cases that this run has not met."""
        gone = self._db.execute("SELECT number FROM cases WHERE pass <> ?", (self._pass,))
        numbers = gone.fetchall()
        self._db.executemany("DELETE FROM marks WHERE number = ?", numbers)
        self._db.executemany("DELETE FROM cases WHERE number = ?", numbers)
