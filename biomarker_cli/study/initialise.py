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

from biomarker_cli.catalogue import VolumeCandidate, scan
from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.dicom.headers import read_header
from biomarker_cli.model import InputNotFoundError
from biomarker_cli.study.errors import StudyError
from biomarker_cli.tables import csv_text

LINK_FILE = "subject_link.csv"

# What is proposed for the images of each role.
_ROLES = {
    "ct": ("base-ct", "radiomics-ct"),
    "pet": ("base-pet", "fdg-suv"),
    "dwi": ("dwi", "dwi-adc"),
    "mr": ("base-mr", "radiomics-mr"),
}

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
        Series that make no case, with the reason.
    """

    folder: Path
    n_subjects: int
    n_cases: int
    n_without_mask: int
    undecided: tuple[str, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class _Series:
    """One series with what the study needs of it."""

    candidates: tuple[VolumeCandidate, ...]
    patient_id: str
    date: str
    folders: tuple[Path, ...]

    @property
    def first(self) -> VolumeCandidate:
        return self.candidates[0]


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
        ``OUTPUT-EXISTS`` where a file would be overwritten.
    """
    # The catalogue names its files by absolute paths.
    folder = Path(os.path.abspath(folder))  # noqa: PTH100 - links stay as the user named them
    for name in ("study.yaml", "cases.csv", LINK_FILE):
        if (folder / name).exists():
            raise StudyError(
                "OUTPUT-EXISTS",
                f"{folder / name} exists",
                hint="Nothing is overwritten: move it away first.",
            )
    catalogue = scan([folder], progress)
    series = [_describe(group) for group in _by_series(catalogue.volumes)]
    masks = _masks_by_series(folder, catalogue.candidates)
    subjects = {p: f"S{n:04d}" for n, p in enumerate(sorted({s.patient_id for s in series}), 1)}
    rows, left_out = _case_rows(folder, series, subjects)
    if not rows:
        raise InputNotFoundError(
            "NOTHING-FOUND",
            f"no CT, PET or MR series below {folder}",
            hint="`biomarker scan` lists what is there.",
        )
    undecided = _fill_masks(rows, masks)
    _write_csv(folder / "cases.csv", rows)
    links = [{"subject_id": s, "patient_id": p} for p, s in subjects.items()]
    _write_csv(folder / LINK_FILE, links)
    _write(folder / "study.yaml", _study_text(folder.resolve().name, {r["role"] for r in rows}))
    _ignore_link(folder / ".gitignore")
    n_without = sum(not row["mask"] for row in rows)
    return InitReport(
        folder, len(subjects), len(rows), n_without, tuple(undecided), tuple(left_out)
    )


def _by_series(volumes: Sequence[VolumeCandidate]) -> list[tuple[VolumeCandidate, ...]]:
    # One SeriesInstanceUID in several studies is several series.
    groups: dict[tuple[str, str], list[VolumeCandidate]] = defaultdict(list)
    for candidate in volumes:
        groups[candidate.study_uid, candidate.series_uid].append(candidate)
    return [tuple(group) for group in groups.values()]


def _describe(candidates: tuple[VolumeCandidate, ...]) -> _Series:
    header = FrameHeader(read_header(candidates[0].refs[0].path))
    parents = {ref.path.parent for c in candidates for ref in c.refs}
    return _Series(
        candidates=candidates,
        patient_id=str(header.get("PatientID", "")),
        date=str(header.get("StudyDate", "")),
        folders=tuple(p for p in sorted(parents) if not parents & set(p.parents)),
    )


def _role(series: _Series) -> str:
    """Return the role of a series, empty where none fits."""
    kinds = {c.kind for c in series.candidates}
    if not kinds & _MEASURED_KINDS:
        return ""
    if series.first.modality == "MR":
        return "dwi" if any("b=" in c.split_by for c in series.candidates) else "mr"
    return {"CT": "ct", "PT": "pet"}.get(series.first.modality, "")


def _case_rows(
    folder: Path,
    series: Sequence[_Series],
    subjects: dict[str, str],
) -> tuple[list[dict[str, str]], list[str]]:
    dates: dict[str, list[str]] = defaultdict(list)
    for item in series:
        dates[item.patient_id] = sorted({*dates[item.patient_id], item.date})
    rows: dict[tuple[str, ...], dict[str, str]] = {}
    left_out = []
    for item in sorted(series, key=lambda s: (s.patient_id, s.date, s.first.series_uid)):
        role = _role(item)
        timepoint = f"T{dates[item.patient_id].index(item.date) + 1}"
        key = (subjects[item.patient_id], timepoint, role)
        paths = [p.relative_to(folder).as_posix() for p in item.folders]
        reason = "" if role else "no role fits"
        if any(";" in path for path in paths):
            reason = "a folder name holds a semicolon, which separates folders in cases.csv"
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
    return list(rows.values()), left_out


def _masks_by_series(folder: Path, candidates: Sequence[VolumeCandidate]) -> dict[str, list[str]]:
    """Return the segmentations that refer to a series, by its UID."""
    found: dict[str, list[str]] = defaultdict(list)
    paths = {ref.path for c in candidates if c.kind in {"rtstruct", "seg"} for ref in c.refs}
    for path in sorted(paths):
        for series_uid in _referenced_series(path):
            found[series_uid].append(path.relative_to(folder).as_posix())
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
    for role in sorted(roles):
        acquisition, analysis = _ROLES[role]
        lines += [
            f"  {role}:",
            f"    acquisition: {acquisition}",
            f"    analyses: [{analysis}]",
        ]
    lines += [
        "",
        "# Map the names of regions to canonical ones, for example:",
        "# rois:",
        "#   GTV: {names: [GTV, GTV-1, gtv_primary]}",
    ]
    return "\n".join(lines) + "\n"


def _write_csv(path: Path, rows: Sequence[dict[str, str]]) -> None:
    _write(path, csv_text(list(rows[0]), rows))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _ignore_link(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    if LINK_FILE not in lines:
        _write(path, "\n".join([*lines, LINK_FILE]) + "\n")
