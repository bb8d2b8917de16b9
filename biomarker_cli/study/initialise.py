"""Write the study of a folder of DICOM: a start that a person then edits.

Subjects get identifiers of their own (S0001 ...); the link to PatientID goes to
a separate file that must not leave the site.
"""

from __future__ import annotations

import errno
import os
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from biomarker_cli.case.measures import proposed_roles
from biomarker_cli.catalogue.catalogue import scan
from biomarker_cli.model.errors import InputNotFoundError
from biomarker_cli.model.keys import new_key_text
from biomarker_cli.model.outputs import replace_file
from biomarker_cli.protocol.loading import load_document
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.study.new_files import exists, write_new
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
    subjects_of,
)
from biomarker_cli.study.sites import site_ids, site_rule
from biomarker_cli.study.study_key import KEY_FILE, require_key
from biomarker_cli.study.subjects import SeriesKey
from biomarker_cli.tables.cells import csv_text

LINK_FILE = "subject_link.csv"

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class InitReport:
    """What was written.

    Attributes
    ----------
    folder : Path
        Of the study file.
    n_subjects, n_cases : int
        That were proposed; by an update those that are new.
    n_without_mask : int
        Cases among them whose segmentation was not found: the mask column is empty.
    remarks : Remarks
        What a person is to look at.
    """

    folder: Path
    n_subjects: int
    n_cases: int
    n_without_mask: int
    remarks: Remarks

    @classmethod
    def of_rows(
        cls, folder: Path, rows: Sequence[Mapping[str, str]], remarks: Remarks, known: set[str]
    ) -> InitReport:
        """Return the report of some rows, whose subjects are new but for the known ones."""
        return cls(
            folder=folder,
            n_subjects=len({row["subject_id"] for row in rows} - known),
            n_cases=len(rows),
            n_without_mask=sum(not row["mask"] for row in rows),
            remarks=remarks,
        )


def initialise_study(
    folder: Path,
    progress: Progress | None = None,
    *,
    output: Path | None = None,
    site_from: str = "",
) -> InitReport:
    """Write study.yaml, cases.csv, the subject link and .gitignore into a folder.

    Parameters
    ----------
    folder : Path
        Folder that holds the DICOM of a study; nothing is written to it where
        `output` is another one.
    progress : callable, optional
    output : Path, optional
        Folder of the study file; by default that of the data.
    site_from : str
        How sites are told; see `sites.site_rule`.

    Raises
    ------
    InputNotFoundError
        ``PATH-NOT-FOUND``, ``NOTHING-FOUND``.
    StudyError
        ``OUTPUT-EXISTS`` where a file would be overwritten, ``STUDY-NO-KEY`` where
        the key that is there is none, ``STUDY-SITE-FROM``.
    OSError
        Where the folder cannot be written.
    """
    rule = site_rule(site_from) if site_from else None
    archive = Archive(absolute(folder), absolute(output or folder), rule)
    root = archive.root
    _require_free(root)
    key_is_there = (root / KEY_FILE).exists()
    if key_is_there:
        require_key(root)  # an earlier study of the same folder goes on with it
    require_writable(root)
    remarks = Remarks()
    proposed = propose(scan([archive.folder], progress), archive, remarks)
    subjects = subjects_of(proposed, remarks)
    names = _first_names(proposed, subjects, remarks)
    cases = case_rows(proposed.series, names, archive, remarks)
    rows = list(cases.values())
    if not rows:
        raise _nothing_found(archive, remarks)
    fill_masks(rows, proposed, remarks)
    files = {
        LINK_FILE: _csv(linked(proposed.series, subjects, cases)),
        "cases.csv": _csv(rows),
        "study.yaml": _study_text(
            archive.folder.resolve().name, {r["role"] for r in rows}
        ).encode(),
    }
    if not key_is_there:
        files[KEY_FILE] = new_key_text()
    private = frozenset({root / LINK_FILE, root / KEY_FILE})
    root.mkdir(parents=True, exist_ok=True)
    write_new({root / name: content for name, content in files.items()}, private)
    _ignore_link(root / ".gitignore")
    return InitReport.of_rows(root, rows, remarks, set())


def _require_free(root: Path) -> None:
    for name in ("study.yaml", "cases.csv", LINK_FILE):
        if (root / name).exists():
            raise exists(root / name, ", or add what has come since with --update")


def require_writable(root: Path) -> None:
    """Refuse a folder that cannot be written: before an hour of reading.

    Raises
    ------
    OSError
    """
    there = next((p for p in (root, *root.parents) if p.exists()), root)
    if not os.access(there, os.W_OK):
        raise OSError(errno.EACCES, os.strerror(errno.EACCES), str(there))


def _nothing_found(archive: Archive, remarks: Remarks) -> InputNotFoundError:
    why = f"; left out: {remarks.left_out[0]}" if remarks.left_out else ""
    return InputNotFoundError(
        "NOTHING-FOUND",
        f"no CT, PET or MR series below {archive.folder}{why}",
        hint="`biomarker scan` lists what is there.",
    )


def _first_names(
    proposed: Proposed, subjects: Mapping[SeriesKey, str], remarks: Remarks
) -> dict[SeriesKey, CaseNames]:
    """Return site, subject and timepoint of each series of a new study."""
    sites = site_ids(proposed.sites.values())
    if any(proposed.sites.values()):
        name_unknown_sites(proposed, {one.key for one in proposed.series}, remarks)
    dates: dict[str, set[str]] = defaultdict(set)
    for item in proposed.series:
        dates[subjects[item.key]].add(item.date)
    return {
        item.key: CaseNames(
            sites[proposed.sites[item.key]],
            subjects[item.key],
            f"T{sorted(dates[subjects[item.key]]).index(item.date) + 1}",
        )
        for item in proposed.series
    }


def name_unknown_sites(proposed: Proposed, keys: set[SeriesKey], remarks: Remarks) -> None:
    """Say of which series no site is told."""
    unknown = [
        one.first.series_uid
        for one in proposed.series
        if one.key in keys and not proposed.sites[one.key]
    ]
    if unknown:
        more = f" and {len(unknown) - 1} more series" if len(unknown) > 1 else ""
        remarks.doubtful.append(f"no site is told of {unknown[0]}{more}: site_id is to be filled")


def study_roles(roles: set[str]) -> list[str]:
    """Return the lines of the study file for some roles; protocols are pinned."""
    lines = []
    for role in sorted(proposed_roles(), key=lambda role: role.name):
        if role.name in roles:
            lines += [
                f"  {role.name}:",
                f"    acquisition: {_pinned(ProtocolKind.ACQUISITION, role.acquisition)}",
                f"    analyses: [{_pinned(ProtocolKind.ANALYSIS, role.analysis)}]",
            ]
    return lines


def _pinned(kind: ProtocolKind, ident: str) -> str:
    """Return the version that an id means today."""
    return load_document(kind, ident).ident


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
        "# `biomarker protocol list` shows what there is. The versions are pinned: all",
        "# centres get the same numbers, today and when a newer version is out.",
        "roles:",
        *study_roles(roles),
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
