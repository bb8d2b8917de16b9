"""What does not fit in a cohort, and what that makes of its cases."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

from biomarker_cli.study.survey import error_of, refusal_of

if TYPE_CHECKING:
    from biomarker_cli.model.errors import CaseError
    from biomarker_cli.study.cohort_case import CaseRecord


class CohortFindings:
    """The findings of one run on its cases; most studies have none, and none is asked for then.

    Parameters
    ----------
    connection : sqlite3.Connection
        Of the cohort.
    refuses : bool
        Whether a finding refuses its case; else it flags it.
    """

    def __init__(self, connection: sqlite3.Connection, *, refuses: bool) -> None:
        self._db = connection
        self._refuses = refuses
        self._n_findings = self._n_flags = 0

    def clear(self) -> None:
        """Forget those of an earlier run."""
        self._db.execute("DELETE FROM findings")
        self._db.execute("DELETE FROM flags")
        self._n_findings = self._n_flags = 0

    def find(self, number: int, error: CaseError) -> None:
        """Keep something that does not fit with a case."""
        self._n_findings += 1
        self._db.execute(
            "INSERT INTO findings VALUES (?, ?, ?, ?, ?, ?)",
            (number, self._n_findings, *refusal_of(error)),
        )

    def flag(self, number: int, flag: str) -> None:
        """Have all rows of a case carry a flag."""
        self._n_flags += 1
        self._db.execute("INSERT OR IGNORE INTO flags VALUES (?, ?)", (number, flag))

    def of(self, number: int) -> list[CaseError]:
        """Return what does not fit with a case, in the order in which it was found."""
        rows = self._db.execute(
            "SELECT code, message, place, hint FROM findings WHERE number = ? ORDER BY rank",
            (number,),
        )
        return [error_of(row) for row in rows]

    def refusal(self, record: CaseRecord) -> CaseError | None:
        """Return why a case is refused: by planning, or by the first thing that does not fit."""
        if record.own_refusal:
            return error_of(json.loads(record.own_refusal))
        found = self.of(record.number) if self._refuses and self._n_findings else ()
        return next(iter(found), None)

    def flags(self, record: CaseRecord) -> frozenset[str]:
        """Return what all rows of a case carry."""
        if not record.own_flags and not self._n_flags and not self._n_findings:
            return frozenset()
        flags = set(record.own_flags.split())
        if self._n_flags:
            rows = self._db.execute("SELECT flag FROM flags WHERE number = ?", (record.number,))
            flags |= {flag for (flag,) in rows}
        if not self._refuses and self._n_findings:
            flags |= {flag_of(finding) for finding in self.of(record.number)}
        return frozenset(flags)


def flag_of(finding: CaseError) -> str:
    """Return the flag that stands for a finding of the cohort."""
    return finding.code.lower().replace("-", "_")
