"""The intensity-volume histogram (IBSI-1, section 3.5)."""

from __future__ import annotations

from biomarker_cli.radiomics.features.registry import define_family

_ROWS = (
    ("v10", "NK6P", "", "Volume fraction at 10 % intensity"),
    ("v90", "4279", "", "Volume fraction at 90 % intensity"),
    ("i10", "PWN1", "", "Intensity at 10 % volume"),
    ("i90", "BOHI", "", "Intensity at 90 % volume"),
    ("v10_minus_v90", "WITY", "", "Difference of the volume fractions at 10 % and 90 % intensity"),
    ("i10_minus_i90", "JXJA", "", "Difference of the intensities at 10 % and 90 % volume"),
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
