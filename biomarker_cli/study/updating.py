"""Add the examinations that have come since to a study that people have edited.

What stands in ``cases.csv`` stays, byte for byte: rows are written behind it. Who is
who is told by the rows first, as they may have been edited, then by the subject link.
``study.yaml`` is read, never written.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.model.wording import counted, shown
from biomarker_cli.study.appending import KeptList, read_kept, replace_kept
from biomarker_cli.study.case_list import listed
from biomarker_cli.study.errors import StudyError
from biomarker_cli.study.initialise import (
    LINK_FILE,
    InitReport,
    Progress,
    name_unknown_sites,
    require_writable,
    study_roles,
)
from biomarker_cli.study.proposing import (
    Archive,
    CaseNames,
    Proposed,
    Remarks,
    absolute,
    case_rows,
    fill_masks,
    linked,
    propose,
    role_of,
    subjects_of,
)
from biomarker_cli.study.sites import UNKNOWN_SITE, site_ids, site_rule
from biomarker_cli.study.study_file import read_study_model
from biomarker_cli.study.study_paths import StudyFolders
from biomarker_cli.study.subjects import FoundSeries, SeriesKey

_LINK_COLUMNS = ("subject_id", "patient_id", "study_uids")
_CASE_COLUMNS = ("site_id", "subject_id", "timepoint", "role", "image", "mask")
_SUBJECT = re.compile(r"S([0-9]{4,9})")
_TIMEPOINT = re.compile(r"T([0-9]{1,6})")


def update_study(
    folder: Path,
    progress: Progress | None = None,
    *,
    output: Path | None = None,
    site_from: str = "",
) -> InitReport:
    """Write rows for the examinations that a study does not know behind its rows.

    Parameters
    ----------
    folder : Path
        Folder that holds the DICOM.
    progress : callable, optional
    output : Path, optional
        Folder of the study file; by default that of the data.
    site_from : str
        How sites of new subjects are told; see `sites.site_rule`.

    Returns
    -------
    InitReport
        Of what is new.

    Raises
    ------
    StudyError
        ``STUDY-NOT-FOUND``, ``STUDY-INVALID``, ``STUDY-CASES``, ``STUDY-NO-LINK``,
        ``STUDY-SITE-FROM``, ``STUDY-CHANGED``.
    InputNotFoundError
        ``PATH-NOT-FOUND``.
    """
    rule = site_rule(site_from) if site_from else None
    archive = Archive(absolute(folder), absolute(output or folder), rule)
    root = archive.root
    model = read_study_model(root / "study.yaml")
    cases = read_kept(StudyFolders(root).file(model.cases, "cases"), _CASE_COLUMNS, "STUDY-CASES")
    link = _read_link(root / LINK_FILE)
    require_writable(root)
    remarks = Remarks()
    proposed = propose(scan([archive.folder], progress), archive, remarks)
    known = _Known.of_lists(cases, link, proposed, root)
    new = [one for one in proposed.series if not known.has(one)]
    unused = {role_of(one) for one in new} - {"", *model.roles}
    new = _with_a_role(new, unused, remarks)
    before = set(known.subjects)
    names = _names(new, proposed, known, remarks)
    named = [one for one in new if one.key in names]
    added = case_rows(named, names, archive, remarks, known.cases)
    rows = list(added.values())
    fill_masks(rows, proposed, remarks)
    _name_waiting(cases, proposed, remarks)
    # The rows first: what stops between the two is told by the rows next time.
    replace_kept(cases, cases.with_rows(rows))
    replace_kept(link, link.with_rows(_new_links(proposed, added, known)))
    return InitReport.of_rows(root, rows, remarks, before)


def _read_link(path: Path) -> KeptList:
    if not path.is_file():
        raise StudyError(
            "STUDY-NO-LINK",
            f"there is no {LINK_FILE} beside the study file",
            hint="Restore it: without it nobody can tell whose the new examinations are. "
            "A new study is made by `biomarker init DIR -o OUT`.",
        )
    return read_kept(path, _LINK_COLUMNS, "STUDY-NO-LINK")


@dataclass
class _Known:
    """What the study says of its subjects.

    Attributes
    ----------
    series : dict
        Series that stand in rows -> subject.
    studies : set of str
        Examinations that the study knows, with rows or without.
    patients : dict
        PatientID -> subjects, of the link and of the rows.
    sites : dict
        Subject -> the sites of its rows.
    dates : dict
        Subject -> date of an examination -> its timepoint.
    timepoints : dict
        Subject -> the timepoints of its rows.
    subjects : set of str
        All that occur.
    cases : set of (str, str, str)
        Subject, timepoint and role of the rows.
    linked : set of (str, str)
        Subject and StudyInstanceUID of the link.
    """

    series: dict[SeriesKey, str] = field(default_factory=dict)
    studies: set[str] = field(default_factory=set)
    patients: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    sites: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    dates: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    timepoints: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    subjects: set[str] = field(default_factory=set)
    cases: set[tuple[str, str, str]] = field(default_factory=set)
    linked: set[tuple[str, str]] = field(default_factory=set)

    @classmethod
    def of_lists(cls, cases: KeptList, link: KeptList, proposed: Proposed, root: Path) -> _Known:
        """Return what the rows and the link say, with what the files say of the same series."""
        known = cls()
        for row in link.rows:
            uids = set(listed(row["study_uids"]))
            known.studies |= uids
            known.linked |= {(row["subject_id"], uid) for uid in uids}
            known.subjects.add(row["subject_id"])
            known.patients[row["patient_id"]].add(row["subject_id"])
        finder = _SeriesFinder(proposed.series, root)
        renamed: dict[str, set[str]] = defaultdict(set)
        for row in cases.rows:
            subject = row["subject_id"]
            known.subjects.add(subject)
            known.sites[subject].add(row["site_id"])
            known.timepoints[subject].add(row["timepoint"])
            known.cases.add((subject, row["timepoint"], row["role"]))
            for one in finder.meant(row):
                known.series[one.key] = subject
                known.studies.add(one.study_uid)
                known.dates[subject][one.date] = row["timepoint"]
                renamed[one.patient_id].add(subject)
        # Where a person has renamed a subject, its rows say who it is, and not the link.
        standing = {row["subject_id"] for row in cases.rows}
        for patient, subjects in renamed.items():
            known.patients[patient] = subjects | (known.patients[patient] & standing)
        return known

    def has(self, one: FoundSeries) -> bool:
        """Tell whether the study knows the examination of a series."""
        return one.study_uid in self.studies

    def next_subject(self) -> str:
        """Return the number behind all that were given out."""
        numbers = [int(found[1]) for name in self.subjects if (found := _SUBJECT.fullmatch(name))]
        name = f"S{max(numbers, default=0) + 1:04d}"
        self.subjects.add(name)
        return name

    def timepoint(self, subject: str, date: str) -> tuple[str, bool]:
        """Return the timepoint of a date of a subject, and whether it breaks the order of dates."""
        there = self.dates[subject]
        if date in there:
            return there[date], False
        numbers = [
            int(found[1])
            for name in self.timepoints[subject]
            if (found := _TIMEPOINT.fullmatch(name))
        ]
        name = f"T{max([len(self.timepoints[subject]), *numbers]) + 1}"
        breaks_order = any(date < other for other in there)
        there[date] = name
        self.timepoints[subject].add(name)
        return name, breaks_order


class _SeriesFinder:
    """Which of the series found the rows of a list mean."""

    def __init__(self, series: Iterable[FoundSeries], root: Path) -> None:
        self._root = root
        self._by_uid: dict[str, list[FoundSeries]] = defaultdict(list)
        self._by_folder: dict[Path, list[FoundSeries]] = defaultdict(list)
        for one in series:
            self._by_uid[one.first.series_uid].append(one)
            for folder in one.folders:
                for above in (folder, *folder.parents):
                    self._by_folder[above].append(one)

    def meant(self, row: Mapping[str, str]) -> list[FoundSeries]:
        """Return the series of a row: by its UID, else all of its role in its folders."""
        wanted = row.get("series_uid", "")
        if wanted:
            uid, _, study = wanted.partition("#")[0].partition("@")
            return [one for one in self._by_uid[uid] if study in {"", one.study_uid}]
        folders = [absolute(self._root / path) for path in listed(row["image"])]
        found = {one.key: one for folder in folders for one in self._by_folder.get(folder, ())}
        return [one for one in found.values() if role_of(one) == row["role"]]


def _with_a_role(
    series: list[FoundSeries], unused: set[str], remarks: Remarks
) -> list[FoundSeries]:
    """Return the series but those whose role the study has not: they are named."""
    for role in sorted(unused):
        lines = " ".join(line.strip() for line in study_roles({role}))
        count = sum(role_of(one) == role for one in series)
        remarks.left_out.append(
            f"{counted(count, 'new series', 'new series')} of the role {role}, which study.yaml "
            f"has not: add `{lines}` there, and update again"
        )
    return [one for one in series if role_of(one) not in unused]


def _names(
    new: list[FoundSeries], proposed: Proposed, known: _Known, remarks: Remarks
) -> dict[SeriesKey, CaseNames]:
    """Return site, subject and timepoint of the new series whose subject can be told."""
    quiet = Remarks()
    # Remarks on the whole archive were made when the study was.
    persons = subjects_of(proposed, quiet)
    of_person: dict[str, list[FoundSeries]] = defaultdict(list)
    for one in proposed.series:
        of_person[persons[one.key]].append(one)
    sites = _sites(new, proposed, known, remarks)
    new_subjects: dict[str, str] = {}
    names = {}
    for one in sorted(new, key=lambda s: (persons[s.key], s.date, s.first.series_uid)):
        person = persons[one.key]
        subject = new_subjects.get(person)
        if subject is None:
            subject = _known_subject(one, of_person[person], sites[one.key], known, remarks)
            if subject is None:
                continue
            subject = subject or known.next_subject()
            new_subjects[person] = subject
        timepoint, breaks_order = known.timepoint(subject, one.date)
        if breaks_order:
            remarks.doubtful.append(
                f"{subject} has an examination older than one in the list: it is named {timepoint}"
            )
        own = known.sites.get(subject, set())
        site = next(iter(own)) if len(own) == 1 else sites[one.key]
        names[one.key] = CaseNames(site or UNKNOWN_SITE, subject, timepoint)
    return names


def _sites(
    new: list[FoundSeries], proposed: Proposed, known: _Known, remarks: Remarks
) -> dict[SeriesKey, str]:
    """Return the site of each new series: as it is told, or that of a study of one site."""
    told = {one.key: proposed.sites[one.key] for one in new}
    ids = site_ids(told.values())
    if any(told.values()):
        name_unknown_sites(proposed, set(told), remarks)
        return {key: ids[name] for key, name in told.items()}
    everywhere = {site for sites in known.sites.values() for site in sites}
    only = everywhere.pop() if len(everywhere) == 1 else ""
    return dict.fromkeys(told, only)


def _known_subject(
    one: FoundSeries, person: Iterable[FoundSeries], site: str, known: _Known, remarks: Remarks
) -> str | None:
    """Return the subject of a person; empty where it is a new one, None where it is not told."""
    by_files = {known.series[other.key] for other in person if other.key in known.series}
    of_patient = known.patients.get(one.patient_id, set()) if one.patient_id else set()
    # A subject whose files are here was held against this person, and is another one.
    found = by_files or of_patient - set(known.series.values())
    if site and site != UNKNOWN_SITE and not by_files:
        found = {subject for subject in found if site in known.sites.get(subject, {site})}
    if len(found) > 1:
        remarks.left_out.append(
            f"{one.first.series_uid} ({one.first.modality}): by its PatientID it is of "
            f"{' or '.join(sorted(map(shown, found)))}: add its row by hand"
        )
        return None
    if found and not by_files:
        remarks.doubtful.append(
            f"{shown(next(iter(found)))} has a new examination by its PatientID alone: "
            "is it one person?"
        )
    elif of_patient and not found:
        remarks.doubtful.append(
            f"{one.first.series_uid} has the PatientID of "
            f"{' and '.join(sorted(map(shown, of_patient)))}, and is taken for another person"
        )
    return next(iter(found), "")


def _name_waiting(cases: KeptList, proposed: Proposed, remarks: Remarks) -> None:
    """Name the segmentations that have come for cases that wait for one."""
    for row in cases.rows:
        masks = proposed.masks.get(row.get("series_uid", ""), ())
        if masks and not row["mask"]:
            case = "/".join(row[name] for name in ("subject_id", "timepoint", "role"))
            remarks.waiting.append(f"{case}, whose row stays as it is: {', '.join(masks)}")


def _new_links(
    proposed: Proposed, added: Mapping[SeriesKey, Mapping[str, str]], known: _Known
) -> list[dict[str, str]]:
    """Return the rows that the link lacks: of the new cases, and of rows that it never knew."""
    subjects = {**known.series, **{key: row["subject_id"] for key, row in added.items()}}
    lacking = [
        one
        for one in proposed.series
        if one.key in subjects and (subjects[one.key], one.study_uid) not in known.linked
    ]
    return linked(lacking, subjects, subjects)
