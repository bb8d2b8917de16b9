"""The tables of a run as they leave: UIDs mapped, dates as days, no file and no scanner named."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from biomarker_cli.model.file_names import file_stem
from biomarker_cli.tables.cells import csv_line
from biomarker_cli.tables.outgoing_text import HIDDEN_FACTS, OutgoingText, first_days
from biomarker_cli.tables.packaged import PackagedTable, read_package

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES_OF_THE_STUDY = frozenset(
    {"case_id", "subject_id", "site_id", "timepoint", "roi_id", "analysis_id", "feature_id"}
)
"""Columns that hold what the study itself calls things: they are what rows are joined by."""

EMPTIED = frozenset({"roi_label", "source_file"})
"""Columns that hold what a file calls itself or its regions."""

_DIGEST = re.compile(r"(?:^|_)(?:sha256|key|digest)$")
_MESSAGES = frozenset({"error_message", "message", "reason", "note"})


class OutgoingTables:
    """Tables of a run.

    Parameters
    ----------
    folder : Path
        Of the run.
    keeps : bool
        Whether they leave as they are.
    uid : callable
        From a UID to the one that stands for it.

    Raises
    ------
    TableError
        ``TABLE-NOT-FOUND``, ``TABLE-PACKAGE``, ``TABLE-CHANGED``, ``TABLE-COLUMNS``.
    """

    def __init__(self, folder: Path, *, keeps: bool, uid: Callable[[str], str]) -> None:
        self.tables = read_package(folder)
        for table in self.tables.values():
            table.require_unchanged()
        self._subjects = {row["case_id"]: row["subject_id"] for row in self._rows("cases")}
        self._of_stems = {file_stem(case): subject for case, subject in self._subjects.items()}
        facts = ((self.subject_of(row), row) for row in self._rows("facts"))
        self.text = OutgoingText(keeps, first_days(facts), frozenset(self._subjects), uid)

    def subject_of(self, row: Mapping[str, str]) -> str:
        """Return the subject of a row, empty where it is of none."""
        return self._subjects.get(row.get("case_id", ""), "")

    def subject_of_file(self, stem: str) -> str:
        """Return the subject of a file of a case by the stem of its name, empty for none."""
        return self._of_stems.get(stem, "")

    def content(self, table: PackagedTable) -> bytes:
        """Return a table as it leaves."""
        if self.text.keeps:
            return table.path.read_bytes()
        lines = [csv_line(table.column_names)]
        lines += [csv_line(list(row.values())) for row in self._outgoing(table)]
        return "".join(lines).encode()

    def identifying(self) -> set[str]:
        """Return what must not be found in anything that leaves: UIDs, scanners, files."""
        found: set[str] = set()
        for table in self.tables.values():
            for row in self._rows(table.name):
                found.update(row[name] for name in row if name in EMPTIED - {"roi_label"})
                for name in (name for name in row if name.endswith(("_uid", "_uids"))):
                    found.update(part.partition("#")[0] for part in row[name].split(";"))
        facts = [row for row in self._rows("facts") if row["fact"] in HIDDEN_FACTS]
        return {*found, *(row["value"] for row in facts)} - {""}

    def naming_cells(self) -> Iterator[tuple[str, str]]:
        """Yield column and value of what names an object or a file, as it leaves."""
        for table in self.tables.values():
            for row in self._outgoing(table):
                for name, value in row.items():
                    if name == "source_file" or name.endswith(("_uid", "_uids")):
                        yield name, value

    def result_keys(self) -> dict[str, str]:
        """Return the key of the result of each case."""
        return {row["case_id"]: row["result_key"] for row in self._rows("cases")}

    def _rows(self, name: str) -> Iterable[dict[str, str]]:
        return self.tables[name].named_rows() if name in self.tables else ()

    def _outgoing(self, table: PackagedTable) -> Iterable[dict[str, str]]:
        if self.text.keeps:
            yield from self._rows(table.name)
            return
        texts = [column.name for column in table.columns if self._is_text(column.name, column.type)]
        for row in self._rows(table.name):
            subject = self.subject_of(row) or row.get("subject_id", "")
            if table.name == "facts":
                value = self.text.fact(row, subject)
                if value is None:
                    continue
                row["value"] = value
            for name in texts:
                row[name] = self._cell(name, row[name], subject)
            yield row

    @staticmethod
    def _is_text(name: str, kind: str) -> bool:
        return kind == "string" and name not in NAMES_OF_THE_STUDY and not _DIGEST.search(name)

    def _cell(self, name: str, text: str, subject: str) -> str:
        if name in EMPTIED:
            return ""
        if name in _MESSAGES:
            return self.text.message(text, subject)
        # A number with a unit is none of a date: `OutgoingText.fact` has looked at it.
        return text if name == "value" else self.text.text(text, subject)
