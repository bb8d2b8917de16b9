"""Text of a run as it leaves: UIDs, dates, paths and what a message quotes stand in it.

One place says what looks like a UID, a date or a path, for whatever is sent to another
centre: a report, a bundle.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from biomarker_cli.model.study_dates import STUDY_DATE, study_day

STUDY, KEEP = "study", "keep"
"""Whose identity leaves: the names of the study alone, or all that the tables have."""

LEFT_OUT = "(left out)"

HIDDEN_FACTS = frozenset({"station", "device_serial"})
"""Facts that name a scanner."""

_UID = re.compile(r"(?<![\w.])((?:[0-2](?:\.\d+){4,}|2\.25\.\d{9,}))((?:#\d+)?)(?!\w|\.\w)")
_DATE = re.compile(
    r"(?<!\d)((?:19|20)\d\d)(-?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])"
    r"(?:T?(\d\d):?(\d\d)(?::?(\d\d))?(?:\.\d+)?(?!\d)|(?!\d))"
)
_DIGEST = re.compile(r"(?=.*[a-f])[0-9a-f]{12,128}")
_OTHER_DATE = re.compile(
    r"(?<![\d./-])(?:(?:19|20)\d\d([./])\d\d?\1\d\d?|\d\d?([./-])\d\d?\2(?:19|20)\d\d"
    r"|\d\d?([ .-]{1,2})[A-ZÀ-Ý][^\W\d_]{2,8}[.]?([ -])(?:19|20)\d\d"
    r"|[A-ZÀ-Ý][^\W\d_]{2,8}[.]? \d\d?,? (?:19|20)\d\d)(?![\d/-]|\.\d)",
)
"""As people write them: which is the month is not told, so no day is counted."""

_IN_QUOTES = re.compile(r'"[^"\n]*"')
_QUOTED = re.compile(r"(?<!\w)'[^'\n]*'(?!\w)")
_ANY_QUOTED = re.compile(r"'.*'", re.DOTALL)
_PATH = re.compile(
    r"[^\s\[\](),;]*[/\\][^\s\[\](),;]*|[^\s\[\](),;]+\.(?:dcm|nii|gz|nrrd|mha|mhd)\b"
)


def without_quotes(text: str) -> str:
    """Return a message without what it quotes; what is quoted may hold quotes itself."""
    text = _IN_QUOTES.sub(LEFT_OUT, text)
    plain = _QUOTED.sub(LEFT_OUT, text)
    # Which of several ends O'Brien is not told: all between the first and the last one.
    return plain if "'" not in plain else _ANY_QUOTED.sub(LEFT_OUT, text)


def nothing_of(_uid: str) -> str:
    """Return what stands for a UID of which nothing is told."""
    return LEFT_OUT


@dataclass(frozen=True)
class OutgoingText:
    """How text of a run leaves.

    Attributes
    ----------
    keeps : bool
        Whether all is told as the tables have it.
    baselines : mapping
        Subject -> day of the first visit.
    case_ids : collection of str
        They have slashes and are no paths.
    uid : callable
        From a UID to what stands for it.
    """

    keeps: bool
    baselines: Mapping[str, date] = field(default_factory=dict)
    case_ids: Collection[str] = frozenset()
    uid: Callable[[str], str] = nothing_of

    def text(self, text: str, subject: str) -> str:
        """Return text of an acquisition: UIDs mapped, dates as days from the first visit."""
        # Some digits of a digest look like a date.
        if self.keeps or _DIGEST.fullmatch(text):
            return text
        plain = _OTHER_DATE.sub(LEFT_OUT, _UID.sub(self._mapped, text))
        return _DATE.sub(lambda found: self._days(found, subject), plain)

    def message(self, text: str, subject: str) -> str:
        """Return a message: without what it quotes from a file, and without paths."""
        if self.keeps:
            return text
        plain = without_quotes(text)
        return self.text(_PATH.sub(self._path, plain), subject)

    def fact(self, row: Mapping[str, str], subject: str) -> str | None:
        """Return the value of a fact as it leaves; None where it does not."""
        if self.keeps:
            return row["value"]
        if row["fact"] in HIDDEN_FACTS:
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

    def _mapped(self, found: re.Match[str]) -> str:
        uid, number = found.groups()
        said = self.uid(uid)
        return said if said == LEFT_OUT else said + number

    def _path(self, found: re.Match[str]) -> str:
        word = found.group().rstrip(".:")
        return found.group() if word in self.case_ids else LEFT_OUT

    def _days(self, found: re.Match[str], subject: str) -> str:
        year, _, month, day, *clock = found.groups()
        at = study_day(f"{year}-{month}-{day}")
        baseline = self.baselines.get(subject)
        if at is None or baseline is None:
            return LEFT_OUT
        time = ":".join(part for part in clock if part)
        return f"day {(at - baseline).days}" + (f" {time}" if time else "")


def first_days(facts: Iterable[tuple[str, Mapping[str, str]]]) -> dict[str, date]:
    """Return the day of the first visit of each subject.

    Parameters
    ----------
    facts : iterable of (str, mapping)
        Subject, and a row of ``facts.csv``.
    """
    found: dict[str, date] = {}
    for subject, fact in facts:
        day = study_day(fact["value"]) if fact["fact"] == STUDY_DATE else None
        if day is not None:
            found[subject] = min(day, found.get(subject, day))
    return found
