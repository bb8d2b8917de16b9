"""Passports that a study asks of its sites, judged for one case at its examination."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator

from biomarker_cli.model.errors import CaseError
from biomarker_cli.model.shifted_dates import SAID, are_shifted
from biomarker_cli.model.study_dates import study_day
from biomarker_cli.protocol.document import Strict
from biomarker_cli.tables.passports import (
    PASSPORTS,
    TEST_NAME,
    PassportRequirement,
    PassportState,
    passport_state,
    read_passports,
)
from biomarker_cli.tables.writing import row_lines

if TYPE_CHECKING:
    from biomarker_cli.case.plan import CasePlan
    from biomarker_cli.study.planned import PlannedCase
    from biomarker_cli.tables.passport_row import PassportRow

TestName = Annotated[str, Field(pattern=f"^{TEST_NAME.pattern}$")]
Number = Annotated[float, Field(allow_inf_nan=False)]


class RequiredPassport(Strict):
    """One test that the sites of a study must have passed.

    Attributes
    ----------
    test : str
        As ``passports.csv`` names it.
    max_age_days : int
        Largest age at the date of the examination.
    roles : tuple of str
        Roles of the study that need it; empty means all.
    quantity, device : str
        Shell patterns: only such rows count.
    minimum, maximum : float or None
        Limits of the study on the values.
    """

    test: TestName
    max_age_days: int = Field(ge=0, le=36_500)
    roles: tuple[str, ...] = ()
    quantity: str = "*"
    device: str = "*"
    minimum: Number | None = None
    maximum: Number | None = None

    @model_validator(mode="after")
    def _limits_leave_room(self) -> Self:
        low, high = self.minimum, self.maximum
        if low is not None and high is not None and low > high:
            raise ValueError("minimum is above maximum")
        return self

    @property
    def requirement(self) -> PassportRequirement:
        """What is held against the rows."""
        return PassportRequirement(
            self.test, self.max_age_days, self.quantity, self.device, self.minimum, self.maximum
        )


class PassportRules(Strict):
    """The section ``passports:`` of a study.

    Attributes
    ----------
    file : str
        Relative to the study file.
    on_missing : {'flag', 'refuse'}
        What becomes of a case whose site has no passport that holds.
    requires : tuple of RequiredPassport
    """

    file: str = Field(min_length=1)
    on_missing: Literal["flag", "refuse"]
    requires: tuple[RequiredPassport, ...] = Field(min_length=1)


@dataclass(frozen=True)
class StudyPassports:
    """What a study asks, and the passports that there are.

    Attributes
    ----------
    rules : PassportRules
    rows : tuple of PassportRow
    """

    rules: PassportRules
    rows: tuple[PassportRow, ...]

    @property
    def digest(self) -> str:
        """Digest of what the passports say."""
        return hashlib.sha256(row_lines(PASSPORTS, self.rows).encode()).hexdigest()


def load_passports(rules: PassportRules, path: Path) -> StudyPassports:
    """Read the passports of a study.

    Raises
    ------
    PassportError
        ``PASSPORT-INVALID``.
    """
    return StudyPassports(rules, read_passports(path))


def with_passports(case: PlannedCase, passports: StudyPassports | None) -> PlannedCase:
    """Return a case flagged or refused for the passports of its site.

    Nothing that is stored knows of it: a passport that comes later takes the flag away
    without measuring anew.

    Parameters
    ----------
    case : PlannedCase
    passports : StudyPassports or None
        None where the study asks for none.
    """
    if passports is None or case.refusal is not None:
        return case
    findings = [
        (wanted, state)
        for wanted in passports.rules.requires
        if not wanted.roles or case.plan.role in wanted.roles
        for state in _states(case.plan, wanted.requirement, passports.rows)
        if state.word != "valid"
    ]
    if not findings:
        return case
    if passports.rules.on_missing == "refuse":
        return replace(case, refusal=_refusal(findings[0][1]))
    flags = {f"passport_{state.word}:{wanted.test}" for wanted, state in findings}
    return replace(case, flags=case.flags | flags)


def _states(
    plan: CasePlan, wanted: PassportRequirement, rows: Sequence[PassportRow]
) -> list[PassportState]:
    if any(are_shifted(volume.visit.dates_modified) for volume in plan.volumes):
        return [PassportState("dates_shifted", SAID)]
    return [passport_state(rows, plan.site_id, wanted, day) for day in examination_days(plan)]


def examination_days(plan: CasePlan) -> list[date | None]:
    """Return the days on which the images of a case were made; None where one is not told.

    Parameters
    ----------
    plan : CasePlan
        Without DICOM images, no day is told.
    """
    days = {study_day(volume.visit.date) for volume in plan.volumes} or {None}
    return sorted(days, key=lambda day: (day is None, day or date.min))


def _refusal(state: PassportState) -> CaseError:
    hint = "`biomarker passport add` records a test of the site; docs/passports.md."
    match state.word:
        case "stale":
            return CaseError("PASSPORT-STALE", state.said, hint=hint)
        case "failed":
            return CaseError("PASSPORT-FAILED", state.said, hint=hint)
        case "undated":
            return CaseError("PASSPORT-UNDATED", state.said, hint=hint)
        case "dates_shifted":
            hint = "Ask the site for the state of its passport on the day of the examination."
            return CaseError("PASSPORT-DATES-SHIFTED", state.said, hint=hint)
        case _:
            return CaseError("PASSPORT-MISSING", state.said, hint=hint)
