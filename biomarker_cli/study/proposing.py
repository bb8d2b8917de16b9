"""What a catalogue of files proposes for a study: series, segmentations, and rows of cases."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath

from biomarker_cli.case.measures import proposed_roles
from biomarker_cli.catalogue.candidate import FrameRef, VolumeCandidate
from biomarker_cli.catalogue.catalogue import Catalogue
from biomarker_cli.catalogue.pseudonyms import Person
from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.dicom.headers import read_header
from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.model.wording import shown
from biomarker_cli.protocol.yaml_nodes import CONTROL
from biomarker_cli.study.case_list import listed
from biomarker_cli.study.errors import unexpected_error
from biomarker_cli.study.sites import SiteRule
from biomarker_cli.study.subjects import FoundSeries, SeriesKey, link_rows, tell_apart

_MEASURED_KINDS = {"original", "derived", "trace"}


@dataclass
class Remarks:
    """What a person is to look at.

    Attributes
    ----------
    left_out : list of str
        Series and segmentations that are not used, with the reason.
    doubtful : list of str
        Subjects and sites of which it is not certain that they are what is proposed.
    copies : list of str
        What is stored more than once, and which copy is taken.
    undecided : list of str
        Cases that several segmentations fit, with the files.
    waiting : list of str
        Cases of the list that have no segmentation and whose file has come.
    """

    left_out: list[str] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)
    copies: list[str] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Archive:
    """Where the data lie, and how the study names them.

    Attributes
    ----------
    folder : Path
        That was searched, absolute.
    root : Path
        Folder of the study file, absolute.
    site_rule : SiteRule or None
    """

    folder: Path
    root: Path
    site_rule: SiteRule | None = None

    def named(self, path: Path) -> str:
        """Return a path as the list of cases holds it: relative to the study where it is below."""
        return (path.relative_to(self.root) if path.is_relative_to(self.root) else path).as_posix()

    def told(self, path: Path) -> str:
        """Return a path as messages tell it: from the folder of the data, in one line."""
        return shown(path.relative_to(self.folder).as_posix())


@dataclass(frozen=True)
class Proposed:
    """What was found.

    Attributes
    ----------
    series : tuple of FoundSeries
    sites : mapping
        Series -> name of its site, empty where none is told.
    masks : mapping of str to tuple of str
        SeriesInstanceUID -> segmentations of it, as the list of cases names them.
    """

    series: tuple[FoundSeries, ...]
    sites: Mapping[SeriesKey, str]
    masks: Mapping[str, tuple[str, ...]]


def propose(catalogue: Catalogue, archive: Archive, remarks: Remarks) -> Proposed:
    """Return the series and segmentations of a catalogue that a study can use."""
    # One SeriesInstanceUID in several studies is several series.
    groups: dict[SeriesKey, list[VolumeCandidate]] = defaultdict(list)
    for candidate in catalogue.volumes:
        groups[candidate.study_uid, candidate.series_uid].append(candidate)
    series, sites = [], {}
    for (_, uid), group in groups.items():
        try:
            found, site = _describe(tuple(group), archive, remarks)
        except BiomarkerError as error:
            remarks.left_out.append(f"{uid} ({group[0].modality}): {error}")
        except Exception as unexpected:  # noqa: BLE001 - named as left out; others go on
            why = unexpected_error(type(unexpected).__name__).message
            remarks.left_out.append(f"{uid} ({group[0].modality}): {why}")
        else:
            series.append(found)
            sites[found.key] = site
    masks = _masks_by_series(catalogue.candidates, archive, remarks)
    return Proposed(tuple(series), sites, masks)


def _describe(
    candidates: tuple[VolumeCandidate, ...], archive: Archive, remarks: Remarks
) -> tuple[FoundSeries, str]:
    header = FrameHeader(read_header(candidates[0].refs[0].path))
    files = _chosen_files(candidates, archive, remarks)
    parents = {path.parent for path in files}
    first = candidates[0]
    found = FoundSeries(
        candidates=candidates,
        patient_id=str(header.get("PatientID", "")).strip(),
        person=Person.of_key(first.patient_keys[0]),
        institution=str(header.get("InstitutionName", "")).strip().casefold(),
        study_uid=first.study_uid,
        date=str(header.get("StudyDate", "")),
        folders=tuple(p for p in sorted(parents) if not parents & set(p.parents)),
    )
    rule = archive.site_rule
    if rule is None:
        return found, ""
    sites = {rule.name(_below(path, archive.folder), header) for path in files}
    if len(sites) > 1:
        remarks.doubtful.append(
            f"{first.series_uid} lies in folders of several sites: no site is told"
        )
    return found, sites.pop() if len(sites) == 1 else ""


def _below(path: Path, folder: Path) -> PurePath:
    return path.relative_to(folder)


def _chosen_files(
    candidates: tuple[VolumeCandidate, ...], archive: Archive, remarks: Remarks
) -> tuple[Path, ...]:
    """Return the files of a series: of two whole copies those in the first folder by its path."""
    refs = [ref for c in candidates for ref in c.refs]
    copies = [ref for c in candidates for ref in c.duplicates]
    contradict = _name_contradictions(candidates, archive, remarks)
    if contradict or not copies:
        # Of copies that differ, both are named: the run refuses them.
        return tuple(dict.fromkeys(ref.path for ref in (*refs, *copies)))
    by_folder: dict[Path, list[FrameRef]] = defaultdict(list)
    for ref in (*refs, *copies):
        by_folder[ref.path.parent].append(ref)
    everything = {ref.sop_instance_uid for ref in refs}
    uid = candidates[0].series_uid
    whole = [
        folder
        for folder in sorted(by_folder)
        if {ref.sop_instance_uid for ref in by_folder[folder]} == everything
    ]
    if not whole:
        where = " and ".join(map(archive.told, sorted(by_folder)))
        remarks.copies.append(f"{uid} is stored twice in part, in {where}: all are named")
        return tuple(dict.fromkeys(ref.path for ref in (*refs, *copies)))
    where = " and ".join(map(archive.told, sorted(by_folder)))
    if len(by_folder) == 1:
        remarks.copies.append(f"{uid} has copies of files within {where}")
    else:
        remarks.copies.append(f"{uid} is stored in {where}: {archive.told(whole[0])} is taken")
    return tuple(dict.fromkeys(ref.path for ref in by_folder[whole[0]]))


def _name_contradictions(
    candidates: tuple[VolumeCandidate, ...], archive: Archive, remarks: Remarks
) -> bool:
    """Say of copies that differ where they lie: which is right, only a person can tell."""
    differing = [c for c in candidates if c.error_code == "SERIES-UID-CONFLICT"]
    for candidate in differing:
        folders = sorted({ref.path.parent for ref in candidate.refs})
        where = " and ".join(map(archive.told, folders))
        remarks.doubtful.append(
            f"{candidate.series_uid} has copies in {where} that differ: "
            "none is measured until one is taken away"
        )
    return bool(differing)


def subjects_of(proposed: Proposed, remarks: Remarks) -> dict[SeriesKey, str]:
    """Return the subject of each series, numbered from 1: one PatientID of two sites is two."""
    apart = [
        replace(one, patient_id=f"{one.patient_id}\0{proposed.sites[one.key]}")
        if one.patient_id and proposed.sites[one.key]
        else one
        for one in proposed.series
    ]
    subjects, doubtful = tell_apart(apart)
    remarks.doubtful.extend(doubtful)
    sites: dict[str, dict[str, str]] = defaultdict(dict)
    for one in proposed.series:
        site = proposed.sites[one.key]
        if one.patient_id and site:
            sites[one.patient_id].setdefault(site, subjects[one.key])
    for named in sites.values():
        if len(named) > 1:
            both = " and ".join(f"{subject} ({shown(site)})" for site, subject in named.items())
            remarks.doubtful.append(
                f"{both} have one PatientID at two sites: they are taken for several persons"
            )
    return subjects


def role_of(series: FoundSeries) -> str:
    """Return the role of a series, empty where none fits."""
    kinds = {c.kind for c in series.candidates}
    if not kinds & _MEASURED_KINDS:
        return ""

    def header() -> FrameHeader:
        return FrameHeader(read_header(series.first.refs[0].path))

    roles = proposed_roles()
    return next((role.name for role in roles if role.fits(series.candidates, header)), "")


@dataclass(frozen=True)
class CaseNames:
    """The identifiers of a series in the study."""

    site: str
    subject: str
    timepoint: str


def case_rows(
    series: Iterable[FoundSeries],
    names: Mapping[SeriesKey, CaseNames],
    archive: Archive,
    remarks: Remarks,
    taken: Iterable[tuple[str, str, str]] = (),
) -> dict[SeriesKey, dict[str, str]]:
    """Return a row for each series that can be a case; the others are named as left out.

    Parameters
    ----------
    series : iterable of FoundSeries
    names : mapping of SeriesKey to CaseNames
    archive : Archive
    remarks : Remarks
    taken : iterable of (str, str, str)
        Subject, timepoint and role of the cases that there are already.
    """
    rows: dict[SeriesKey, dict[str, str]] = {}
    there = set(taken)

    def order(one: FoundSeries) -> tuple[str, str, str]:
        return names[one.key].subject, one.date, one.first.series_uid

    for item in sorted(series, key=order):
        named, role = names[item.key], role_of(item)
        key = (named.subject, named.timepoint, role)
        paths = [archive.named(path) for path in item.folders]
        reason = "" if role else "no role fits"
        if any(map(misread, paths)):
            bad = next(filter(misread, paths))
            reason = f"a folder name {misread(bad)}: {shown(bad)}"
        elif key in there:
            reason = f"a second {role} of {'/'.join(key[:2])}"
        if reason:
            remarks.left_out.append(f"{item.first.series_uid} ({item.first.modality}): {reason}")
            continue
        there.add(key)
        rows[item.key] = {
            "site_id": named.site,
            "subject_id": named.subject,
            "timepoint": named.timepoint,
            "role": role,
            "image": ";".join(paths),
            "series_uid": item.first.series_uid,
            "mask": "",
            "weight_kg": "",
        }
    return rows


def linked(
    series: Iterable[FoundSeries], subjects: Mapping[SeriesKey, str], used: Iterable[SeriesKey]
) -> list[dict[str, str]]:
    """Return the rows of the subject link: the examinations of which something is used.

    The others are proposed again by an update: what kept them out may be over.
    """
    studies = {study_uid for study_uid, _ in used}
    return link_rows([one for one in series if one.study_uid in studies], subjects)


def misread(path: str) -> str:
    """Return why a list of cases cannot hold a path; empty where it can."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return "is not UTF-8, as cases.csv is"
    if CONTROL.search(path) or "\n" in path or "\r" in path:
        return "holds control characters"
    if ";" in path:
        return "holds a semicolon, which separates folders in cases.csv"
    if listed(path) != (path,):
        return "begins or ends with a blank, which cases.csv does not keep"
    return ""


def _masks_by_series(
    candidates: Sequence[VolumeCandidate], archive: Archive, remarks: Remarks
) -> dict[str, tuple[str, ...]]:
    """Return the segmentations that refer to a series, by its UID."""
    found: dict[str, list[str]] = defaultdict(list)
    segmentations = [c for c in candidates if c.kind in {"rtstruct", "seg"}]
    for candidate in sorted(segmentations, key=lambda c: c.refs[0].file):
        files = sorted(ref.path for ref in (*candidate.refs, *candidate.duplicates))
        told = archive.told(files[0])
        if candidate.duplicates:
            both = " and ".join(map(archive.told, files))
            remarks.copies.append(f"a segmentation is stored in {both}: {told} is taken")
        name = archive.named(files[0])
        reason = misread(name)
        if reason:
            remarks.left_out.append(f"{told} (segmentation): {reason}")
            continue
        if not candidate.references:
            remarks.left_out.append(f"{told} (segmentation): it names no series")
        for series_uid in candidate.references:
            found[series_uid].append(name)
    return {uid: tuple(sorted(names)) for uid, names in found.items()}


def fill_masks(rows: Iterable[dict[str, str]], proposed: Proposed, remarks: Remarks) -> None:
    """Give each case the one segmentation that fits; those that several fit are named."""
    for row in rows:
        fitting = proposed.masks.get(row["series_uid"], ())
        if len(fitting) == 1:
            row["mask"] = fitting[0]
        elif fitting:
            case = "/".join(row[name] for name in ("subject_id", "timepoint", "role"))
            remarks.undecided.append(f"{case}: {', '.join(fitting)}")


def absolute(folder: Path) -> Path:
    """Return a folder as the catalogue names its files: links stay as the user named them."""
    return Path(os.path.abspath(folder))  # noqa: PTH100
