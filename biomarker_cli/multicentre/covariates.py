"""Covariates of samples: numbers as they are, categories as columns of 0 and 1."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.model.wording import counted, quoted
from biomarker_cli.multicentre.errors import AgreementError
from biomarker_cli.tables.cells import number_of
from biomarker_cli.tables.columns import require_columns
from biomarker_cli.tables.reading import read_cells

if TYPE_CHECKING:
    import pandas as pd


KEYS = ("site_id", "subject_id", "timepoint")
"""Columns that a table of covariates may tell its rows by; subject_id is needed."""

_NO_VALUE = frozenset({"", "na", "n/a", "nan", "null", "none", "inf", "-inf"})


@dataclass(frozen=True)
class Covariate:
    """What a model knows of a covariate.

    Attributes
    ----------
    name : str
    levels : tuple of str
        Categories, sorted; the first has no column. Empty for a number.
    low, high : float
        Smallest and largest number that was fitted; 0 for categories.
    """

    name: str
    levels: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 0.0

    def columns(self, cells: Sequence[str]) -> FloatArray:
        """Return the columns of a design, shape (n, 1) or (n, levels - 1).

        Raises
        ------
        AgreementError
            ``COMBAT-COVARIATE`` for what was not fitted: another category, a number
            beyond the smallest and the largest.
        """
        if not self.levels:
            numbers = np.array([_number(cell) for cell in cells])
            if not ((numbers >= self.low) & (numbers <= self.high)).all():
                raise AgreementError(
                    "COMBAT-COVARIATE",
                    f"{self.name} was fitted from {self.low:g} to {self.high:g}, found "
                    f"{np.nanmin(numbers):g} to {np.nanmax(numbers):g}",
                    hint="Beyond these the slope is a guess: leave the samples out, or fit anew.",
                )
            return numbers[:, None]
        odd = sorted(set(cells) - set(self.levels))
        if odd:
            raise AgreementError(
                "COMBAT-COVARIATE",
                f"{self.name} was fitted of {', '.join(self.levels)}, found {quoted(odd[0])}",
            )
        columns = [[float(cell == level) for cell in cells] for level in self.levels[1:]]
        return np.array(columns, dtype=np.float64).reshape(len(self.levels) - 1, len(cells)).T

    def as_json(self) -> dict[str, Any]:
        """Return what a model file holds of it."""
        return {"name": self.name, "levels": list(self.levels), "range": [self.low, self.high]}

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Covariate:
        """Return what a model file holds."""
        return cls(entry["name"], tuple(entry["levels"]), *entry["range"])


def _number(cell: str) -> float:
    number = number_of(cell)
    return math.nan if number is None else number


def learned(name: str, cells: Sequence[str], *, is_categorical: bool) -> Covariate:
    """Return a covariate as these samples have it.

    Parameters
    ----------
    name : str
    cells : sequence of str
    is_categorical : bool
        Take numbers for names of categories.

    Raises
    ------
    AgreementError
        ``COMBAT-COVARIATE`` where a sample has none, or all have the same.
    """
    absent = sum(cell.strip().lower() in _NO_VALUE for cell in cells)
    if absent:
        raise AgreementError(
            "COMBAT-COVARIATE",
            f"{absent} of {len(cells)} samples have no {name}",
            hint="Fill it in, or take the samples out of the table.",
        )
    levels = tuple(sorted(set(cells)))
    if len(levels) < 2:
        raise AgreementError(
            "COMBAT-COVARIATE",
            f"{name} is {quoted(levels[0])} in all samples",
            hint="Leave it out: it explains nothing here.",
        )
    numbers = [_number(cell) for cell in cells]
    if is_categorical or any(map(math.isnan, numbers)):
        return Covariate(name, levels)
    return Covariate(name, (), min(numbers), max(numbers))


def read_covariates(path: Path, samples: pd.DataFrame) -> pd.DataFrame:
    """Return the columns of a table of covariates, one row for each sample.

    Parameters
    ----------
    path : Path
        CSV with subject_id, perhaps site_id and timepoint, and any other columns.
    samples : DataFrame
        With the columns of `KEYS`.

    Raises
    ------
    TableError
        ``TABLE-COLUMNS``, and as `read_cells` does.
    AgreementError
        ``COMBAT-COVARIATE`` where a sample has no row, or two.
    """
    frame = read_cells(path)
    require_columns(path, ["subject_id"], frame.columns)
    keys = [name for name in KEYS if name in frame.columns]
    twice = frame[frame.duplicated(keys)]
    if len(twice):
        raise AgreementError(
            "COMBAT-COVARIATE",
            f"two rows of {', '.join(twice[keys].iloc[0])}",
            where=str(path),
        )
    merged = samples[list(KEYS)].merge(frame, on=keys, how="left", indicator=True)
    absent = merged[merged["_merge"] != "both"]
    if len(absent):
        raise AgreementError(
            "COMBAT-COVARIATE",
            f"no row of covariates for {counted(len(absent), 'sample')}, the first is "
            f"{'/'.join(filter(None, absent[list(KEYS)].iloc[0]))}",
            where=str(path),
        )
    rest = [name for name in frame.columns if name not in KEYS]
    return merged[rest].set_axis(samples.index, axis=0)
