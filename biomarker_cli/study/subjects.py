"""Who is who in a folder of DICOM: series of one person get one subject identifier."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from biomarker_cli.catalogue.candidate import VolumeCandidate
from biomarker_cli.catalogue.pseudonyms import Person

SeriesKey = tuple[str, str]


@dataclass(frozen=True)
class FoundSeries:
    """One series with what the study needs of it."""

    candidates: tuple[VolumeCandidate, ...]
    patient_id: str
    person: Person
    institution: str
    study_uid: str
    date: str
    folders: tuple[Path, ...]

    @property
    def first(self) -> VolumeCandidate:
        """A volume of the series."""
        return self.candidates[0]

    @property
    def key(self) -> SeriesKey:
        """StudyInstanceUID and SeriesInstanceUID: one series may stand in two studies."""
        return self.study_uid, self.first.series_uid


def tell_apart(series: Sequence[FoundSeries]) -> tuple[dict[SeriesKey, str], list[str]]:
    """Tell the persons apart: a PatientID is one person only where nothing speaks against it.

    Returns
    -------
    subjects : dict
        Study and SeriesInstanceUID -> identifier.
    doubtful : list of str
        What a person must look at; nothing of the patients stands in it.
    """
    by_patient: dict[str, list[list[FoundSeries]]] = defaultdict(list)
    # What says most of its patient comes first; the order of files decides nothing.
    for item in sorted(series, key=_by_what_is_said):
        # Without a PatientID there is one examination, and no more can be told.
        groups = by_patient[item.patient_id or f"\0{item.study_uid}"]
        fitting = (g for g in groups if not any(item.person.conflicts(o.person) for o in g))
        group = next(fitting, None)
        if group is None:
            groups.append(group := [])
        group.append(item)
    subjects: dict[SeriesKey, str] = {}
    doubtful: list[str] = []
    for patient in sorted(by_patient):
        names = []
        for group in by_patient[patient]:
            names.append(f"S{len(set(subjects.values())) + 1:04d}")
            subjects |= {item.key: names[-1] for item in group}
        doubtful += _doubts(patient, by_patient[patient], names)
    return subjects, doubtful


def _by_what_is_said(series: FoundSeries) -> tuple[int, str, str]:
    said = sum(map(bool, series.person))
    return -said, series.date, series.first.series_uid


def _doubts(
    patient: str, groups: Sequence[Sequence[FoundSeries]], names: Sequence[str]
) -> list[str]:
    found = []
    if patient.startswith("\0"):
        found.append(f"{names[0]} has no PatientID: one examination is taken for one subject")
    if len(groups) > 1:
        differing = sorted(
            {word for g, h in pairwise(groups) for word in g[0].person.conflicts(h[0].person)}
        )
        found.append(
            f"{' and '.join(names)} have one PatientID but differ in {', '.join(differing)}: "
            "they are taken for several persons"
        )
    for name, group in zip(names, groups, strict=True):
        if len({item.institution for item in group} - {""}) > 1:
            found.append(
                f"{name} has images of several institutions under one PatientID: is it one person?"
            )
    return found


def link_rows(
    series: Sequence[FoundSeries], subjects: Mapping[SeriesKey, str]
) -> list[dict[str, str]]:
    """Return the rows of the subject link; studies tell apart who shares a PatientID."""
    studies: dict[tuple[str, str], set[str]] = defaultdict(set)
    for item in series:
        studies[subjects[item.key], item.patient_id].add(item.study_uid)
    return [
        {"subject_id": subject, "patient_id": patient, "study_uids": ";".join(sorted(uids))}
        for (subject, patient), uids in sorted(studies.items())
    ]
