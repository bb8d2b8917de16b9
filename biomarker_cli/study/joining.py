"""Join what was measured before with what a changed analysis gives: no other is measured again."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from biomarker_cli.case.result import CaseStatus
from biomarker_cli.regions.result import ROIS_WITH_AUDIT
from biomarker_cli.study.flagging import flags_in
from biomarker_cli.study.keys import ANALYSIS
from biomarker_cli.tables.schema import CHECKS, DIAMETERS, FACTS, MEASUREMENTS, REGISTRATIONS
from biomarker_cli.tables.writing import table_lines

if TYPE_CHECKING:
    from biomarker_cli.study.packed import PackedResult, ResultHead

_SHARED = (ROIS_WITH_AUDIT, FACTS, CHECKS, REGISTRATIONS)
"""Tables whose rows are of the case, whatever measures it."""


def kept_analyses(before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...] | None:
    """Return the analyses that are as they were, where nothing but analyses has changed.

    Parameters
    ----------
    before, now : mapping
        Parts of two keys (`key_parts`).

    Returns
    -------
    tuple of str or None
        ``id@version``; None where something else has changed, or there is none to keep.
    """
    for name in {*before, *now}:
        if before.get(name) != now.get(name) and not name.startswith(ANALYSIS):
            return None
    kept = _analyses(before) & _analyses(now)
    return tuple(sorted(entry[0] for entry in kept)) or None


def _analyses(parts: Mapping[str, Any]) -> set[tuple[str, ...]]:
    """Return id and version, digest and engine of each analysis; its place says nothing."""
    found = (parts[name] for name in parts if name.startswith(ANALYSIS))
    return {tuple(entry[1:]) for entries in found for entry in entries}


def may_be_kept(stored: PackedResult) -> bool:
    """Tell whether the rows of each analysis say all that its measuring gave.

    An error of a region, or a note, may be of any of the analyses.
    """
    return _is_whole(stored.head) and not stored.notes


def _is_whole(head: ResultHead) -> bool:
    return head.status == CaseStatus.MEASURED.value and not any(r.error_code for r in head.rois)


def joined(stored: PackedResult, fresh: PackedResult, kept: Collection[str]) -> PackedResult | None:
    """Return what measuring the whole case would give; None where that cannot be told.

    Parameters
    ----------
    stored : PackedResult
        Of all analyses, as they were.
    fresh : PackedResult
        Of those that have changed, under the key of all.
    kept : collection of str
        Analyses whose rows are taken from `stored`.
    """
    alike = all(stored.lines[table.name] == fresh.lines[table.name] for table in _SHARED)
    if not alike or not may_be_kept(stored) or not _is_whole(fresh.head):
        return None
    rows, lengths = (
        [row for row in stored.rows(table) if row["analysis_id"] in kept] + fresh.rows(table)
        for table in (MEASUREMENTS, DIAMETERS)
    )
    lines = {
        **fresh.lines,
        MEASUREMENTS.name: table_lines(MEASUREMENTS, rows),
        DIAMETERS.name: table_lines(DIAMETERS, lengths),
    }
    log = json.loads(fresh.log)
    of_kept = {name: said for name, said in stored.derivations.items() if name in kept}
    log["derivations"] = {**of_kept, **log["derivations"]}
    head = _head(stored.head, fresh.head, rows, kept)
    return replace(fresh, head=head, lines=lines, log=json.dumps(log) + "\n")


def _head(
    stored: ResultHead, fresh: ResultHead, rows: list[dict[str, str]], kept: Collection[str]
) -> ResultHead:
    n_ok = sum(row["status"] == "ok" for row in rows)
    before = {(roi.image, roi.roi_id): roi.analyses for roi in stored.rois}
    rois = [
        replace(
            roi,
            analyses=sorted(
                {*roi.analyses, *(a for a in before[roi.image, roi.roi_id] if a in kept)}
            ),
        )
        for roi in fresh.rois
    ]
    of_kept = {name: digest for name, digest in stored.dictionaries.items() if name in kept}
    return replace(
        fresh,
        n_ok=n_ok,
        n_without=len(rows) - n_ok,
        rois=rois,
        dictionaries={**of_kept, **fresh.dictionaries},
        flags={**fresh.flags, MEASUREMENTS.name: flags_in(rows)},
    )
