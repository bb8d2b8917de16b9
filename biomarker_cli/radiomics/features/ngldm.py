"""The neighbouring grey level dependence matrix (IBSI-1, section 3.11); gldm of pyradiomics."""

from __future__ import annotations

from biomarker_cli.radiomics.features.registry import AGGREGATED_BY_SLICE, define_family

_ROWS = (
    ("low_dependence_emphasis", "Low dependence emphasis", "SODN", "SmallDependenceEmphasis"),
    ("high_dependence_emphasis", "High dependence emphasis", "IMOQ", "LargeDependenceEmphasis"),
    (
        "low_grey_level_count_emphasis",
        "Low grey level count emphasis",
        "TL9H",
        "LowGrayLevelEmphasis",
    ),
    (
        "high_grey_level_count_emphasis",
        "High grey level count emphasis",
        "OAE7",
        "HighGrayLevelEmphasis",
    ),
    (
        "low_dependence_low_grey_level_emphasis",
        "Low dependence low grey level emphasis",
        "EQ3F",
        "SmallDependenceLowGrayLevelEmphasis",
    ),
    (
        "low_dependence_high_grey_level_emphasis",
        "Low dependence high grey level emphasis",
        "JA6D",
        "SmallDependenceHighGrayLevelEmphasis",
    ),
    (
        "high_dependence_low_grey_level_emphasis",
        "High dependence low grey level emphasis",
        "NBZI",
        "LargeDependenceLowGrayLevelEmphasis",
    ),
    (
        "high_dependence_high_grey_level_emphasis",
        "High dependence high grey level emphasis",
        "9QMG",
        "LargeDependenceHighGrayLevelEmphasis",
    ),
    ("grey_level_non_uniformity", "Grey level non-uniformity", "FP8K", "GrayLevelNonUniformity"),
    ("normalised_grey_level_non_uniformity", "Normalised grey level non-uniformity", "5SPA", ""),
    (
        "dependence_count_non_uniformity",
        "Dependence count non-uniformity",
        "Z87G",
        "DependenceNonUniformity",
    ),
    (
        "normalised_dependence_count_non_uniformity",
        "Normalised dependence count non-uniformity",
        "OKJI",
        "DependenceNonUniformityNormalized",
    ),
    ("dependence_count_percentage", "Dependence count percentage", "6XV8", ""),
    ("grey_level_variance", "Grey level variance", "1PFV", "GrayLevelVariance"),
    ("dependence_count_variance", "Dependence count variance", "DNX2", "DependenceVariance"),
    ("dependence_count_entropy", "Dependence count entropy", "FCBV", "DependenceEntropy"),
    ("dependence_count_energy", "Dependence count energy", "CAS9", ""),
)

NGLDM = define_family(
    "ngldm",
    _ROWS,
    reference="IBSI-1 v11, section 3.11",
    aggregations=AGGREGATED_BY_SLICE,
    pyradiomics_class="gldm",
)
"""Definitions by name and aggregation."""
