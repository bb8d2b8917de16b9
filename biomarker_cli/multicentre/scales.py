"""Which features are on a ratio scale: 0 means none of it, so that a percentage says something.

A feature that is not known is not taken for one. Hounsfield units, numbers of grey
levels and what can be negative by definition are none; a difference of them may be.
"""

from __future__ import annotations

_HOUNSFIELD = "[hnsf'U]"

_SIGNED = frozenset(
    {
        "skewness",
        "kurtosis",
        "kurtosis_not_excess",
        "correlation",
        "cluster_shade",
        "information_correlation_1",
        "moran_i",
        "geary_c",
    }
)
"""Negative or without a zero that means none, in every family."""

_OF_LEVELS = frozenset({"joint_average", "sum_average", "autocorrelation", "busyness"})
"""Grow with the number that the lowest grey level has."""

_SPREADS = frozenset(
    {
        "variance",
        "sd",
        "iqr",
        "range",
        "mean_absolute_deviation",
        "robust_mean_absolute_deviation",
        "median_absolute_deviation",
    }
)
"""Differences: on a ratio scale wherever the zero of the image lies."""

_TEXTURES = frozenset({"glcm", "glrlm", "glszm", "gldzm", "ngtdm", "ngldm"})

_RATIO_FAMILIES = frozenset({"uptake", "morphology", "histogram"})


def is_ratio_scale(feature_id: str, unit: str) -> bool:
    """Tell whether a feature of ours is on a ratio scale.

    Parameters
    ----------
    feature_id : str
        ``image.family.feature[.variant]``.
    unit : str
        UCUM code.
    """
    parts = feature_id.split(".")
    if len(parts) < 3:
        return False
    family, name = parts[1:3]
    if name in _SIGNED or "grey_level_emphasis" in name or _counts_levels(name):
        return False
    if family in {"intensity", "intensity_histogram", "local_intensity"}:
        return name in _SPREADS | {"entropy", "uniformity"} or _has_true_zero(family, unit)
    return family in _RATIO_FAMILIES or (family in _TEXTURES and name not in _OF_LEVELS)


def _counts_levels(name: str) -> bool:
    """Tell whether an emphasis weighs by the number of the grey level."""
    return name.endswith("emphasis") and ("low_grey_level" in name or "high_grey_level" in name)


def _has_true_zero(family: str, unit: str) -> bool:
    """Tell whether an image in this unit has a zero: SUV and diffusion have, HU have not."""
    return family != "intensity_histogram" and unit != "1" and bool(unit) and _is_physical(unit)


def _is_physical(unit: str) -> bool:
    return _HOUNSFIELD not in unit and "Cel" not in unit
