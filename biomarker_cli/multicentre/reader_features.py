"""Agreement of readers in what was measured of their ROIs: ICC(A,1) of each feature."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from biomarker_cli.model.errors import InputNotFoundError
from biomarker_cli.multicentre.errors import AgreementError
from biomarker_cli.multicentre.icc import icc
from biomarker_cli.multicentre.observations import (
    FEATURE,
    Observations,
    read_observations,
    selected,
)
from biomarker_cli.multicentre.repeatability_table import LEFT_OUT_COLUMNS, LeftOutValues
from biomarker_cli.tables.measured_rows import LEFT_OUT
from biomarker_cli.tables.rows import Column
from biomarker_cli.tables.schema import Table

if TYPE_CHECKING:
    import pandas as pd

READER_FEATURES = Table(
    "reader_features",
    "ROI x feature",
    (
        Column("analysis_id", "string", "analysis protocol, id@version"),
        Column("role", "string", "image role of the cases"),
        Column("roi_id", "string", "ROI"),
        Column("feature_id", "string", "image.family.feature[.variant]"),
        Column("n_readers", "integer", "readers"),
        Column("n_targets", "integer", "cases with a usable value of every reader"),
        Column("n_left_out", "integer", "cases that lack the usable value of a reader"),
        *LEFT_OUT_COLUMNS,
        Column("icc_a_1", "number", "ICC(A,1): absolute agreement of single readers"),
        Column("ci95_low", "number", "lower 95 % confidence limit"),
        Column("ci95_high", "number", "upper 95 % confidence limit"),
        Column("status", "string", "whether there is a value", ("ok", "undefined")),
        Column("reason", "string", "why there is none"),
    ),
    FEATURE,
)

_CASE = ["site_id", "subject_id", "timepoint"]


def read_readings(
    tables: Iterable[Path], features: tuple[str, ...] = (), rois: tuple[str, ...] = ()
) -> Observations:
    """Read the run, or table, of each reader: the same cases, measured in their ROIs.

    Parameters
    ----------
    tables : iterable of Path
    features, rois : tuple of str
        Patterns; without any, all.

    Raises
    ------
    BiomarkerError
        As `read_observations` does.
    """
    return Observations(selected(read_observations(list(tables)).frame, features, rois))


def reader_features(readings: Observations, n_readers: int) -> list[dict[str, Any]]:
    """Return the rows of `READER_FEATURES`.

    Parameters
    ----------
    readings : Observations
    n_readers : int

    Raises
    ------
    AgreementError
        ``OBSERVATION-REPEATED``.
    InputNotFoundError
        ``READERS-NO-CASES`` where no two cases have a usable value of every reader.
    """
    frame = readings.frame
    twice = frame[frame.duplicated([*FEATURE, *_CASE, "table"])]
    if len(twice):
        row = twice.iloc[0]
        raise AgreementError(
            "OBSERVATION-REPEATED",
            "expected one value of a reader",
            where=", ".join(str(row[name]) for name in (*FEATURE, *_CASE) if row[name]),
        )
    rows = list(_rows(frame, n_readers))
    if not any(row["n_targets"] > 1 for row in rows):
        raise InputNotFoundError(
            "READERS-NO-CASES",
            "expected two cases with a usable value of every reader, found fewer",
            hint="Each reader's run holds the same site, subject and timepoint under one name.",
        )
    return rows


def _rows(frame: pd.DataFrame, n_readers: int) -> Iterator[dict[str, Any]]:
    for key, rows in frame.groupby(list(FEATURE), sort=True):
        cases = sorted(set(zip(*(rows[name] for name in _CASE), strict=True)))
        lines = {case: line for line, case in enumerate(cases)}
        values = np.full((len(cases), n_readers), np.nan)
        taken = rows[rows[LEFT_OUT] == ""]
        columns = (taken[name] for name in (*_CASE, "table", "value"))
        for *case, table, value in zip(*columns, strict=True):
            values[lines[tuple(case)], table] = value
        complete = values[np.isfinite(values).all(axis=1)]
        row: dict[str, Any] = dict(zip(FEATURE, map(str, key), strict=True)) | {
            "n_readers": n_readers,
            "n_targets": len(complete),
            "n_left_out": len(values) - len(complete),
            **LeftOutValues.of(rows[LEFT_OUT].tolist())._asdict(),
        }
        yield row | _agreement(complete)


def _agreement(complete: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> dict[str, Any]:
    if len(complete) < 2:
        return {
            "status": "undefined",
            "reason": "fewer than two cases have every reader",
        }
    estimate = icc(complete)["ICC(2,1)"]
    if estimate is None:
        return {"status": "undefined", "reason": "the variances do not add up to a positive sum"}
    limits = {"ci95_low": estimate.low, "ci95_high": estimate.high}
    return {"icc_a_1": estimate.value, **limits, "status": "ok", "reason": ""}
