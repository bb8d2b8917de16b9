"""Rows of the values of a region: statistics of its voxels, or the one value of its mean."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.model.features import FeatureDefinition
from biomarker_cli.model.measurement import Measurement, MeasurementStatus, measured, undefined
from biomarker_cli.perfusion.features import FRACTION_FAILED, OF_REGION, STATISTIC
from biomarker_cli.statistics.intensity import STATISTICS


@dataclass(frozen=True)
class Values:
    """The values of one parameter in a region.

    Attributes
    ----------
    image : str
        First word of the feature ids.
    unit : str
    values : ndarray, shape (voxels,)
        One alone where the mean signal was measured; NaN where there is none.
    flags : frozenset of str
    reason : str
        Why there is none at all; empty where there may be some.
    """

    image: str
    unit: str
    values: FloatArray
    flags: frozenset[str] = frozenset()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class FailureLimits:
    """Shares of voxels without a value above which rows are flagged, and undefined."""

    flag_above: float
    undefined_above: float


def value_rows(
    found: Values, names: Sequence[str], limits: FailureLimits, flags: frozenset[str]
) -> list[Measurement]:
    """Return the rows of a parameter; without `names` that of the mean signal."""
    flags |= found.flags
    if not names:
        if found.reason or not np.isfinite(found.values).all():
            reason = found.reason or "the mean signal of the region has no value"
            return [undefined(found.image, OF_REGION, found.unit, flags, reason)]
        return [measured(found.image, OF_REGION, float(found.values[0]), found.unit, flags)]
    values = found.values[np.isfinite(found.values)]
    failed = 1.0 - values.size / found.values.size if found.values.size else math.nan
    if failed > limits.flag_above:
        flags |= {"voxels_nan"}
    rows = []
    for name in names:
        definition, function = STATISTIC[name], STATISTICS[name][1]
        if found.reason or not values.size:
            reason = found.reason or "no voxel has a value"
            rows.append(undefined(found.image, definition, found.unit, flags, reason))
        else:
            number = function(values)
            rows.append(measured(found.image, definition, number, found.unit, flags))
    if failed > limits.undefined_above:
        why = f"{failed:.1%} of the voxels have no value, limit {limits.undefined_above:.0%}"
        rows = [
            replace(row, value=None, status=MeasurementStatus.UNDEFINED, reason=row.reason or why)
            for row in rows
        ]
    return [*rows, measured(found.image, FRACTION_FAILED, failed, found.unit, flags)]


def number_row(
    image: str, definition: FeatureDefinition, number: float, flags: frozenset[str], reason: str
) -> Measurement:
    """Return the row of one number; `reason` says why it would have none."""
    row = measured(image, definition, number, "1", flags)
    return row if row.value is not None else replace(row, reason=reason)
