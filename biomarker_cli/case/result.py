"""CaseResult: the rows that one case contributes to the tables."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

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
    notes : list of str
        For the log: reasons that have no column.
    """

    case: Row
    rois: list[Row] = field(default_factory=list)
    measurements: list[Row] = field(default_factory=list)
    facts: list[Row] = field(default_factory=list)
    checks: list[Row] = field(default_factory=list)
    features: list[Row] = field(default_factory=list)
    derivations: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def case_id(self) -> str:
        """Identifier of the case."""
        return str(self.case["case_id"])

    @property
    def status(self) -> CaseStatus:
        """What became of the case."""
        return CaseStatus(self.case["status"])

    def to_json(self) -> Row:
        """Return the result as JSON-able data, which shares the rows."""
        return {one.name: getattr(self, one.name) for one in fields(self)}

    @classmethod
    def from_json(cls, data: Row) -> CaseResult:
        """Rebuild a result from `to_json`."""
        return cls(**data)
