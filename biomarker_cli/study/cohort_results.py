"""The results of a cohort, as its database has them: what a run looks at, not the rows."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING

from biomarker_cli.study.cohort_database import hash_of, sum_of

if TYPE_CHECKING:
    from biomarker_cli.study.cohort_case import ToldResult
    from biomarker_cli.study.packed import ResultHead


class CohortResults:
    """What stored results say of the cases of a cohort.

    Parameters
    ----------
    connection : sqlite3.Connection
        Of the cohort.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    def take(self, number: int, told: ToldResult) -> None:
        """Keep what was told of the stored result of a case."""
        head = told.head
        said = head.status, json.dumps(head.as_json()), told.seal, json.dumps(told.said)
        self.keep(number, said)
        self.mark_pixels(number, head)

    def keep(self, number: int, said: tuple[str | None, ...]) -> None:
        """Keep status, head, seal and log of a result."""
        self._db.execute(
            "UPDATE cases SET status = ?, head = ?, seal = ?, log = ?, result_sum = ? "
            "WHERE number = ?",
            (*said, sum_of(*said), number),
        )

    def mark_pixels(self, number: int, head: ResultHead) -> None:
        """Keep whose the pixels of a case are."""
        self._drop_pixels(number)
        if head.pixels:
            mark = ("pixels", hash_of(head.pixels), hash_of(*head.visit), number)
            self._db.execute("INSERT INTO marks VALUES (?, ?, ?, ?)", mark)

    def drop(self, number: int) -> None:
        """Forget the result of a case."""
        self.keep(number, (None, None, None, None))
        self._drop_pixels(number)

    def _drop_pixels(self, number: int) -> None:
        self._db.execute("DELETE FROM marks WHERE number = ? AND kind = 'pixels'", (number,))
