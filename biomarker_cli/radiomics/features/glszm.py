"""The grey level size zone matrix (IBSI-1, section 3.8)."""

from __future__ import annotations

from biomarker_cli.radiomics.features.registry import AGGREGATED_BY_SLICE, define_family

_ROWS = (
    ("small_zone_emphasis", "Small zone emphasis", "5QRC", "SmallAreaEmphasis"),
    ("large_zone_emphasis", "Large zone emphasis", "48P8", "LargeAreaEmphasis"),
    (
        "low_grey_level_zone_emphasis",
        "Low grey level zone emphasis",
        "XMSY",
        "LowGrayLevelZoneEmphasis",
    ),
    (
        "high_grey_level_zone_emphasis",
        "High grey level zone emphasis",
        "5GN9",
        "HighGrayLevelZoneEmphasis",
    ),
    (
        "small_zone_low_grey_level_emphasis",
        "Small zone low grey level emphasis",
        "5RAI",
        "SmallAreaLowGrayLevelEmphasis",
    ),
    (
        "small_zone_high_grey_level_emphasis",
        "Small zone high grey level emphasis",
        "HW1V",
        "SmallAreaHighGrayLevelEmphasis",
    ),
    (
        "large_zone_low_grey_level_emphasis",
        "Large zone low grey level emphasis",
        "YH51",
        "LargeAreaLowGrayLevelEmphasis",
    ),
    (
        "large_zone_high_grey_level_emphasis",
        "Large zone high grey level emphasis",
        "J17V",
        "LargeAreaHighGrayLevelEmphasis",
    ),
    ("grey_level_non_uniformity", "Grey level non-uniformity", "JNSA", "GrayLevelNonUniformity"),
    (
        "normalised_grey_level_non_uniformity",
        "Normalised grey level non-uniformity",
        "Y1RO",
        "GrayLevelNonUniformityNormalized",
    ),
    ("zone_size_non_uniformity", "Zone size non-uniformity", "4JP3", "SizeZoneNonUniformity"),
    (
        "normalised_zone_size_non_uniformity",
        "Normalised zone size non-uniformity",
        "VB3A",
        "SizeZoneNonUniformityNormalized",
    ),
    ("zone_percentage", "Zone percentage", "P30P", "ZonePercentage"),
    ("grey_level_variance", "Grey level variance", "BYLV", "GrayLevelVariance"),
    ("zone_size_variance", "Zone size variance", "3NSA", "ZoneVariance"),
    ("zone_size_entropy", "Zone size entropy", "GU8N", "ZoneEntropy"),
)

GLSZM = define_family(
    "glszm",
    _ROWS,
    reference="IBSI-1 v11, section 3.8",
    aggregations=AGGREGATED_BY_SLICE,
    pyradiomics_class="glszm",
)
"""Definitions by name and aggregation."""
