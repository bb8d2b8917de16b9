"""First-order statistics of the values under a mask (IBSI-1, section 3.3).

The intensity family is shared: radiomics measures it on any image, diffusion on
parameter maps. Variances are those of the population, kurtosis is the excess.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import numpy as np

from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.model.features import UNIT_OF_IMAGE, FeatureDefinition, FeatureRegistry
from biomarker_cli.model.measurement import Measurement, measured, undefined
from biomarker_cli.statistics.percentiles import percentile

StatisticFunction = Callable[[FloatArray], float]

INTENSITY = FeatureRegistry()
"""Definitions of the family."""

_IBSI = "IBSI-1 v11, section 3.3"


def _define(
    name: str, title: str, ibsi_id: str, pyradiomics: str = "", unit: str = UNIT_OF_IMAGE
) -> FeatureDefinition:
    return INTENSITY.register(
        FeatureDefinition(
            family="intensity",
            name=name,
            title=title,
            unit=unit,
            ibsi_id=ibsi_id,
            pyradiomics_name=f"firstorder_{pyradiomics}" if pyradiomics else "",
            reference=_IBSI,
        )
    )


def _percentile(percent: float) -> StatisticFunction:
    return lambda values: percentile(values, percent)


def _skewness(values: FloatArray) -> float:
    deviation = values - values.mean()
    variance = float(np.mean(deviation**2))
    return float(np.mean(deviation**3)) / variance**1.5 if variance > 0 else float("nan")


def _kurtosis(values: FloatArray) -> float:
    deviation = values - values.mean()
    variance = float(np.mean(deviation**2))
    return float(np.mean(deviation**4)) / variance**2 - 3.0 if variance > 0 else float("nan")


STATISTICS: MappingProxyType[str, tuple[FeatureDefinition, StatisticFunction]] = MappingProxyType(
    {
        definition.name: (definition, function)
        for definition, function in (
            (_define("mean", "Mean", "Q4LE", "Mean"), lambda v: float(v.mean())),
            (_define("median", "Median", "Y12H", "Median"), lambda v: float(np.median(v))),
            (
                _define("sd", "Standard deviation", "", "StandardDeviation"),
                lambda v: float(v.std()),
            ),
            (_define("minimum", "Minimum", "1GSF", "Minimum"), lambda v: float(v.min())),
            (_define("maximum", "Maximum", "84IY", "Maximum"), lambda v: float(v.max())),
            (
                _define("p10", "10th percentile", "QG58", "10Percentile"),
                _percentile(10),
            ),
            (_define("p25", "25th percentile", ""), _percentile(25)),
            (_define("p75", "75th percentile", ""), _percentile(75)),
            (
                _define("p90", "90th percentile", "8DWT", "90Percentile"),
                _percentile(90),
            ),
            (_define("skewness", "Skewness", "KE2A", "Skewness", "1"), _skewness),
            (_define("kurtosis", "Excess kurtosis", "IPH6", "", "1"), _kurtosis),
        )
    }
)
"""Name -> definition and function of the values, shape (n,), n >= 1, without NaN."""


def intensity_measurements(
    image: str, unit: str, values: FloatArray, names: tuple[str, ...], flags: frozenset[str]
) -> list[Measurement]:
    """Measure statistics of the values of a region.

    Parameters
    ----------
    image : str
        Name of the image in the feature id.
    unit : str
        UCUM unit of the image.
    values : ndarray, shape (n,)
        Values under the mask without NaN; n = 0 gives undefined rows.
    names : tuple of str
        Keys of `STATISTICS`.
    flags : frozenset of str
    """
    rows = []
    for name in names:
        definition, function = STATISTICS[name]
        if values.size == 0:
            rows.append(undefined(image, definition, unit, flags, "no value"))
        else:
            rows.append(measured(image, definition, function(values), unit, flags))
    return rows


def known_statistics(names: tuple[str, ...]) -> tuple[str, ...]:
    """Return names of statistics.

    Raises
    ------
    ValueError
        Where one is unknown or named twice.
    """
    unknown = [name for name in names if name not in STATISTICS]
    if unknown:
        raise ValueError(
            f"unknown statistics {', '.join(unknown)}; there are {', '.join(STATISTICS)}"
        )
    if len(set(names)) != len(names):
        raise ValueError("a statistic is named twice")
    return names
