"""CaseResult: the rows that one case contributes to the tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from biomarker_cli.model.inputs import CHANGED, FileRead

if TYPE_CHECKING:
    from biomarker_cli.case.keeping import Kept
    from biomarker_cli.regions.result import AuditedRoiRow
    from biomarker_cli.tables.rows import (
        CaseRow,
        CheckRow,
        DiameterRow,
        FactRow,
        FeatureRow,
        MeasurementRow,
        RegistrationRow,
    )


class CaseStatus(StrEnum):
    """What became of a case."""

    MEASURED = "measured"
    PARTIAL = "partial"
    FAILED = "failed"
    EXCLUDED = "excluded"
    WAITING = "waiting"


class RoiKey(NamedTuple):
    """A region of a case: a ROI on the grid of one of its images.

    Attributes
    ----------
    roi : str
        Canonical name.
    image : str
        Name of the image.
    """

    roi: str
    image: str

    def roi_id(self, primary: str) -> str:
        """Return what the region is called in the tables.

        Parameters
        ----------
        primary : str
            Name of the primary image: on it, a region is called as the ROI.
        """
        return self.roi if self.image == primary else f"{self.roi}@{self.image}"


@dataclass(frozen=True)
class Note:
    """A reason that has no column, for the log.

    Attributes
    ----------
    text : str
    roi_id : str
        The region that it speaks of; empty for the case.
    """

    text: str
    roi_id: str = ""

    def __str__(self) -> str:
        return f"{self.text} [{self.roi_id}]" if self.roi_id else self.text


@dataclass(frozen=True)
class CaseResult:
    """Rows of one case, by table.

    Attributes
    ----------
    role : str
        Image role of the case.
    case : CaseRow
    rois : dict
        `RoiKey` -> AuditedRoiRow.
    measurements : list of MeasurementRow
    facts : list of FactRow
    checks : list of CheckRow
    diameters : list of DiameterRow
    registrations : list of RegistrationRow
        How a mask of another case came to the image.
    features : list of FeatureRow
        One for each analysis and feature.
    derivations : dict
        How a quantity was derived, by analysis id.
    readings : list of dict
        What acquisition rules above series ask of each series of the case, as JSON holds
        it (`keep_readings`).
    notes : list of Note
    inputs : dict
        Path -> `FileRead` of every file that was read, in the order of the plan.
    pixels : str
        Digest of the stored pixels of the image; empty where it is no DICOM.
    kept : Kept or None
        What the study keeps beside the result, which no table and no result file tells.
    """

    role: str
    case: CaseRow
    rois: dict[RoiKey, AuditedRoiRow] = field(default_factory=dict)
    measurements: list[MeasurementRow] = field(default_factory=list)
    facts: list[FactRow] = field(default_factory=list)
    checks: list[CheckRow] = field(default_factory=list)
    diameters: list[DiameterRow] = field(default_factory=list)
    registrations: list[RegistrationRow] = field(default_factory=list)
    features: list[FeatureRow] = field(default_factory=list)
    derivations: dict[str, Any] = field(default_factory=dict)
    readings: list[dict[str, Any]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    inputs: dict[Path, FileRead] = field(default_factory=dict)
    pixels: str = ""
    kept: Kept | None = None

    @property
    def status(self) -> CaseStatus:
        """What became of the case."""
        return CaseStatus(self.case.status)

    @property
    def met_change(self) -> bool:
        """Whether a file was not what was planned: the case is to be looked at again."""
        return CHANGED in {self.case.error_code, *(roi.error_code for roi in self.rois.values())}
