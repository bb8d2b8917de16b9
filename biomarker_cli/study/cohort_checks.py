"""Judge the acquisition rules that no case sees alone: over studies, subjects, the cohort."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from biomarker_cli.case.rows import check_row
from biomarker_cli.tables.schema import CHECKS

if TYPE_CHECKING:
    # Most runs have no rules above series, and load no more than this module.
    from biomarker_cli.acquisition.examined import Examined
    from biomarker_cli.acquisition.protocol import AcquisitionProtocol
    from biomarker_cli.acquisition.results import CheckResult
    from biomarker_cli.case.plan import CasePlan
    from biomarker_cli.tables.rows import CheckRow

    Member = tuple[CasePlan, list[dict[str, Any]]]


def judge_cohort(members: Sequence[Member]) -> list[CheckRow]:
    """Return rows of ``checks.csv`` above series, for every protocol that has such rules.

    Parameters
    ----------
    members : sequence of (CasePlan, list of dict)
        Cases of the whole study, and what was kept of their series (`keep_readings`).
    """
    # Values stand in the order of the cases, and a series that several measure is the first's:
    # the order of the list must not decide.
    members = sorted(members, key=lambda member: member[0].case_id)
    protocols: dict[str, AcquisitionProtocol] = {}
    for plan, readings in members:
        if plan.acquisition is not None and readings:
            protocols[plan.acquisition.document.sha256] = plan.acquisition
    if not protocols:
        return []
    from biomarker_cli.acquisition.evaluating import evaluate_examined
    from biomarker_cli.acquisition.kept import WIDE_SCOPES, kept_series

    rows: dict[tuple[str, ...], CheckRow] = {}
    key_of = attrgetter(*CHECKS.key)
    for sha256, protocol in sorted(protocols.items()):
        mine = [member for member in members if _sha256(member[0]) == sha256]
        series: dict[str, Examined] = {}
        for one in (kept_series(kept) for _, readings in mine for kept in readings):
            # A series that several cases measure stands once.
            series.setdefault(one.series_uid, one)
        checks = evaluate_examined(protocol, list(series.values()), WIDE_SCOPES)
        for check in _waived([plan for plan, _ in mine], checks):
            row = check_row(check)
            rows[key_of(row)] = row
    return list(rows.values())


def _waived(plans: Sequence[CasePlan], results: Sequence[CheckResult]) -> list[CheckResult]:
    """Return the results under the waivers of all cases: a wide row speaks of several."""
    sets = [plan.waivers for plan in plans if plan.waivers is not None]
    if not sets:
        return list(results)
    from biomarker_cli.acquisition.waivers import WaiverSet

    waivers = dict.fromkeys(waiver for found in sets for waiver in found.waivers)
    return WaiverSet(tuple(waivers), sets[0].today).apply(results)


def _sha256(plan: CasePlan) -> str:
    return plan.acquisition.document.sha256 if plan.acquisition is not None else ""
