"""The grey level run length matrix (IBSI-1, section 3.7)."""

from __future__ import annotations

from biomarker_cli.radiomics.features.registry import AGGREGATED_BY_DIRECTION, define_family

_ROWS = (
    ("short_run_emphasis", "Short run emphasis", "22OV", "ShortRunEmphasis"),
    ("long_run_emphasis", "Long run emphasis", "W4KF", "LongRunEmphasis"),
    (
        "low_grey_level_run_emphasis",
        "Low grey level run emphasis",
        "V3SW",
        "LowGrayLevelRunEmphasis",
    ),
    (
        "high_grey_level_run_emphasis",
        "High grey level run emphasis",
        "G3QZ",
        "HighGrayLevelRunEmphasis",
    ),
    (
        "short_run_low_grey_level_emphasis",
        "Short run low grey level emphasis",
        "HTZT",
        "ShortRunLowGrayLevelEmphasis",
    ),
    (
        "short_run_high_grey_level_emphasis",
        "Short run high grey level emphasis",
        "GD3A",
        "ShortRunHighGrayLevelEmphasis",
    ),
    (
        "long_run_low_grey_level_emphasis",
        "Long run low grey level emphasis",
        "IVPO",
        "LongRunLowGrayLevelEmphasis",
    ),
    (
        "long_run_high_grey_level_emphasis",
        "Long run high grey level emphasis",
        "3KUM",
        "LongRunHighGrayLevelEmphasis",
    ),
    ("grey_level_non_uniformity", "Grey level non-uniformity", "R5YN", "GrayLevelNonUniformity"),
    (
        "normalised_grey_level_non_uniformity",
        "Normalised grey level non-uniformity",
        "OVBL",
        "GrayLevelNonUniformityNormalized",
    ),
    ("run_length_non_uniformity", "Run length non-uniformity", "W92Y", "RunLengthNonUniformity"),
    (
        "normalised_run_length_non_uniformity",
        "Normalised run length non-uniformity",
        "IC23",
        "RunLengthNonUniformityNormalized",
    ),
    ("run_percentage", "Run percentage", "9ZK5", "RunPercentage"),
    ("grey_level_variance", "Grey level variance", "8CE5", "GrayLevelVariance"),
    ("run_length_variance", "Run length variance", "SXLW", "RunVariance"),
    ("run_length_entropy", "Run length entropy", "HJ9O", "RunEntropy"),
)

GLRLM = define_family(
    "glrlm",
    _ROWS,
    reference="IBSI-1 v11, section 3.7",
    aggregations=AGGREGATED_BY_DIRECTION,
    pyradiomics_class="glrlm",
)
"""Definitions by name and aggregation."""
