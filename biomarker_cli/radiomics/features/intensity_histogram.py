"""Statistics of the discretised intensities (IBSI-1, section 3.4)."""

from __future__ import annotations

from biomarker_cli.radiomics.features.registry import define_family

_ROWS = (
    ("mean", "X6K6", "", "Mean discretised intensity"),
    ("variance", "CH89", "", "Discretised intensity variance"),
    ("skewness", "88K1", "", "Discretised intensity skewness"),
    ("kurtosis", "C3I7", "", "Excess discretised intensity kurtosis"),
    ("median", "WIFQ", "", "Median discretised intensity"),
    ("minimum", "1PR8", "", "Minimum discretised intensity"),
    ("p10", "GPMT", "", "10th discretised intensity percentile"),
    ("p90", "OZ0C", "", "90th discretised intensity percentile"),
    ("maximum", "3NCY", "", "Maximum discretised intensity"),
    ("mode", "AMMC", "", "Intensity histogram mode"),
    ("iqr", "WR0O", "", "Discretised intensity interquartile range"),
    ("range", "5Z3W", "", "Discretised intensity range"),
    ("mean_absolute_deviation", "D2ZX", "", "Intensity histogram mean absolute deviation"),
    (
        "robust_mean_absolute_deviation",
        "WRZB",
        "",
        "Intensity histogram robust mean absolute deviation",
    ),
    ("median_absolute_deviation", "4RNL", "", "Intensity histogram median absolute deviation"),
    ("coefficient_of_variation", "CWYJ", "", "Intensity histogram coefficient of variation"),
    (
        "quartile_coefficient_of_dispersion",
        "SLWD",
        "",
        "Intensity histogram quartile coefficient of dispersion",
    ),
    ("entropy", "TLU2", "Entropy", "Discretised intensity entropy"),
    ("uniformity", "BJ5W", "Uniformity", "Discretised intensity uniformity"),
    ("maximum_gradient", "12CE", "", "Maximum histogram gradient"),
    ("maximum_gradient_intensity", "8E6O", "", "Maximum histogram gradient intensity"),
    ("minimum_gradient", "VQB3", "", "Minimum histogram gradient"),
    ("minimum_gradient_intensity", "RHQZ", "", "Minimum histogram gradient intensity"),
)

INTENSITY_HISTOGRAM = define_family(
    "intensity_histogram",
    _ROWS,
    reference="IBSI-1 v11, section 3.4",
    pyradiomics_class="firstorder",
)
"""Definitions by name and aggregation."""
