"""First-order statistics (IBSI-1, section 3.3), beyond those shared with other rooms."""

from __future__ import annotations

from types import MappingProxyType

from biomarker_cli.radiomics.features.registry import RADIOMICS, Family, define_family
from biomarker_cli.statistics.intensity import INTENSITY

_ROWS = (
    ("variance", "ECT3", "Variance"),
    ("iqr", "SALO", "InterquartileRange", "Interquartile range"),
    ("range", "2OJQ", "Range"),
    ("mean_absolute_deviation", "4FUA", "MeanAbsoluteDeviation"),
    ("robust_mean_absolute_deviation", "1128", "RobustMeanAbsoluteDeviation"),
    ("median_absolute_deviation", "N72L", ""),
    ("coefficient_of_variation", "7TET", ""),
    ("quartile_coefficient_of_dispersion", "9S40", ""),
    ("energy", "N8CA", "Energy"),
    ("root_mean_square", "5ZWQ", "RootMeanSquared"),
    ("total_energy", "", "TotalEnergy", "Energy times the volume of a voxel"),
    (
        "kurtosis_not_excess",
        "",
        "Kurtosis",
        "Kurtosis, not the excess (3 for a normal distribution)",
    ),
)

_OWN = define_family(
    "intensity",
    _ROWS,
    reference="IBSI-1 v11, section 3.3",
    units={
        "variance": "{image}.{image}",
        "iqr": "{image}",
        "range": "{image}",
        "mean_absolute_deviation": "{image}",
        "robust_mean_absolute_deviation": "{image}",
        "median_absolute_deviation": "{image}",
        "energy": "{image}.{image}",
        "root_mean_square": "{image}",
        "total_energy": "{image}.{image}.mm3",
    },
    pyradiomics_class="firstorder",
)

INTENSITY_STATISTICS: Family = MappingProxyType(
    {
        **{shared.name: MappingProxyType({"": RADIOMICS.register(shared)}) for shared in INTENSITY},
        **_OWN,
    }
)
"""Definitions by name and aggregation; the first ones are those of the statistics room."""
