"""One figure of a run: a feature by site, over visits, or of two repeats.

Drawn as the report, or `biomarker repeatability --plots`, draws it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from biomarker_cli.model.wording import counted, quoted
from biomarker_cli.report.choosing import drawn_features, listed_features
from biomarker_cli.report.errors import ReportError
from biomarker_cli.report.run_reading import RunTables, read_run
from biomarker_cli.report.values import (
    FeatureValues,
    Figure,
    change_figure,
    feature_values,
    sites_figure,
)

if TYPE_CHECKING:
    from biomarker_cli.multicentre.repeatability_table import FeatureRepeatability

_DRAWN: Mapping[str, Callable[[RunTables, FeatureValues], Figure | None]] = MappingProxyType(
    {"change": change_figure, "sites": sites_figure}
)
KINDS = tuple(_DRAWN)

_NOTHING: Mapping[str, str] = MappingProxyType(
    {
        "change": "no subject has two visits with a usable value of {}.",
        "sites": "no value of {} may be held beside others.",
    }
)

_MOST_NAMED = 8


@dataclass(frozen=True)
class WantedValues:
    """Which values a figure is of: patterns that one feature of one ROI meets.

    Attributes
    ----------
    feature : str
        Empty for those that a report draws.
    roi, role, analysis : str
        Empty where there is one.
    """

    feature: str = ""
    roi: str = ""
    role: str = ""
    analysis: str = ""

    def holds(self, analysis: str, role: str, roi: str) -> bool:
        """Return whether values are among those that are wanted."""
        return (
            fnmatchcase(roi, self.roi or "*")
            and fnmatchcase(role, self.role or "*")
            and (not self.analysis or self.analysis in {analysis, analysis.partition("@")[0]})
        )


def run_figure(kind: str, folder: Path, wanted: WantedValues) -> Figure:
    """Return a figure of a run, drawn as its report draws it.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    folder : Path
        Of a run or a pool.
    wanted : WantedValues

    Raises
    ------
    ReportError
        ``PLOT-NOTHING``, ``PLOT-AMBIGUOUS``.
    TableError
        As `read_run` does.
    """
    tables = read_run(folder)
    values = feature_values(tables, _features(tables, wanted))
    found = [one for one in values if wanted.holds(one.analysis_id, one.role, one.roi_id)]
    chosen = found[_only([one.title for one in found])]
    figure = _DRAWN[kind](tables, chosen)
    if figure is None:
        raise ReportError(
            "PLOT-NOTHING",
            " ".join([_NOTHING[kind].format(chosen.title), *chosen.left_out_words]),
            hint="`biomarker plot sites` shows values of one visit; the columns usable and flags "
            "of the measurements say which may be held beside others.",
        )
    return figure


def repeats_figure(paths: Sequence[Path], wanted: WantedValues, repeat: str = "") -> Figure:
    """Return the Bland-Altman plot of two repeats of one feature of one ROI.

    Parameters
    ----------
    paths : sequence of Path
        Folders of runs, or CSV files of values.
    wanted : WantedValues
    repeat : str
        Column that tells the repeats; empty for the one that a table has.

    Raises
    ------
    ReportError
        ``PLOT-NOTHING``, ``PLOT-AMBIGUOUS``.
    BiomarkerError
        As `read_observations`, `repeat_column` and `study_repeats` do.
    """
    from biomarker_cli.multicentre.bland_altman_plot import repeats_svg
    from biomarker_cli.multicentre.observations import read_observations, selected
    from biomarker_cli.multicentre.repeatability_table import repeat_column, study_repeats

    observations = read_observations(paths)
    column = repeat_column(observations, repeat)
    features, rois = ([one] if one else [] for one in (wanted.feature, wanted.roi))
    judged = study_repeats(selected(observations.frame, features, rois), column)
    drawn = []
    for one in judged:
        analysis, role, roi, feature = one.key[2:]
        svg = repeats_svg(one) if one.is_overall and wanted.holds(analysis, role, roi) else None
        if svg:
            title = ", ".join(filter(None, (feature, roi, role, analysis)))
            drawn.append((title, svg, one))
    title, svg, one = drawn[_only([title for title, _, _ in drawn])]
    return Figure(title, svg, *_pairs(one))


def _pairs(
    one: FeatureRepeatability,
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """Return what a plot of two repeats says, its columns and its numbers."""
    from biomarker_cli.multicentre.agreement import bland_altman

    repeats = one.repeats
    if repeats is None:
        raise ValueError("a plot of no repeats")
    both = np.flatnonzero(np.isfinite(repeats.values).all(axis=1))
    limits = bland_altman(*repeats.complete.T)
    said = (
        f"Bias {limits.bias.value:.4g}, limits of agreement {limits.low.value:.4g} to "
        f"{limits.high.value:.4g} {repeats.unit}, of {counted(len(both), 'pair')}."
    )
    left_out = one.values_left_out.words
    # A file of values need not have sites.
    subjects = (repeats.subjects[row].removeprefix("/") for row in both)
    rows = tuple(
        (name, *(f"{value:.6g}" for value in pair))
        for name, pair in zip(subjects, repeats.complete, strict=True)
    )
    return (said, *filter(None, [left_out])), ("subject", *one.labels), rows


def _only(titles: Sequence[str]) -> int:
    """Return the place of the one figure that can be meant."""
    if not titles:
        raise ReportError(
            "PLOT-NOTHING",
            "no value of the tables is of this feature and ROI",
            hint="The columns feature_id, roi_id and analysis_id say what there is.",
        )
    if len(titles) > 1:
        listed = "; ".join(map(quoted, titles[:_MOST_NAMED]))
        more = f" and {len(titles) - _MOST_NAMED} more" if len(titles) > _MOST_NAMED else ""
        raise ReportError(
            "PLOT-AMBIGUOUS",
            f"a picture is of one feature of one ROI, the tables have {listed}{more}",
            hint="Say which one: --feature ID, --roi NAME, --role ROLE, --analysis ID.",
        )
    return 0


def _features(tables: RunTables, wanted: WantedValues) -> list[str]:
    if not wanted.feature:
        return drawn_features(tables, listed_features(tables))
    words = tables.measurements.texts["feature_id"].words
    return sorted(word for word in words if fnmatchcase(word, wanted.feature))
