"""What our side says of the one analysis that another program is compared with."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from biomarker_cli.multicentre.errors import ComparisonError
from biomarker_cli.multicentre.measured import MeasuredTable


@dataclass(frozen=True)
class OurAnalysis:
    """One analysis of a run.

    Attributes
    ----------
    ident : str
    table : MeasuredTable
        Its rows alone.
    units, discretisation : mapping of str to str
        By feature id; the second is empty where the features came without a dictionary.
    is_resampled : bool
        Whether an image was resampled: its masks are then others than the file's.
    """

    ident: str
    table: MeasuredTable
    units: Mapping[str, str]
    discretisation: Mapping[str, str]
    is_resampled: bool


def our_analysis(ours: MeasuredTable, wanted: Collection[str]) -> OurAnalysis:
    """Return the one analysis that has some of the wanted features.

    Raises
    ------
    ComparisonError
        ``COMPARE-ANALYSIS`` where several have, ``COMPARE-NOTHING`` where none has.
    """
    features, analyses = ours.rows.texts["feature_id"], ours.rows.texts["analysis_id"]
    is_wanted = np.asarray([word in wanted for word in features.words], dtype=bool)
    codes = np.unique(analyses.codes[is_wanted[features.codes]])
    found = sorted(analyses.words[code] for code in codes)
    if not found:
        raise ComparisonError(
            "COMPARE-NOTHING", f"{ours.name} has no feature that the dialect knows"
        )
    if len(found) > 1:
        raise ComparisonError(
            "COMPARE-ANALYSIS",
            f"several analyses of {ours.name} have such features: {', '.join(found)}",
            hint="Name one with --analysis.",
        )
    table = ours.of_analysis(found[0])
    said: dict[str, str] = {}
    is_resampled = False
    if ours.features is not None:
        rows = ours.features[ours.features["analysis_id"] == found[0]]
        said = dict(zip(rows["feature_id"], rows["discretisation"], strict=True))
        is_resampled = bool(set(rows["resampled_spacing_mm"]) - {""})
    return OurAnalysis(found[0], table, _units(table), said, is_resampled)


def _units(table: MeasuredTable) -> dict[str, str]:
    features = table.rows.texts["feature_id"]
    there = {features.words[code]: "" for code in np.unique(features.codes)}
    units = table.rows.texts.get("unit")
    if units is not None:
        pairs = np.unique(np.stack([features.codes, units.codes]), axis=1)
        there |= {features.words[feature]: units.words[unit] for feature, unit in pairs.T}
    return there
