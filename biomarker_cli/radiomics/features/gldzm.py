"""The grey level distance zone matrix (IBSI-1, section 3.9)."""

from __future__ import annotations

from biomarker_cli.radiomics.features.registry import AGGREGATED_BY_SLICE, define_family

_ROWS = (
    ("small_distance_emphasis", "Small distance emphasis", "0GBI", ""),
    ("large_distance_emphasis", "Large distance emphasis", "MB4I", ""),
    ("low_grey_level_zone_emphasis", "Low grey level zone emphasis", "S1RA", ""),
    ("high_grey_level_zone_emphasis", "High grey level zone emphasis", "K26C", ""),
    (
        "small_distance_low_grey_level_emphasis",
        "Small distance low grey level emphasis",
        "RUVG",
        "",
    ),
    (
        "small_distance_high_grey_level_emphasis",
        "Small distance high grey level emphasis",
        "DKNJ",
        "",
    ),
    (
        "large_distance_low_grey_level_emphasis",
        "Large distance low grey level emphasis",
        "A7WM",
        "",
    ),
    (
        "large_distance_high_grey_level_emphasis",
        "Large distance high grey level emphasis",
        "KLTH",
        "",
    ),
    ("grey_level_non_uniformity", "Grey level non-uniformity", "VFT7", ""),
    ("normalised_grey_level_non_uniformity", "Normalised grey level non-uniformity", "7HP3", ""),
    ("zone_distance_non_uniformity", "Zone distance non-uniformity", "V294", ""),
    (
        "normalised_zone_distance_non_uniformity",
        "Normalised zone distance non-uniformity",
        "IATH",
        "",
    ),
    ("zone_percentage", "Zone percentage", "VIWW", ""),
    ("grey_level_variance", "Grey level variance", "QK93", ""),
    ("zone_distance_variance", "Zone distance variance", "7WT1", ""),
    ("zone_distance_entropy", "Zone distance entropy", "GBDU", ""),
)

GLDZM = define_family(
    "gldzm",
    _ROWS,
    reference="IBSI-1 v11, section 3.9",
    aggregations=AGGREGATED_BY_SLICE,
)
"""Definitions by name and aggregation."""
