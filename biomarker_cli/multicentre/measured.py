"""One side of a comparison: measured rows, and what is known of how they came about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from biomarker_cli.tables.columns import Columns, read_columns
from biomarker_cli.tables.manifest import read_manifest
from biomarker_cli.tables.reading import read_table
from biomarker_cli.tables.schema import CASES, FEATURES, MEASUREMENTS, ROIS

if TYPE_CHECKING:
    import pandas as pd

KEY = MEASUREMENTS.key
"""Columns that identify a measured row."""

_BESIDE = ("unit", "status", "flags", "combat_sha256")


@dataclass(frozen=True)
class MeasuredTable:
    """Measured rows of one side.

    Attributes
    ----------
    name : str
        How the command line names it.
    rows : Columns
        Texts by the columns of measurements.csv, and the number ``value``.
    manifest : mapping
        Of the run; empty where a table came alone.
    rois, features, cases : DataFrame or None
        rois.csv, features.csv and cases.csv of the run.
    """

    name: str
    rows: Columns
    manifest: Mapping[str, Any] = field(default_factory=dict)
    rois: pd.DataFrame | None = None
    features: pd.DataFrame | None = None
    cases: pd.DataFrame | None = None

    @property
    def case_ids(self) -> list[str]:
        """Every case, also those of the run that have no row."""
        listed = [] if self.cases is None else list(self.cases["case_id"])
        return list(dict.fromkeys([*listed, *self.rows.texts["case_id"].words]))

    @property
    def harmonised_by(self) -> frozenset[str]:
        """Digests of the models that took a site effect from the values; empty text for none."""
        column = self.rows.texts.get("combat_sha256")
        if column is None:
            return frozenset({""})
        return frozenset(column.words[code] for code in np.unique(column.codes))

    def of_analysis(self, wanted: str) -> MeasuredTable:
        """Return the rows of one analysis only, named by ``id`` or ``id@version``."""
        analyses = self.rows.texts["analysis_id"]
        chosen = [wanted in (word, word.partition("@")[0]) for word in analyses.words]
        return replace(self, rows=self.rows.taken(np.asarray(chosen, dtype=bool)[analyses.codes]))

    def numbers_of_rois(self, column: str) -> dict[tuple[str, str], float]:
        """Return a number of rois.csv by case and ROI; empty where it is not known."""
        if self.rois is None:
            return {}
        known = self.rois[self.rois[column].notna()]
        keys = zip(known["case_id"], known["roi_id"], strict=True)
        return dict(zip(keys, map(float, known[column]), strict=True))


def load_measured(path: Path) -> MeasuredTable:
    """Read a run folder, or a table of measurements as CSV or Parquet.

    Raises
    ------
    TableError
        ``TABLE-NOT-FOUND``, ``TABLE-COLUMNS``, ``TABLE-VALUE``, ``TABLE-PARQUET``,
        ``TABLE-MANIFEST``.
    """
    if not path.is_dir():
        return MeasuredTable(str(path), _rows(path))
    is_there = {kind.name: (path / kind.file_name).is_file() for kind in (ROIS, FEATURES, CASES)}
    return MeasuredTable(
        str(path),
        _rows(path / MEASUREMENTS.file_name),
        read_manifest(path),
        read_table(ROIS, path) if is_there[ROIS.name] else None,
        read_table(FEATURES, path) if is_there[FEATURES.name] else None,
        read_table(CASES, path) if is_there[CASES.name] else None,
    )


def _rows(path: Path) -> Columns:
    return read_columns(path, KEY, _BESIDE, ["value"])
