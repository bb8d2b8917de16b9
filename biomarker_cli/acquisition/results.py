"""CheckResult: the outcome of one rule on one scope."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from enum import StrEnum

from biomarker_cli.model.exit_codes import ExitCode


class Outcome(StrEnum):
    """What a rule found."""

    PASS = "pass"  # noqa: S105 - an outcome, not a secret
    FAIL = "fail"
    NOT_EVALUABLE = "not_evaluable"
    NOT_APPLICABLE = "not_applicable"
    WAIVED = "waived"
    MISSING_SERIES = "missing_series"


NOT_MET = frozenset({Outcome.FAIL, Outcome.NOT_EVALUABLE, Outcome.MISSING_SERIES})
"""Outcomes that ``--strict`` does not let pass, in `check` and in `run`, and a waiver accepts."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One row of ``checks.csv``, and what the text output says beside it.

    Attributes
    ----------
    scope : str
        series, study, subject or cohort.
    series_uid : str
        Empty above series.
    n_missing : int
        Slices (or series, above) that do not tell the fact.
    reason : str
        Why it could not be judged, or what was inferred.
    """

    scope: str
    series_uid: str
    protocol_id: str
    protocol_version: str
    protocol_sha256: str
    rule_id: str
    severity: str
    outcome: Outcome
    observed: str
    expected: str
    unit: str
    tags: str
    title: str = ""
    level: str = "shall"
    fix: str = ""
    why: str = ""
    section: str = ""
    n_missing: int = 0
    reason: str = ""

    def row(self) -> dict[str, str]:
        """Return the columns of `CHECK_COLUMNS`."""
        return {column: str(getattr(self, column)) for column in CHECK_COLUMNS}


TOLD_BESIDE = ("title", "level", "section", "n_missing", "reason", "why", "fix")
"""What JSON says of a row beside the columns of ``checks.csv``."""

CHECK_COLUMNS = tuple(one.name for one in fields(CheckResult) if one.name not in TOLD_BESIDE)
"""Columns of ``checks.csv`` beside the case."""


def exit_code(results: Iterable[CheckResult], *, strict: bool = False) -> ExitCode:
    """Return the exit code of a check.

    Parameters
    ----------
    results : iterable of CheckResult
    strict : bool
        Count an error-level rule that could not be judged, or whose series is
        missing, as a violation.

    Returns
    -------
    ExitCode
        ``VIOLATION``, ``DONE``, or ``NOTHING_FOUND`` where no rule applied.
    """
    applied = [r for r in results if r.outcome is not Outcome.NOT_APPLICABLE]
    if not applied:
        return ExitCode.NOTHING_FOUND
    broken = NOT_MET if strict else {Outcome.FAIL}
    if any(r.severity == "error" and r.outcome in broken for r in applied):
        return ExitCode.VIOLATION
    return ExitCode.DONE
