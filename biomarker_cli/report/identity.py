"""What a report that is made to be mailed tells: no UIDs, no dates, no scanners by name.

Under the identity of the study UIDs, station and serial number do not stand in it, dates
are days from the first visit of the subject, ROIs have their canonical names, and of
messages what was quoted from a file, and paths, are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from biomarker_cli.tables.outgoing_text import KEEP, OutgoingText, first_days

if TYPE_CHECKING:
    from typing import Self

    from biomarker_cli.report.run_reading import RunTables


class ReportIdentity(OutgoingText):
    """How text of a run leaves in a report: nothing stands for a UID."""

    @classmethod
    def of(cls, tables: RunTables, choice: str) -> Self:
        """Return the identity of a report of a run."""
        facts = (
            (case["subject_id"], fact)
            for case in tables.cases
            for fact in tables.facts.get(case["case_id"], ())
        )
        return cls(choice == KEEP, first_days(facts), frozenset(tables.case_of))
