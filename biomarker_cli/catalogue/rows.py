"""The rows of ``biomarker scan``: what was found, where, and of whom."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from biomarker_cli.catalogue.candidate import VolumeCandidate
from biomarker_cli.catalogue.catalogue import Catalogue
from biomarker_cli.catalogue.pseudonyms import NOBODY, Person, user_key
from biomarker_cli.dicom.identity import pseudonym
from biomarker_cli.model.shifted_dates import FACT as DATES_MODIFIED

COLUMN_TYPES: MappingProxyType[str, type] = MappingProxyType(
    {
        "volume_id": str,
        "study_uid": str,
        "series_uid": str,
        "modality": str,
        "kind": str,
        "description": str,
        "split_by": str,
        "n_files": int,
        "n_frames": int,
        "rows": int,
        "columns": int,
        "slices": int,
        "spacing_x_mm": float,
        "spacing_y_mm": float,
        "spacing_z_mm": float,
        "status": str,
        "error_code": str,
        "error_message": str,
        "path": str,
        "patient": str,
        "references": str,
        "duplicates": str,
    }
)
"""The columns of ``biomarker scan``, in their order; numbers may be empty."""

DATE_COLUMNS = ("study_date", DATES_MODIFIED)
"""Two columns more, where they are asked for: a date is half a name."""

Row = dict[str, object]


def scan_rows(catalogue: Catalogue, *, dates: bool = False) -> list[Row]:
    """Return one row for each candidate of a catalogue.

    Parameters
    ----------
    catalogue : Catalogue
    dates : bool
        Whether the date of the examination is told.
    """
    base = common_folder(catalogue.roots)
    names = patient_names(key for c in catalogue.candidates for key in c.patient_keys)
    rows = []
    for candidate in catalogue.candidates:
        row = volume_columns(candidate)
        row["path"] = relative(where(candidate), base)
        row["patient"] = joined(sorted({names[key] for key in candidate.patient_keys} - {""}))
        row["references"] = joined(candidate.references)
        row["duplicates"] = joined(relative(ref.file, base) for ref in candidate.duplicates)
        if dates:
            row |= dict(zip(DATE_COLUMNS, candidate.visit[:2], strict=True))
        rows.append(row)
    return rows


def volume_columns(candidate: VolumeCandidate) -> Row:
    """Return what a row says of a candidate, wherever its files lie."""
    grid = candidate.geometry
    spacing = grid.spacing_mm if grid else (None, None, None)
    return {
        "volume_id": candidate.volume_id,
        "study_uid": candidate.study_uid,
        "series_uid": candidate.series_uid,
        "modality": candidate.modality,
        "kind": candidate.kind,
        "description": candidate.description,
        "split_by": candidate.split_by,
        "n_files": candidate.n_files,
        "n_frames": candidate.n_frames,
        "rows": candidate.rows or None,
        "columns": candidate.columns or None,
        "slices": grid.shape[0] if grid else None,
        "spacing_x_mm": spacing[0],
        "spacing_y_mm": spacing[1],
        "spacing_z_mm": spacing[2],
        "status": candidate.status.value,
        "error_code": candidate.error_code,
        "error_message": candidate.error_message,
    }


def where(candidate: VolumeCandidate) -> str:
    """Return the file of a candidate, or the folder that holds all of its files."""
    files = [ref.file for ref in candidate.refs]
    # What the first and the last of them in the alphabet share, all share.
    first, last = min(files), max(files)
    return first if first == last else os.path.commonpath((first, last))


def common_folder(roots: Sequence[str]) -> str:
    """Return the folder that paths are told from: what was named, or what holds all of it."""
    folders = {root if os.path.isdir(root) else os.path.dirname(root) for root in roots}  # noqa: PTH112, PTH120
    try:
        return os.path.commonpath(folders) if folders else ""
    except ValueError:
        return ""  # on several drives: paths stay whole


def relative(path: str, base: str) -> str:
    """Return a path as it is told from a folder, with slashes."""
    told = os.path.relpath(path, base) if base else path
    return told.replace(os.sep, "/")


def joined(parts: Iterable[str]) -> str:
    """Return parts joined by semicolons; a semicolon within one is written as ``%3B``."""
    return ";".join(part.replace("%", "%25").replace(";", "%3B") for part in parts)


def patient_names(keys: Iterable[str]) -> Mapping[str, str]:
    """Return what stands for each patient: a digest with the key of the user.

    Series of one PatientID have one name, unless their headers name several persons:
    these are told apart by a number, as two centres may have given out one id.

    Parameters
    ----------
    keys : iterable of str
        Digests of patients (`Person.key`).

    Returns
    -------
    mapping of str to str
        Key -> ``key:`` and a digest, empty where a header says nothing of its patient.
    """
    by_id: dict[str, list[Person]] = defaultdict(list)
    for key in sorted(set(keys) - {NOBODY}):
        person = Person.of_key(key)
        by_id[person.patient_id or f"\0{key}"].append(person)
    names = {NOBODY: ""}
    for ident, persons in by_id.items():
        name = f"key:{pseudonym(user_key(), f'patient{ident}')}"
        groups = _persons_apart(persons)
        for number, group in enumerate(groups, start=1):
            suffix = f"-{number}" if len(groups) > 1 else ""
            names |= {person.key: name + suffix for person in group}
    return names


def _persons_apart(persons: Iterable[Person]) -> list[list[Person]]:
    """Return the persons in groups that do not contradict each other."""
    groups: list[list[Person]] = []
    # Who is told most of comes first.
    for person in sorted(persons, key=lambda one: (-sum(map(bool, one)), one)):
        fitting = (g for g in groups if not any(person.conflicts(other) for other in g))
        group = next(fitting, None)
        if group is None:
            groups.append(group := [])
        group.append(person)
    return groups
