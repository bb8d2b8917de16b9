"""Waivers: a study's written decision that a deviation is accepted.

They stand in a file of their own, never in the protocol, and never hide a row:
the outcome becomes ``waived``. An expired waiver waives nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator

from biomarker_cli.acquisition.results import CheckResult, Outcome
from biomarker_cli.protocol import ProtocolError
from biomarker_cli.protocol.document import Strict
from biomarker_cli.protocol.versions import Version, in_range
from biomarker_cli.protocol.yaml_source import read_yaml

WAIVABLE = frozenset({Outcome.FAIL, Outcome.NOT_EVALUABLE, Outcome.MISSING_SERIES})


class Waiver(Strict):
    """One accepted deviation.

    `series` is a SeriesInstanceUID, or ``*`` for every series. `approver` is a
    function or a pseudonym, not a person's name.
    """

    protocol: str
    versions: str
    rule: str
    series: str = Field(min_length=1)
    reason: str = Field(min_length=1)
    approver: str = Field(min_length=1)
    expires: str

    @field_validator("versions")
    @classmethod
    def _is_range(cls, value: str) -> str:
        in_range(Version(0, 0, 0), value)
        return value

    @field_validator("expires")
    @classmethod
    def _is_date(cls, value: str) -> str:
        return date.fromisoformat(value).isoformat()

    def covers(self, result: CheckResult) -> bool:
        """Tell whether the waiver speaks of a row, whatever the day is."""
        return (
            result.outcome in WAIVABLE
            and self.protocol == result.protocol_id
            and self.rule == result.rule_id
            and self.series in {"*", *result.series_uid.split(";")}
            and in_range(Version.parse(result.protocol_version), self.versions)
        )


class WaiverFile(Strict):
    """``format: biomarker-waivers/1`` and its waivers."""

    format: Literal["biomarker-waivers/1"]
    waivers: tuple[Waiver, ...]


def load_waivers(path: Path) -> tuple[Waiver, ...]:
    """Read a waiver file.

    Raises
    ------
    ProtocolError
        ``WAIVER-INVALID``; ``PROTOCOL-SYNTAX`` where it is no YAML mapping.
    """
    data, _ = read_yaml(path)
    try:
        return WaiverFile.model_validate(data).waivers
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}"
            for item in error.errors(include_url=False)[:5]
        )
        raise ProtocolError(
            "WAIVER-INVALID",
            problems,
            where=path.name,
            hint="A waiver has protocol, versions, rule, series, reason, approver, expires.",
        ) from error


def apply_waivers(
    results: Iterable[CheckResult], waivers: Iterable[Waiver], today: date
) -> list[CheckResult]:
    """Return the results with waived ones marked; an expired waiver is named as the reason.

    Parameters
    ----------
    results : iterable of CheckResult
    waivers : iterable of Waiver
    today : datetime.date
        A waiver holds up to and including its day of expiry.
    """
    waivers = list(waivers)
    return [_apply(result, waivers, today) for result in results]


def _apply(result: CheckResult, waivers: Iterable[Waiver], today: date) -> CheckResult:
    covering = [waiver for waiver in waivers if waiver.covers(result)]
    if not covering:
        return result
    latest = max(covering, key=lambda waiver: waiver.expires)
    if date.fromisoformat(latest.expires) < today:
        why = f"the waiver expired on {latest.expires}"
        return replace(result, reason="; ".join(filter(None, (result.reason, why))))
    why = f"waived until {latest.expires}: {latest.reason}"
    return replace(result, outcome=Outcome.WAIVED, reason=why)
