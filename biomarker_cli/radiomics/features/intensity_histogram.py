"""Statistics of the discretised intensities (IBSI-1, section 3.4)."""

from __future__ import annotations

from biomarker_cli.radiomics.features.registry import define_family

_ROWS = (
    ("mean", "Mean discretised intensity", "X6K6", ""),
    ("variance", "Discretised intensity variance", "CH89", ""),
    ("skewness", "Discretised intensity skewness", "88K1", ""),
    ("kurtosis", "Excess discretised intensity kurtosis", "C3I7", ""),
    ("median", "Median discretised intensity", "WIFQ", ""),
    ("minimum", "Minimum discretised intensity", "1PR8", ""),
    ("p10", "10th discretised intensity percentile", "GPMT", ""),
    ("p90", "90th discretised intensity percentile", "OZ0C", ""),
    ("maximum", "Maximum discretised intensity", "3NCY", ""),
    ("mode", "Intensity histogram mode", "AMMC", ""),
    ("iqr", "Discretised intensity interquartile range", "WR0O", ""),
    ("range", "Discretised intensity range", "5Z3W", ""),
    ("mean_absolute_deviation", "Intensity histogram mean absolute deviation", "D2ZX", ""),
    (
        "robust_mean_absolute_deviation",
        "Intensity histogram robust mean absolute deviation",
        "WRZB",
        "",
    ),
    ("median_absolute_deviation", "Intensity histogram median absolute deviation", "4RNL", ""),
    ("coefficient_of_variation", "Intensity histogram coefficient of variation", "CWYJ", ""),
    (
        "quartile_coefficient_of_dispersion",
        "Intensity histogram quartile coefficient of dispersion",
        "SLWD",
        "",
    ),
    ("entropy", "Discretised intensity entropy", "TLU2", "Entropy"),
    ("uniformity", "Discretised intensity uniformity", "BJ5W", "Uniformity"),
    ("maximum_gradient", "Maximum histogram gradient", "12CE", ""),
    ("maximum_gradient_intensity", "Maximum histogram gradient intensity", "8E6O", ""),
    ("minimum_gradient", "Minimum histogram gradient", "VQB3", ""),
    ("minimum_gradient_intensity", "Minimum histogram gradient intensity", "RHQZ", ""),
)

INTENSITY_HISTOGRAM = define_family(
    "intensity_histogram",
    _ROWS,
    reference="IBSI-1 v11, section 3.4",
    pyradiomics_class="firstorder",
)
"""Definitions by name and aggregation."""
