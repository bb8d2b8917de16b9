"""From observations to samples: one row for each region of an examination."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from biomarker_cli.model.arrays import AnyArray, FloatArray
from biomarker_cli.model.errors import InputNotFoundError
from biomarker_cli.model.wording import counted
from biomarker_cli.multicentre.covariates import read_covariates
from biomarker_cli.multicentre.errors import AgreementError
from biomarker_cli.multicentre.observations import Observations
from biomarker_cli.tables.errors import TableError
from biomarker_cli.tables.measured_rows import CARRIED_SIZE, LEFT_OUT
from biomarker_cli.tables.sealed_files import row_digest

if TYPE_CHECKING:
    import pandas as pd


STRATUM = ("analysis_id", "role", "roi_id")
"""What is harmonised apart: a liver says nothing of the scale of a tumour."""

_SAMPLE = ("site_id", "subject_id", "timepoint", "repeat_id", "scanner")


@dataclass(frozen=True)
class Stratum:
    """Samples of one analysis, image role and ROI.

    Attributes
    ----------
    key : tuple of str
        The columns of `STRATUM`.
    samples : DataFrame
        One row each: site_id, subject_id, timepoint, repeat_id, scanner, and covariates.
    features : tuple of str
    units : tuple of str
    values : ndarray, shape (n, f)
        NaN where a sample lacks a feature.
    is_ratio : tuple of bool
    usable : ndarray of str, shape (n, f)
        Whether a value may be pooled; empty where its table does not say, no also for the
        size of a mask of another visit.
    left_out : tuple of str
        Samples without any value that is asked for, each by its names.
    """

    key: tuple[str, ...]
    samples: pd.DataFrame
    features: tuple[str, ...]
    units: tuple[str, ...]
    values: FloatArray
    is_ratio: tuple[bool, ...]
    usable: AnyArray
    left_out: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The key for people."""
        return " ".join(filter(None, self.key)) or "all"

    def column(self, name: str) -> tuple[str, ...]:
        """Return a column of the samples.

        Raises
        ------
        TableError
            ``TABLE-COLUMNS`` where it is absent, or empty in a sample.
        """
        if name not in self.samples.columns:
            raise TableError(
                "TABLE-COLUMNS",
                f"samples have no column {name}; there are {', '.join(self.samples.columns)}",
                hint="Further columns come from a table by subject_id: --covariates FILE.csv.",
            )
        cells = tuple(map(str, self.samples[name]))
        if "" in cells:
            raise TableError(
                "TABLE-COLUMNS", f"{cells.count('')} of {len(cells)} samples have no {name}"
            )
        return cells

    @property
    def n_repeated(self) -> int:
        """Subjects that stand in more than one sample."""
        counts = self.samples.groupby(["site_id", "subject_id"]).size()
        return int((counts > 1).sum())

    def row_digests(self) -> list[str]:
        """Return a digest of the values of each sample, which names nobody."""
        return [row_digest(row) for row in self.values]


def of_usable(observations: Observations) -> Observations:
    """Return observations in which what may not be taken together has no value."""
    frame = observations.frame
    return Observations(frame.assign(value=frame["value"].where(frame[LEFT_OUT] == "")))


def strata_of(observations: Observations, covariates: Path | None) -> list[Stratum]:
    """Return the samples of each stratum, with their covariates.

    A sample without any value is left out; one that lacks some is not.

    Parameters
    ----------
    observations : Observations
        As measured.
    covariates : Path or None
        Table by subject_id.

    Raises
    ------
    AgreementError
        ``MIXED-HARMONISATION`` where the values were harmonised already,
        ``OBSERVATION-REPEATED``, ``COMBAT-COVARIATE``, ``COMBAT-INCOMPLETE`` where no
        sample of a stratum has a value.
    InputNotFoundError
        ``NOTHING-FOUND`` where no row is left.
    """
    if observations.combat_sha256:
        raise AgreementError(
            "MIXED-HARMONISATION",
            f"the values were harmonised already, by {observations.combat_sha256[:12]}",
            hint="Harmonise the values as measured.",
        )
    frame = observations.frame
    if not len(frame):
        raise InputNotFoundError("NOTHING-FOUND", "no value is left to harmonise")
    if "repeat_id" not in frame.columns:
        frame = frame.assign(repeat_id="")
    return list(_strata(frame, covariates))


def require_covariates_used(table: Path | None, names: Iterable[str]) -> None:
    """Refuse a table of covariates of which nothing is asked.

    Parameters
    ----------
    table : Path or None
    names : iterable of str
        The batch, and the covariates whose effect is to survive.

    Raises
    ------
    AgreementError
        ``COMBAT-COVARIATE``.
    """
    asked = sorted(set(names))
    if table is not None and set(asked) <= set(_SAMPLE):
        raise AgreementError(
            "COMBAT-COVARIATE",
            f"nothing of the table of covariates is asked for: {', '.join(asked)} stand with "
            "the values",
            where=table.name,
            hint="Leave --covariates out, or name a column of it.",
        )


def _strata(frame: pd.DataFrame, covariates: Path | None) -> Iterator[Stratum]:
    keys = list(_SAMPLE)
    for key, rows in frame.groupby(list(STRATUM), sort=True):
        if rows.duplicated([*keys, "feature_id"]).any():
            row = rows[rows.duplicated([*keys, "feature_id"])].iloc[0]
            raise AgreementError(
                "OBSERVATION-REPEATED",
                "expected one value of a sample",
                where=", ".join(str(row[name]) for name in (*keys, "feature_id") if row[name]),
            )
        every = rows[keys].drop_duplicates().sort_values(keys, ignore_index=True)
        features = tuple(sorted(set(map(str, rows["feature_id"]))))
        values, usable = _table(rows, every, features)
        has_value = np.isfinite(values).any(axis=1)
        if not has_value.any():
            raise AgreementError(
                "COMBAT-INCOMPLETE",
                f"none of {counted(len(every), 'sample')} has a value that may be taken",
                where=" ".join(filter(None, map(str, key))),
                hint="The columns status, flags and usable say why; leave it out with --roi.",
            )
        samples = every.iloc[np.flatnonzero(has_value)].reset_index(drop=True)
        if covariates is not None:
            samples = samples.join(read_covariates(covariates, samples))
        of_feature = rows.drop_duplicates("feature_id").set_index("feature_id")
        yield Stratum(
            key=tuple(map(str, key)),
            samples=samples,
            features=features,
            units=tuple(str(of_feature["unit"][name]) for name in features),
            values=values[has_value],
            is_ratio=tuple(bool(of_feature["is_ratio"][name]) for name in features),
            usable=usable[has_value],
            left_out=tuple(_names(every.iloc[np.flatnonzero(~has_value)])),
        )


def _names(samples: pd.DataFrame) -> Iterator[str]:
    for cells in zip(*(samples[name] for name in _SAMPLE[:-1]), strict=True):
        yield "/".join(filter(None, map(str, cells)))


def _table(
    rows: pd.DataFrame, samples: pd.DataFrame, features: tuple[str, ...]
) -> tuple[FloatArray, AnyArray]:
    """Return the values of samples by features, and whether each may be pooled."""
    names = zip(*(samples[name] for name in _SAMPLE), strict=True)
    lines = {sample: line for line, sample in enumerate(names)}
    places = {feature: place for place, feature in enumerate(features)}
    values = np.full((len(lines), len(features)), np.nan)
    usable = np.full(values.shape, "", dtype=object)
    cells = (rows[name] for name in (*_SAMPLE, "feature_id", "value", "usable", LEFT_OUT))
    for *sample, feature, value, word, left_out in zip(*cells, strict=True):
        place = lines[tuple(sample)], places[feature]
        # Harmonised values stand apart from the flags that tell where a mask came from.
        values[place], usable[place] = value, "no" if left_out == CARRIED_SIZE else word
    return values, usable
