"""Whose subject a file is: by the study's own list, or by what the key makes of its id."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from biomarker_cli.dicom.identity import pseudonym
from biomarker_cli.exchange.errors import ExchangeError, ObjectRefusedError
from biomarker_cli.tables.columns import Words, read_columns

_SUBJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_SHORTEST_PART = 4


@dataclass(frozen=True)
class Subjects:
    """The subject of each patient.

    Attributes
    ----------
    key : bytes
    listed : mapping of (str, str) to str, or None
        PatientID and StudyInstanceUID, one of them or both -> subject. None makes one
        subject of each PatientID.
    """

    key: bytes = field(repr=False)
    listed: Mapping[tuple[str, str], str] | None = None

    def of(self, patient_id: str, study_uid: str) -> str:
        """Return the subject of a file.

        Raises
        ------
        ObjectRefusedError
            ``DEID-NO-PATIENT`` where nothing says whose it is: two persons would share
            one subject. ``DEID-NO-SUBJECT`` where the list does not name it.
        """
        listed = self.listed or {}
        found = listed.get((patient_id, study_uid)) or listed.get((patient_id, ""))
        if found:
            return found
        if not patient_id:
            raise ObjectRefusedError(
                "DEID-NO-PATIENT",
                "the file has no PatientID",
                hint="Name the subject of its study in --subjects, in the column study_uid.",
            )
        if self.listed is not None:
            raise ObjectRefusedError("DEID-NO-SUBJECT", "the list of subjects has no such patient")
        return f"S{pseudonym(self.key, f'subject{chr(0)}{patient_id}')}"


def read_subjects(path: Path, key: bytes) -> Subjects:
    """Read a list: ``patient_id`` and ``subject_id``, and ``study_uid`` where an id is not enough.

    Raises
    ------
    TableError
        Where it is no such table.
    ExchangeError
        ``DEID-SUBJECTS`` for a row that is empty, contradicts another one, or whose
        subject says the patient's id.
    """
    texts = read_columns(path, ("patient_id", "subject_id"), ("study_uid",), ()).texts
    columns = {name: _cells(words) for name, words in texts.items()}
    studies = columns.get("study_uid", [""] * len(columns["patient_id"]))
    found: dict[tuple[str, str], str] = {}
    rows = zip(columns["patient_id"], studies, columns["subject_id"], strict=True)
    for line, (patient, study, subject) in enumerate(rows, start=2):
        if not _SUBJECT.fullmatch(subject):
            raise _bad(path, line, "subject_id is no word of letters, digits, _ and -")
        if not patient and not study:
            raise _bad(path, line, "expected patient_id, study_uid or both")
        if found.setdefault((patient, study), subject) != subject:
            raise _bad(path, line, "the patient has another subject above")
    if not found:
        raise _bad(path, 1, "no row")
    said = {one.casefold() for pair in found for one in pair if one}
    for subject in set(found.values()):
        if any(_says(subject.casefold(), one) for one in said):
            raise ExchangeError(
                "DEID-SUBJECTS",
                "a subject_id repeats a patient_id of the list: it would leave with the copies",
                where=path.name,
                hint="Choose names that say nothing, such as S0001.",
            )
    return Subjects(key, found)


def _cells(words: Words) -> list[str]:
    return [words[row].strip() for row in range(len(words))]


def _says(subject: str, patient: str) -> bool:
    return subject == patient or (len(patient) >= _SHORTEST_PART and patient in subject)


def _bad(path: Path, line: int, what: str) -> ExchangeError:
    return ExchangeError("DEID-SUBJECTS", what, where=f"{path.name}:{line}")
