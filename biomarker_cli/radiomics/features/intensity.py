"""First-order statistics (IBSI-1, section 3.3), beyond those shared with other rooms."""

from __future__ import annotations

from types import MappingProxyType

from biomarker_cli.radiomics.features.registry import RADIOMICS, Family, define_family
from biomarker_cli.statistics.intensity import INTENSITY

_ROWS = (
    ("variance", "Variance", "ECT3", "Variance"),
    ("iqr", "Interquartile range", "SALO", "InterquartileRange"),
    ("range", "Range", "2OJQ", "Range"),
    ("mean_absolute_deviation", "Mean absolute deviation", "4FUA", "MeanAbsoluteDeviation"),
    (
        "robust_mean_absolute_deviation",
        "Robust mean absolute deviation",
        "1128",
        "RobustMeanAbsoluteDeviation",
    ),
    ("median_absolute_deviation", "Median absolute deviation", "N72L", ""),
    ("coefficient_of_variation", "Coefficient of variation", "7TET", ""),
    ("quartile_coefficient_of_dispersion", "Quartile coefficient of dispersion", "9S40", ""),
    ("energy", "Energy", "N8CA", "Energy"),
    ("root_mean_square", "Root mean square", "5ZWQ", "RootMeanSquared"),
    ("total_energy", "Energy times the volume of a voxel", "", "TotalEnergy"),
    (
        "kurtosis_not_excess",
        "Kurtosis, not the excess (3 for a normal distribution)",
        "",
        "Kurtosis",
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
