"""Write the study of a folder of DICOM: a start that a person then edits.

Subjects get identifiers of their own (S0001 ...); the link to PatientID goes to
a separate file that must not leave the site.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from biomarker_cli.case.measures import proposed_roles
from biomarker_cli.catalogue.candidate import VolumeCandidate
from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.catalogue.pseudonyms import Person
from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.dicom.headers import read_header
from biomarker_cli.model.errors import BiomarkerError, InputNotFoundError
from biomarker_cli.model.outputs import replace_file
from biomarker_cli.model.wording import shown
from biomarker_cli.protocol.yaml_nodes import CONTROL
from biomarker_cli.study.case_list import listed
from biomarker_cli.study.errors import unexpected_error
from biomarker_cli.study.new_files import exists, write_new
from biomarker_cli.study.study_key import KEY_FILE, new_key_text, require_key
from biomarker_cli.study.subjects import FoundSeries, SeriesKey, link_rows, tell_apart
from biomarker_cli.tables.cells import csv_text

LINK_FILE = "subject_link.csv"

# What the elements of a damaged header raise when they are all decoded.
_DAMAGED = (ValueError, TypeError, KeyError, AttributeError, NotImplementedError, OverflowError)

_MEASURED_KINDS = {"original", "derived", "trace"}


@dataclass(frozen=True)
class InitReport:
    """What was written.

    Attributes
    ----------
    folder : Path
    n_subjects, n_cases : int
    n_without_mask : int
        Cases whose segmentation was not found: the mask column is empty.
    undecided : tuple of str
        Cases that several segmentations fit, with the files.
    left_out : tuple of str
        Series and segmentations that are not used, with the reason.
    doubtful : tuple of str
        Subjects of whom it is not certain that they are one person, or another one.
    """

    folder: Path
    n_subjects: int
    n_cases: int
    n_without_mask: int
    undecided: tuple[str, ...]
    left_out: tuple[str, ...]
    doubtful: tuple[str, ...]


def initialise_study(
    folder: Path, progress: Callable[[int, int], None] | None = None
) -> InitReport:
    """Write study.yaml, cases.csv, the subject link and .gitignore into a folder.

    Parameters
    ----------
    folder : Path
        Folder that holds the DICOM of a study.
    progress : callable, optional

    Raises
    ------
    InputNotFoundError
        ``PATH-NOT-FOUND``, ``NOTHING-FOUND``.
    StudyError
        ``OUTPUT-EXISTS`` where a file would be overwritten, ``STUDY-NO-KEY`` where
        the key that is there is none.
    """
    # The catalogue names its files by absolute paths.
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 - links stay as the user named them
    for name in ("study.yaml", "cases.csv", LINK_FILE):
        if (folder / name).exists():
            raise exists(folder / name)
    key_is_there = (folder / KEY_FILE).exists()
    if key_is_there:
        require_key(folder)  # an earlier study of the same folder goes on with it
    catalogue = scan([folder], progress)
    left_out: list[str] = []
    series = _described(catalogue.volumes, left_out)
    masks = _masks_by_series(folder, catalogue.candidates, left_out)
    subjects, doubtful = tell_apart(series)
    rows = _case_rows(folder, series, subjects, left_out)
    if not rows:
        raise InputNotFoundError(
            "NOTHING-FOUND",
            f"no CT, PET or MR series below {folder}",
            hint="`biomarker scan` lists what is there.",
        )
    undecided = _fill_masks(rows, masks)
    files = {
        LINK_FILE: _csv(link_rows(series, subjects)),
        "cases.csv": _csv(rows),
        "study.yaml": _study_text(folder.resolve().name, {r["role"] for r in rows}).encode(),
    }
    if not key_is_there:
        files[KEY_FILE] = new_key_text()
    private = frozenset({folder / LINK_FILE, folder / KEY_FILE})
    write_new({folder / name: content for name, content in files.items()}, private)
    _ignore_link(folder / ".gitignore")
    return InitReport(
        folder=folder,
        n_subjects=len({row["subject_id"] for row in rows}),
        n_cases=len(rows),
        n_without_mask=sum(not row["mask"] for row in rows),
        undecided=tuple(undecided),
        left_out=tuple(left_out),
        doubtful=tuple(doubtful),
    )


def _described(volumes: Sequence[VolumeCandidate], left_out: list[str]) -> list[FoundSeries]:
    """Return the series; one that cannot be described is left out by its UID."""
    # One SeriesInstanceUID in several studies is several series.
    groups: dict[tuple[str, str], list[VolumeCandidate]] = defaultdict(list)
    for candidate in volumes:
        groups[candidate.study_uid, candidate.series_uid].append(candidate)
    found = []
    for (_, uid), group in groups.items():
        try:
            found.append(_describe(tuple(group)))
        except BiomarkerError as error:
            left_out.append(f"{uid} ({group[0].modality}): {error}")
        except Exception as unexpected:  # noqa: BLE001 - named as left out; others go on
            why = unexpected_error(type(unexpected).__name__).message
            left_out.append(f"{uid} ({group[0].modality}): {why}")
    return found


def _describe(candidates: tuple[VolumeCandidate, ...]) -> FoundSeries:
    header = FrameHeader(read_header(candidates[0].refs[0].path))
    parents = {ref.path.parent for c in candidates for ref in c.refs}
    return FoundSeries(
        candidates=candidates,
        patient_id=str(header.get("PatientID", "")).strip(),
        person=Person.of_key(candidates[0].patient_keys[0]),
        institution=str(header.get("InstitutionName", "")).strip().casefold(),
        study_uid=candidates[0].study_uid,
        date=str(header.get("StudyDate", "")),
        folders=tuple(p for p in sorted(parents) if not parents & set(p.parents)),
    )


def _role(series: FoundSeries) -> str:
    """Return the role of a series, empty where none fits."""
    kinds = {c.kind for c in series.candidates}
    if not kinds & _MEASURED_KINDS:
        return ""
    return next((role.name for role in proposed_roles() if role.fits(series.candidates)), "")


def _case_rows(
    folder: Path,
    series: Sequence[FoundSeries],
    subjects: Mapping[SeriesKey, str],
    left_out: list[str],
) -> list[dict[str, str]]:
    dates: dict[str, list[str]] = defaultdict(list)
    for item in series:
        subject = subjects[item.key]
        dates[subject] = sorted({*dates[subject], item.date})
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    in_order = sorted(series, key=lambda s: (subjects[s.key], s.date, s.first.series_uid))
    for item in in_order:
        role, subject = _role(item), subjects[item.key]
        timepoint = f"T{dates[subject].index(item.date) + 1}"
        key = (subject, timepoint, role)
        paths = [p.relative_to(folder).as_posix() for p in item.folders]
        reason = "" if role else "no role fits"
        if any(map(_misread, paths)):
            bad = next(filter(_misread, paths))
            reason = f"a folder name {_misread(bad)}: {shown(bad)}"
        elif key in rows:
            reason = f"a second {role} of {'/'.join(key[:2])}"
        if reason:
            left_out.append(f"{item.first.series_uid} ({item.first.modality}): {reason}")
            continue
        rows[key] = {
            "site_id": "SITE",
            "subject_id": key[0],
            "timepoint": timepoint,
            "role": role,
            "image": ";".join(paths),
            "series_uid": item.first.series_uid,
            "mask": "",
            "weight_kg": "",
        }
    return list(rows.values())


def _misread(path: str) -> str:
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
    folder: Path, candidates: Sequence[VolumeCandidate], left_out: list[str]
) -> dict[str, list[str]]:
    """Return the segmentations that refer to a series, by its UID."""
    found: dict[str, list[str]] = defaultdict(list)
    paths = {ref.path for c in candidates if c.kind in {"rtstruct", "seg"} for ref in c.refs}
    for path in sorted(paths):
        name = path.relative_to(folder).as_posix()
        reason = _misread(name)
        try:
            referenced = () if reason else _referenced_series(path)
        except (BiomarkerError, *_DAMAGED) as error:
            reason, referenced = f"cannot be read ({type(error).__name__})", ()
        if reason:
            left_out.append(f"{shown(name)} (segmentation): {reason}")
        for series_uid in referenced:
            found[series_uid].append(name)
    return found


def _referenced_series(path: Path) -> set[str]:
    """Return every SeriesInstanceUID that a segmentation names."""
    header = read_header(path)
    return {str(e.value) for e in header.iterall() if e.keyword == "SeriesInstanceUID"}


def _fill_masks(rows: Sequence[dict[str, str]], masks: Mapping[str, Sequence[str]]) -> list[str]:
    """Give each case the one segmentation that fits; return those that several fit."""
    undecided = []
    for row in rows:
        fitting = masks.get(row["series_uid"], ())
        if len(fitting) == 1:
            row["mask"] = fitting[0]
        elif fitting:
            case = "/".join(row[name] for name in ("subject_id", "timepoint", "role"))
            undecided.append(f"{case}: {', '.join(fitting)}")
    return undecided


def _study_text(name: str, roles: set[str]) -> str:
    ident = re.sub(r"[^A-Za-z0-9._-]", "-", name).lstrip("._-") or "study"
    lines = [
        "format: biomarker-study/1",
        f'id: "{ident}"',  # quoted: 2024-05-01 is a date to YAML, and 007 a number
        "",
        "cases: cases.csv          # correct site_id, timepoint and mask there",
        "on_violation: flag        # or: exclude",
        "integrity: refuse         # or: flag",
        "",
        "# Which acquisition protocol a series must meet, and how it is measured;",
        "# `biomarker protocol list` shows what there is.",
        "roles:",
    ]
    for role in sorted(proposed_roles(), key=lambda role: role.name):
        if role.name in roles:
            lines += [
                f"  {role.name}:",
                f"    acquisition: {role.acquisition}",
                f"    analyses: [{role.analysis}]",
            ]
    lines += [
        "",
        "# Map the names of regions to canonical ones, for example:",
        "# rois:",
        "#   GTV: {names: [GTV, GTV-1, gtv_primary]}",
    ]
    return "\n".join(lines) + "\n"


def _csv(rows: Sequence[dict[str, str]]) -> bytes:
    return csv_text(list(rows[0]), rows).encode()


def _ignore_link(path: Path) -> None:
    content = path.read_bytes() if path.exists() else b""
    missing = [name for name in (LINK_FILE, KEY_FILE) if name.encode() not in content.splitlines()]
    if missing:
        gap = b"" if not content or content.endswith(b"\n") else b"\n"
        replace_file(path, content + gap + "".join(f"{name}\n" for name in missing).encode())
