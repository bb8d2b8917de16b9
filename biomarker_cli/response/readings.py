"""What was read of one subject over time, before a criterion judges it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from biomarker_cli.response.expressions import Value

State = Literal["measured", "too_small", "absent", "missing", "not_evaluable"]


_STEPS = tuple(Decimal(1).scaleb(-decimals) for decimals in range(10))


def rounded(value: Decimal, decimals: int) -> Decimal:
    """Return a decimal rounded half up, away from zero."""
    return value.quantize(_STEPS[decimals], rounding=ROUND_HALF_UP)


@dataclass(frozen=True)
class LesionReading:
    """One lesion at one visit.

    Attributes
    ----------
    lesion_id : str
    is_node : bool
    state : str
        ``missing`` where nobody said anything: it is never 0.
    value : Decimal or None
        The one number that a table gives.
    longest, short : Decimal or None
        Diameters in mm.
    organ : str
    parts : tuple of str
        Fragments that were summed, or lesions that merged.
    reason : str
        Why it is not evaluable.
    case_id, roi_id, analysis_id : str
        Where a run measured it.
    source : str
        Row of the ledger that tells role and state.
    """

    lesion_id: str
    is_node: bool = False
    state: State = "measured"
    value: Decimal | None = None
    longest: Decimal | None = None
    short: Decimal | None = None
    organ: str = ""
    parts: tuple[str, ...] = ()
    reason: str = ""
    case_id: str = ""
    roi_id: str = ""
    analysis_id: str = ""
    source: str = ""


@dataclass(frozen=True)
class ReadVisit:
    """Everything read at one visit.

    Attributes
    ----------
    timepoint : str
    day : int
        From the reference date.
    lesions, new_lesions : tuple of LesionReading
    others : tuple of LesionReading
        Measured lesions that are no targets, for other choices of targets.
    non_target : str or None
    new : str or None
        ``no``, ``yes``, ``equivocal``.
    inputs : mapping
        By name, as the criterion declares them.
    given : str
        An overall call that somebody else made.
    flags : frozenset of str
    """

    timepoint: str
    day: int
    lesions: tuple[LesionReading, ...] = ()
    new_lesions: tuple[LesionReading, ...] = ()
    others: tuple[LesionReading, ...] = ()
    non_target: str | None = "none"
    new: str | None = "no"
    inputs: Mapping[str, Value] = field(default_factory=dict)
    given: str = ""
    flags: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Course:
    """The visits of one subject as one reader saw them, by day.

    Attributes
    ----------
    subject_id : str
    visits : tuple of ReadVisit
    has_baseline : bool
        Whether the first visit is the baseline; without one only given calls are judged.
    reader : str
    parameters : mapping of str to int
        Those that this subject sets.
    policies : mapping of str to str
        Likewise.
    """

    subject_id: str
    visits: tuple[ReadVisit, ...]
    has_baseline: bool = True
    reader: str = ""
    parameters: Mapping[str, int] = field(default_factory=dict)
    policies: Mapping[str, str] = field(default_factory=dict)

    @property
    def followups(self) -> tuple[ReadVisit, ...]:
        """Visits that get a call."""
        return self.visits[1:] if self.has_baseline else self.visits
