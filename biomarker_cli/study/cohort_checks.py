"""Judge the acquisition rules that no case sees alone: over studies, subjects, the cohort."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from biomarker_cli.case.result import Row
from biomarker_cli.tables import CHECKS

if TYPE_CHECKING:
    # Most runs have no rules above series, and load no more than this module.
    from biomarker_cli.acquisition import (
        AcquisitionProtocol,
        CheckResult,
        SeriesHeaders,
    )
    from biomarker_cli.study.planned import PlannedCase

WIDE_SCOPES = ("study", "subject", "cohort")


def judge_cohort(cases: Sequence[PlannedCase]) -> list[Row]:
    """Return rows of ``checks.csv`` above series, for every protocol that has such rules.

    Parameters
    ----------
    cases : sequence of PlannedCase
        Of the whole study; headers are read again where a rule asks for it.
    """
    protocols: dict[str, AcquisitionProtocol] = {}
    for case in cases:
        acquisition = case.plan.acquisition
        if acquisition is not None and _is_wide(acquisition):
            protocols[acquisition.document.sha256] = acquisition
    if not protocols:
        return []
    from biomarker_cli.acquisition import DeviceNames, evaluate

    rows: dict[tuple[str, ...], Row] = {}
    for sha256, protocol in sorted(protocols.items()):
        members = [case for case in cases if _sha256(case) == sha256]
        series = _series(members)
        devices = DeviceNames(members[0].plan.device_key, series)
        for check in _waived(members, evaluate(protocol, series, scopes=WIDE_SCOPES)):
            row = {**devices.veiled(check.row()), "case_id": ""}
            rows[tuple(str(row[column]) for column in CHECKS.key)] = row
    return list(rows.values())


def _waived(cases: Sequence[PlannedCase], results: Sequence[CheckResult]) -> list[CheckResult]:
    """Return the results under the waivers of all cases: a wide row speaks of several."""
    sets = [case.plan.waivers for case in cases if case.plan.waivers is not None]
    if not sets:
        return list(results)
    from biomarker_cli.acquisition import WaiverSet

    waivers = dict.fromkeys(waiver for found in sets for waiver in found.waivers)
    return WaiverSet(tuple(waivers), sets[0].today).apply(results)


def _is_wide(protocol: AcquisitionProtocol) -> bool:
    content = protocol.content
    return bool(content.roles) or any(rule.over in WIDE_SCOPES for rule in content.rules)


def _sha256(case: PlannedCase) -> str:
    acquisition = case.plan.acquisition
    return acquisition.document.sha256 if acquisition is not None else ""


def _series(cases: Sequence[PlannedCase]) -> list[SeriesHeaders]:
    from biomarker_cli.acquisition import series_headers
    from biomarker_cli.catalogue import Catalogue

    found: dict[str, SeriesHeaders] = {}
    for case in cases:
        for series in series_headers(Catalogue(case.plan.images)):
            placed = series.in_study(case.plan.role, case.plan.subject)
            found.setdefault(series.series_uid, placed)
    return list(found.values())
