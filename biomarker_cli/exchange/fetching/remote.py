"""What a source is asked for, and what it says that it has: the same for every protocol."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol

from biomarker_cli.exchange.fetching.errors import RemoteError, SourceError, SourceRefusedError
from biomarker_cli.exchange.uids import is_archive_uid

_DATE = re.compile(r"[0-9]{8}", re.ASCII)
_MODALITY = re.compile(r"[A-Z0-9_ ]{1,16}", re.ASCII)
_WILD = frozenset("*?\\")
_LONGEST_ID = 64


def is_modality(text: str) -> bool:
    """Tell whether text is a code string such as PT, CT or MR."""
    return bool(_MODALITY.fullmatch(text))


def uid_from_outside(text: object, what: str) -> str:
    """Return a UID that a source said.

    Parameters
    ----------
    text : object
    what : str
        Keyword of the attribute.

    Raises
    ------
    RemoteError
        ``FETCH-UID``; it is not quoted.
    """
    if not isinstance(text, str) or not is_archive_uid(text):
        raise RemoteError("FETCH-UID", f"the source gives a {what} that is no UID")
    return text


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for; an empty field matches everything.

    Attributes
    ----------
    patient_id : str
        PatientID, exactly: no wildcards.
    study_uid, series_uid : str
    modality : str
        Of the series.
    first_date, last_date : str
        StudyDate, YYYYMMDD, both included; one may be empty.
    """

    patient_id: str = ""
    study_uid: str = ""
    series_uid: str = ""
    modality: str = ""
    first_date: str = ""
    last_date: str = ""

    def __post_init__(self) -> None:
        for name, uid in (("study", self.study_uid), ("series", self.series_uid)):
            if uid and not is_archive_uid(uid):
                raise _bad_query(f"the {name} is no UID of at most 64 digits and points")
        if _WILD & set(self.patient_id) or not self.patient_id.isprintable():
            raise _bad_query("the patient holds *, ? or \\: it is looked for exactly")
        if len(self.patient_id) > _LONGEST_ID or self.patient_id != self.patient_id.strip():
            raise _bad_query("the patient has more than 64 characters, or blanks around it")
        if self.modality and not is_modality(self.modality):
            raise _bad_query("the modality is no word such as PT, CT or MR")
        for date in (self.first_date, self.last_date):
            if date and not _DATE.fullmatch(date):
                raise _bad_query("a date is not written YYYYMMDD")
        if self.first_date and self.last_date and self.first_date > self.last_date:
            raise _bad_query("the first date lies behind the last one")

    @property
    def is_empty(self) -> bool:
        """Whether it would match whatever the source has."""
        return self == Query()

    @property
    def dates(self) -> str:
        """The range as DICOM writes it, empty where all dates match."""
        if self.first_date == self.last_date:
            return self.first_date
        return f"{self.first_date}-{self.last_date}"

    def holds_date(self, date: str) -> bool:
        """Tell whether a StudyDate lies in the range."""
        if not self.first_date and not self.last_date:
            return True
        return bool(_DATE.fullmatch(date)) and (
            (self.first_date or date) <= date <= (self.last_date or date)
        )

    def holds_study(self, study_uid: str, patient_id: str, date: str) -> bool:
        """Tell whether a study that a source gives is one that is asked for.

        Parameters
        ----------
        study_uid, patient_id, date : str
            As the source says; empty where it does not.

        Raises
        ------
        SourceRefusedError
            ``FETCH-ANSWER`` where it does not say what decides: the study may be one.
        """
        if self.study_uid not in ("", study_uid):
            return False
        if self.patient_id:
            _require_told(patient_id, "PatientID", study_uid)
            if patient_id != self.patient_id:
                return False
        if self.first_date or self.last_date:
            _require_told(_DATE.fullmatch(date), "StudyDate", study_uid)
        return self.holds_date(date)

    def holds_series(self, series_uid: str, modality: str) -> bool:
        """Tell whether a series of a study that is asked for is asked for as well.

        Raises
        ------
        SourceRefusedError
            As `holds_study` does.
        """
        if self.series_uid not in ("", series_uid):
            return False
        if self.modality:
            _require_told(modality, "Modality", series_uid)
        return self.modality in ("", modality)


def _require_told(told: object, keyword: str, where: str) -> None:
    if not told:
        raise SourceRefusedError(
            "FETCH-ANSWER",
            f"the source does not say the {keyword} of a study or series that it gives for one",
            where=where,
            hint="Ask for the study or the series by its UID.",
        )


def _bad_query(what: str) -> SourceError:
    return SourceError("FETCH-QUERY", what, hint="`biomarker fetch --help` shows examples.")


@dataclass(frozen=True, slots=True)
class RemoteSeries:
    """A series that a source says it has.

    Attributes
    ----------
    study_uid, series_uid : str
    modality : str
        Empty where it is not told.
    """

    study_uid: str
    series_uid: str
    modality: str = ""


@dataclass(frozen=True, slots=True)
class RemoteInstance:
    """An instance that a source says it has; what is not told is empty or None.

    Attributes
    ----------
    sop_instance_uid, sop_class_uid : str
    """

    sop_instance_uid: str
    sop_class_uid: str = ""


Receive = Callable[[Iterable[bytes]], None]
"""Stores one Part 10 file, handed over in pieces; it ends when they end.

What the pieces raise is raised, and nothing is stored: who hands them over raises where
the file was cut. An object that was not asked for is read to its end and dropped.
"""


class Remote(Protocol):
    """A source that is connected, whatever it speaks; a context manager.

    All three calls raise `RemoteError` where asking again may help, and its subclasses
    where it does not.
    """

    def __enter__(self) -> Remote:
        """Connect, where the protocol asks for it."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the connection."""

    def find_series(self, query: Query) -> list[RemoteSeries]:
        """Return the series that match; each UID has been checked, none stands twice."""

    def find_instances(self, series: RemoteSeries) -> list[RemoteInstance]:
        """Return every instance of a series, by a query of the IMAGE level."""

    def retrieve(
        self, series: RemoteSeries, instances: Sequence[RemoteInstance], receive: Receive
    ) -> None:
        """Hand over instances of a series, as they are stored.

        Others of the series may come as well: `receive` drops what was not asked for.
        """
