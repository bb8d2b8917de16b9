"""Matrices of grey level by size: of runs, zones, distances, dependences (IBSI-1, 3.7-3.11)."""

from __future__ import annotations

from typing import NamedTuple

from biomarker_cli.radiomics.features.registry import (
    AGGREGATED_BY_DIRECTION,
    AGGREGATED_BY_SLICE,
    define_family,
)

# Name, name in pyradiomics, IBSI ids of GLRLM, GLSZM, GLDZM and NGLDM.
_SHARED = (
    ("{short}_emphasis", "{short}Emphasis", "22OV 5QRC 0GBI SODN"),
    ("{long}_emphasis", "{long}Emphasis", "W4KF 48P8 MB4I IMOQ"),
    ("low_grey_level_{counted}_emphasis", "LowGrayLevel{counted}Emphasis", "V3SW XMSY S1RA TL9H"),
    ("high_grey_level_{counted}_emphasis", "HighGrayLevel{counted}Emphasis", "G3QZ 5GN9 K26C OAE7"),
    ("{short}_low_grey_level_emphasis", "{short}LowGrayLevelEmphasis", "HTZT 5RAI RUVG EQ3F"),
    ("{short}_high_grey_level_emphasis", "{short}HighGrayLevelEmphasis", "GD3A HW1V DKNJ JA6D"),
    ("{long}_low_grey_level_emphasis", "{long}LowGrayLevelEmphasis", "IVPO YH51 A7WM NBZI"),
    ("{long}_high_grey_level_emphasis", "{long}HighGrayLevelEmphasis", "3KUM J17V KLTH 9QMG"),
    ("grey_level_non_uniformity", "GrayLevelNonUniformity", "R5YN JNSA VFT7 FP8K"),
    (
        "normalised_grey_level_non_uniformity",
        "GrayLevelNonUniformityNormalized",
        "OVBL Y1RO 7HP3 5SPA",
    ),
    ("{size}_non_uniformity", "{size}NonUniformity", "W92Y 4JP3 V294 Z87G"),
    ("normalised_{size}_non_uniformity", "{size}NonUniformityNormalized", "IC23 VB3A IATH OKJI"),
    ("{part}_percentage", "{part}Percentage", "9ZK5 P30P VIWW 6XV8"),
    ("grey_level_variance", "GrayLevelVariance", "8CE5 BYLV QK93 1PFV"),
    ("{size}_variance", "{part}Variance", "SXLW 3NSA 7WT1 DNX2"),
    ("{size}_entropy", "{part}Entropy", "HJ9O GU8N GBDU FCBV"),
)

_NOT_IN_GLDM = frozenset({"GrayLevelNonUniformityNormalized", "DependencePercentage"})
"""What pyradiomics leaves out of its dependence matrix."""


class _Words(NamedTuple):
    """What a family calls the ends of its second axis, what it counts, and its size."""

    short: str
    long: str
    counted: str
    size: str
    part: str


def _rows(place: int, ours: _Words, peer: _Words | None = None) -> tuple[tuple[str, str, str], ...]:
    """Return the shared features by the words of a family, whose ids stand at a place."""
    return tuple(
        (
            pattern.format(**ours._asdict()),
            ibsi_ids.split()[place],
            peer_pattern.format(**peer._asdict()) if peer else "",
        )
        for pattern, peer_pattern, ibsi_ids in _SHARED
    )


GLRLM = define_family(
    "glrlm",
    _rows(
        0,
        _Words("short_run", "long_run", "run", "run_length", "run"),
        _Words("ShortRun", "LongRun", "Run", "RunLength", "Run"),
    ),
    reference="IBSI-1 v11, section 3.7",
    aggregations=AGGREGATED_BY_DIRECTION,
    pyradiomics_class="glrlm",
)
"""Run lengths by name and aggregation, in the order of the IBSI manual, as all of these."""

GLSZM = define_family(
    "glszm",
    _rows(
        1,
        _Words("small_zone", "large_zone", "zone", "zone_size", "zone"),
        _Words("SmallArea", "LargeArea", "Zone", "SizeZone", "Zone"),
    ),
    reference="IBSI-1 v11, section 3.8",
    aggregations=AGGREGATED_BY_SLICE,
    pyradiomics_class="glszm",
)
"""Zone sizes by name and aggregation."""

GLDZM = define_family(
    "gldzm",
    _rows(2, _Words("small_distance", "large_distance", "zone", "zone_distance", "zone")),
    reference="IBSI-1 v11, section 3.9",
    aggregations=AGGREGATED_BY_SLICE,
)
"""Distances of zones from the border, by name and aggregation."""

_DEPENDENCE = _rows(
    3,
    _Words("low_dependence", "high_dependence", "count", "dependence_count", "dependence_count"),
    _Words("SmallDependence", "LargeDependence", "", "Dependence", "Dependence"),
)

NGLDM = define_family(
    "ngldm",
    (
        *(
            (name, ibsi_id, "" if peer in _NOT_IN_GLDM else peer)
            for name, ibsi_id, peer in _DEPENDENCE
        ),
        ("dependence_count_energy", "CAS9", ""),
    ),
    reference="IBSI-1 v11, section 3.11",
    aggregations=AGGREGATED_BY_SLICE,
    pyradiomics_class="gldm",
)
"""Dependences of neighbours by name and aggregation; gldm of pyradiomics."""
