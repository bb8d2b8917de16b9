"""Judge the acquisition rules that no case sees alone: over studies, subjects, the cohort."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from biomarker_cli.case.rows import check_row
from biomarker_cli.tables.schema import CHECKS

if TYPE_CHECKING:
    # Most runs have no rules above series, and load no more than this module.
    from biomarker_cli.acquisition.examined import Examined
    from biomarker_cli.acquisition.protocol import AcquisitionProtocol
    from biomarker_cli.acquisition.results import CheckResult
    from biomarker_cli.acquisition.waivers import WaiverSet
    from biomarker_cli.tables.rows import CheckRow


@dataclass(frozen=True)
class Member:
    """A case whose series rules above series ask something of.

    Attributes
    ----------
    acquisition : AcquisitionProtocol
    waivers : tuple of dict
        Accepted deviations that may speak of it, as `WaiverSet.canonical` gives them.
    readings : list of dict
        What was kept of its series (`keep_readings`).
    """

    acquisition: AcquisitionProtocol
    waivers: tuple[dict[str, Any], ...]
    readings: list[dict[str, Any]]


def judge_cohort(members: Sequence[Member], waivers: WaiverSet | None = None) -> list[CheckRow]:
    """Return rows of ``checks.csv`` above series, for every protocol that has such rules.

    Parameters
    ----------
    members : sequence of Member
        Of the whole study, in the order of their case ids: values stand in that order, and
        a series that several measure is the first's.
    waivers : WaiverSet, optional
        All that the study accepts.
    """
    protocols = {m.acquisition.document.sha256: m.acquisition for m in members}
    if not protocols:
        return []
    from biomarker_cli.acquisition.evaluating import evaluate_examined
    from biomarker_cli.acquisition.kept import WIDE_SCOPES, kept_series

    rows: dict[tuple[str, ...], CheckRow] = {}
    key_of = attrgetter(*CHECKS.key)
    for sha256, protocol in sorted(protocols.items()):
        mine = [m for m in members if m.acquisition.document.sha256 == sha256]
        series: dict[str, Examined] = {}
        for one in (kept_series(kept) for member in mine for kept in member.readings):
            # A series that several cases measure stands once.
            series.setdefault(one.series_uid, one)
        checks = evaluate_examined(protocol, list(series.values()), WIDE_SCOPES)
        for check in _waived(mine, waivers, checks):
            row = check_row(check)
            rows[key_of(row)] = row
    return list(rows.values())


def _waived(
    members: Sequence[Member], waivers: WaiverSet | None, results: Sequence[CheckResult]
) -> list[CheckResult]:
    """Return the results under the waivers of all cases: a wide row speaks of several."""
    if waivers is None:
        return list(results)
    asked = [waiver for member in members for waiver in member.waivers]
    kept = (
        waiver
        for waiver, said in zip(waivers.waivers, waivers.canonical(), strict=True)
        if said in asked
    )
    return replace(waivers, waivers=tuple(kept)).apply(results)
