"""Which features a report shows: those that the study lists, else a few of each measure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from biomarker_cli.report.run_reading import ReportedValue, RunTables

MOST_OF_ROI = 40
"""Measurements of a ROI that are shown where the study lists none."""

MOST_FIGURES = 6
"""Features that are drawn where the study lists none."""

_TELLING = (
    "*.uptake.max",
    "*.uptake.peak.*global",
    "*.uptake.mtv.41pct_of_max",
    "adc*.intensity.median",
    "*.size.*",
    "original.morphology.volume",
    "*.morphology.volume*",
    "original.intensity.mean",
    "*.uptake.mean",
    "adc*.intensity.mean",
    "*.intensity.median",
    "*.firstorder.mean",
)
"""Patterns of features that people know, the most telling first."""


def listed_features(tables: RunTables) -> tuple[str, ...]:
    """Return the patterns that the study lists under ``report:``; empty for none."""
    found = tables.manifest.get("report", ())
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        return ()
    return tuple(found)


def rank_of(feature_id: str, patterns: Sequence[str]) -> int:
    """Return the place of the first pattern that a feature meets, else their number."""
    return next(
        (place for place, one in enumerate(patterns) if fnmatchcase(feature_id, one)),
        len(patterns),
    )


def shown_of_roi(
    rows: Iterable[ReportedValue], listed: Sequence[str]
) -> tuple[list[ReportedValue], int]:
    """Return the measurements of a ROI that are shown, and how many are not.

    Parameters
    ----------
    rows : iterable of ReportedValue
    listed : sequence of str
        Patterns of the study; empty for none.
    """
    patterns = listed or _TELLING
    ranked = [(rank_of(row.feature_id, patterns), row) for row in rows]
    if listed:
        shown = [row for rank, row in ranked if rank < len(listed)]
    else:
        shown = [row for _, row in sorted(ranked, key=lambda one: one[0])[:MOST_OF_ROI]]
    return shown, len(ranked) - len(shown)


def drawn_features(tables: RunTables, listed: Sequence[str]) -> list[str]:
    """Return the features that are drawn by site and over time, the most telling first."""
    patterns = listed or _TELLING
    words = tables.measurements.texts["feature_id"].words
    ranked = sorted((rank_of(word, patterns), word) for word in words)
    wanted = [word for rank, word in ranked if rank < len(patterns)]
    if listed:
        return wanted
    firsts: dict[int, str] = {}
    for word in wanted:
        firsts.setdefault(rank_of(word, patterns), word)
    return list(firsts.values())[:MOST_FIGURES]
