"""Which part of the subjects of a run gives no usable value of a feature."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from biomarker_cli.model.errors import InputNotFoundError
from biomarker_cli.multicentre.icc import Estimate
from biomarker_cli.multicentre.proportions import clopper_pearson
from biomarker_cli.tables.measured_rows import LEFT_OUT, read_measurements
from biomarker_cli.tables.reading import read_table
from biomarker_cli.tables.schema import CASES, EXCLUSIONS


@dataclass(frozen=True)
class Loss:
    """Subjects that are lost.

    Attributes
    ----------
    n_lost, n_subjects : int
        A subject is lost where one of its values is absent, is not usable, or is the size
        of a mask of another visit: a change needs all visits.
    """

    n_lost: int
    n_subjects: int

    @property
    def share(self) -> Estimate:
        """The part that is lost, with its exact 95 % limits."""
        return clopper_pearson(self.n_lost, self.n_subjects)


def loss_of(folder: Path, features: Collection[str], roi_id: str = "") -> Loss:
    """Return the loss of a run, or of a pool, by its column `usable` and its exclusions.

    Parameters
    ----------
    folder : Path
    features : collection of str
        Feature ids.
    roi_id : str
        Empty for every ROI.

    Raises
    ------
    TableError
        ``TABLE-NOT-FOUND``, ``TABLE-COLUMNS``, ``TABLE-VALUE``.
    InputNotFoundError
        ``NOTHING-FOUND`` where the run has no row of these features.
    """
    measured = read_measurements(folder)
    cases = read_table(CASES, folder)
    subject_of = {
        case: (site, subject)
        for case, site, subject in zip(
            cases["case_id"], cases["site_id"], cases["subject_id"], strict=True
        )
    }
    is_asked = measured["feature_id"].isin(features)
    if roi_id:
        is_asked &= measured["roi_id"] == roi_id
    rows = measured[is_asked]
    subjects = {_subject(case, subject_of) for case in rows["case_id"]}
    lost = {_subject(case, subject_of) for case in rows["case_id"][rows[LEFT_OUT] != ""]}
    if (folder / EXCLUSIONS.file_name).is_file():
        left = read_table(EXCLUSIONS, folder)
        is_asked = left["feature_id"].isin(features)
        if roi_id:
            is_asked &= left["roi_id"] == roi_id
        lost |= {_subject(case, subject_of) for case in left[is_asked]["case_id"]}
    subjects |= lost
    if not subjects:
        raise InputNotFoundError(
            "NOTHING-FOUND",
            f"the run in {folder} has no row of {', '.join(sorted(features)[:3])}",
            hint="Name a run, or a pool, that measured the feature.",
        )
    return Loss(len(lost), len(subjects))


def _subject(case_id: str, known: dict[str, tuple[str, str]]) -> tuple[str, str]:
    """Return site and subject of a case; one that a pool left out is told by its id."""
    site, _, rest = case_id.partition("/")
    return known.get(case_id) or (site, rest.partition("/")[0])
