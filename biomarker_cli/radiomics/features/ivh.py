"""The intensity-volume histogram (IBSI-1, section 3.5)."""

from __future__ import annotations

from biomarker_cli.radiomics.features.registry import define_family

_ROWS = (
    ("v10", "Volume fraction at 10 % intensity", "NK6P", ""),
    ("v90", "Volume fraction at 90 % intensity", "4279", ""),
    ("i10", "Intensity at 10 % volume", "PWN1", ""),
    ("i90", "Intensity at 90 % volume", "BOHI", ""),
    ("v10_minus_v90", "Difference of the volume fractions at 10 % and 90 % intensity", "WITY", ""),
    ("i10_minus_i90", "Difference of the intensities at 10 % and 90 % volume", "JXJA", ""),
)

IVH = define_family(
    "ivh",
    _ROWS,
    reference="IBSI-1 v11, section 3.5",
    units={
        "i10": "{image}",
        "i90": "{image}",
        "i10_minus_i90": "{image}",
    },
)
"""Definitions by name and aggregation."""
