"""What a report that is made to be mailed tells: no UIDs, no dates, no scanners by name.

Under the identity of the study UIDs, station and serial number do not stand in it, dates
are days from the first visit of the subject, ROIs have their canonical names, and of
messages what was quoted from a file, and paths, are left out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from biomarker_cli.report.run_reading import Row, RunTables

STUDY, KEEP = "study", "keep"
IDENTITIES = (STUDY, KEEP)

LEFT_OUT = "(left out)"

_HIDDEN_FACTS = frozenset({"station", "device_serial"})
_UID = re.compile(r"(?<![\w.])(?:[0-2](?:\.\d+){4,}|2\.25\.\d{9,})(?:#\d+)?(?![\w.])")
_DATE = re.compile(
    r"(?<!\d)((?:19|20)\d\d)(-?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])"
    r"(?:T?(\d\d):?(\d\d)(?::?(\d\d))?(?:\.\d+)?(?!\d)|(?!\d))"
)
_QUOTED = re.compile(r"'[^'\n]*'")
_PATH = re.compile(
    r"[^\s\[\](),;]*[/\\][^\s\[\](),;]*|[^\s\[\](),;]+\.(?:dcm|nii|gz|nrrd|mha|mhd)\b"
)


@dataclass(frozen=True)
class ReportIdentity:
    """How text of a run leaves.

    Attributes
    ----------
    keeps : bool
        Whether all is told as the tables have it.
    baselines : mapping
        Subject -> day of the first visit.
    case_ids : collection of str
        They have slashes and are no paths.
    """

    keeps: bool
    baselines: Mapping[str, date] = field(default_factory=dict)
    case_ids: Collection[str] = frozenset()

    @classmethod
    def of(cls, tables: RunTables, choice: str) -> ReportIdentity:
        """Return the identity of a report of a run."""
        baselines: dict[str, date] = {}
        for case in tables.cases:
            subject = case["subject_id"]
            for fact in tables.facts.get(case["case_id"], ()):
                day = day_of(fact["value"]) if fact["fact"] == "study_date" else None
                if day is not None:
                    baselines[subject] = min(day, baselines.get(subject, day))
        return cls(choice == KEEP, baselines, frozenset(tables.case_of))

    def text(self, text: str, subject: str) -> str:
        """Return text of an acquisition: without UIDs, dates as days from the first visit."""
        if self.keeps:
            return text
        return _DATE.sub(lambda found: self._days(found, subject), _UID.sub(LEFT_OUT, text))

    def message(self, text: str, subject: str) -> str:
        """Return a message: without what it quotes from a file, and without paths."""
        if self.keeps:
            return text
        plain = _QUOTED.sub(LEFT_OUT, text)
        return self.text(_PATH.sub(self._path, plain), subject)

    def fact(self, row: Row, subject: str) -> str | None:
        """Return the value of a fact as it leaves; None where it does not."""
        if self.keeps:
            return row["value"]
        if row["fact"] in _HIDDEN_FACTS:
            return None
        # A number with a unit is none of a date.
        return row["value"] if row["unit"] else self.text(row["value"], subject)

    def plain(self, value: Any, subject: str) -> Any:
        """Return what JSON holds with every text as it leaves."""
        if isinstance(value, str):
            return self.text(value, subject)
        if isinstance(value, Mapping):
            return {
                self.text(str(key), subject): self.plain(one, subject) for key, one in value.items()
            }
        if isinstance(value, list):
            return [self.plain(one, subject) for one in value]
        return value

    def _path(self, found: re.Match[str]) -> str:
        word = found.group().rstrip(".:")
        return found.group() if word in self.case_ids else LEFT_OUT

    def _days(self, found: re.Match[str], subject: str) -> str:
        year, _, month, day, *clock = found.groups()
        at = day_of(f"{year}-{month}-{day}")
        baseline = self.baselines.get(subject)
        if at is None or baseline is None:
            return LEFT_OUT
        time = ":".join(part for part in clock if part)
        return f"day {(at - baseline).days}" + (f" {time}" if time else "")


def day_of(text: str) -> date | None:
    """Return the day that a text begins with, as DICOM or ISO 8601 write it."""
    digits = re.sub(r"\D", "", text[:10])[:8]
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return None
