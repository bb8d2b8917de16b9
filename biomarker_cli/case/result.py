"""CaseResult: the rows that one case contributes to the tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from biomarker_cli.model.inputs import FileRead

Row = dict[str, Any]


class CaseStatus(StrEnum):
    """What became of a case."""

    MEASURED = "measured"
    PARTIAL = "partial"
    FAILED = "failed"
    EXCLUDED = "excluded"
    WAITING = "waiting"


@dataclass(frozen=True)
class CaseResult:
    """Rows of one case, by table; plain values, so that JSON holds them.

    Attributes
    ----------
    case : dict
        Row of ``cases.csv``.
    rois, measurements, facts, checks, features : list of dict
    derivations : dict
        How a quantity was derived, by analysis id.
    readings : list of dict
        What acquisition rules above series ask of each series of the case.
    notes : list of str
        For the log: reasons that have no column.
    inputs : dict
        Path -> `FileRead` of every file that was read, in the order of the plan.
    pixels : str
        Digest of the stored pixels of the image; empty where it is no DICOM.
    """

    case: Row
    rois: list[Row] = field(default_factory=list)
    measurements: list[Row] = field(default_factory=list)
    facts: list[Row] = field(default_factory=list)
    checks: list[Row] = field(default_factory=list)
    features: list[Row] = field(default_factory=list)
    derivations: dict[str, Any] = field(default_factory=dict)
    readings: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    inputs: dict[Path, FileRead] = field(default_factory=dict)
    pixels: str = ""

    @property
    def case_id(self) -> str:
        """Identifier of the case."""
        return str(self.case["case_id"])

    @property
    def status(self) -> CaseStatus:
        """What became of the case."""
        return CaseStatus(self.case["status"])
