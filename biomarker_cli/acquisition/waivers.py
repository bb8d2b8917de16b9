"""Waivers: a study's written decision that a deviation is accepted.

They stand in a file of their own, never in the protocol, and never hide a row:
the outcome becomes ``waived``. An expired waiver waives nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator

from biomarker_cli.acquisition.protocol import AcquisitionProtocol
from biomarker_cli.acquisition.results import NOT_MET, CheckResult, Outcome
from biomarker_cli.protocol.document import Strict
from biomarker_cli.protocol.errors import ProtocolError
from biomarker_cli.protocol.loading import problems_text
from biomarker_cli.protocol.versions import Version, in_range
from biomarker_cli.protocol.yaml_source import read_yaml, require_format


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
            result.outcome in NOT_MET
            and self.rule == result.rule_id
            and self.series in {"*", *result.series_uid.split(";")}
            and self.speaks_of(result.protocol_id, result.protocol_version)
        )

    def speaks_of(self, protocol_id: str, version: str) -> bool:
        """Tell whether the waiver speaks of a version of a protocol."""
        return self.protocol == protocol_id and in_range(Version.parse(version), self.versions)

    def has_expired(self, today: date) -> bool:
        """Tell whether the waiver waives nothing any more; its day of expiry still counts."""
        return date.fromisoformat(self.expires) < today


class WaiverFile(Strict):
    """``format: biomarker-waivers/1`` and its waivers."""

    format: Literal["biomarker-waivers/1"]
    waivers: tuple[Waiver, ...]


def load_waivers(path: Path) -> tuple[Waiver, ...]:
    """Read a waiver file.

    Raises
    ------
    ProtocolError
        ``WAIVER-INVALID``; those of `read_yaml`.
    """
    if not path.is_file():
        raise ProtocolError("WAIVER-INVALID", f"no such waiver file: {path}")
    data, lines = read_yaml(path)
    require_format(data, lines, path, "biomarker-waivers/1", "WAIVER-INVALID")
    try:
        return WaiverFile.model_validate(data).waivers
    except ValidationError as error:
        problems = problems_text(error, lines)
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
    if latest.has_expired(today):
        why = f"the waiver expired on {latest.expires}"
        return replace(result, reason="; ".join(filter(None, (result.reason, why))))
    why = f"waived until {latest.expires}: {latest.reason}"
    return replace(result, outcome=Outcome.WAIVED, reason=why)


def require_known_rules(
    waivers: Iterable[Waiver], protocols: Collection[AcquisitionProtocol]
) -> None:
    """Refuse a waiver for a rule that its protocol does not have: it would wait for ever.

    Raises
    ------
    ProtocolError
        ``WAIVER-RULE``. A waiver for a protocol, or a version, that is none of
        the given ones speaks of something else and passes.
    """
    for waiver in waivers:
        for protocol in protocols:
            header = protocol.document.header
            known = [rule.id for rule in protocol.content.rules]
            if not waiver.speaks_of(header.id, header.version) or waiver.rule in known:
                continue
            near = get_close_matches(waiver.rule, known, n=1)
            meant = f"Did you mean {near[0]}? " if near else ""
            raise ProtocolError(
                "WAIVER-RULE",
                f"a waiver names the rule {waiver.rule}, which {protocol.ident} does not have",
                hint=f"{meant}Its rules are {', '.join(known)}.",
            )


@dataclass(frozen=True)
class WaiverSet:
    """The waivers that a study applies, and the day that decides which have expired.

    Attributes
    ----------
    waivers : tuple of Waiver
    today : datetime.date
    """

    waivers: tuple[Waiver, ...]
    today: date

    def concerning(self, protocol: AcquisitionProtocol, series_uids: Collection[str]) -> WaiverSet:
        """Return those that can speak of rows of some series under a protocol."""
        header = protocol.document.header
        kept = (w for w in self.waivers if w.speaks_of(header.id, header.version))
        return replace(self, waivers=tuple(w for w in kept if w.series in {"*", *series_uids}))

    def apply(self, results: Iterable[CheckResult]) -> list[CheckResult]:
        """Return the results with waived ones marked."""
        return apply_waivers(results, self.waivers, self.today)

    def canonical(self) -> list[dict[str, Any]]:
        """Return what moves a result: each waiver, and whether it still holds."""
        return [
            {**waiver.model_dump(), "expired": waiver.has_expired(self.today)}
            for waiver in self.waivers
        ]


def unused(waivers: Iterable[Waiver], results: Sequence[CheckResult]) -> list[Waiver]:
    """Return the waivers that no row needed; `results` are those before waivers were applied."""
    return [w for w in waivers if not any(w.covers(result) for result in results)]
