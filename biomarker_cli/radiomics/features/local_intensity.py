"""Peaks over a sphere of 1 ml (IBSI-1, section 3.2)."""

from __future__ import annotations

from biomarker_cli.radiomics.features.registry import define_family

_ROWS = (
    ("local_peak", "VJGA", "", "Local intensity peak"),
    ("global_peak", "0F91", "", "Global intensity peak"),
)

LOCAL_INTENSITY = define_family(
    "local_intensity",
    _ROWS,
    reference="IBSI-1 v11, section 3.2",
    units={
        "local_peak": "{image}",
        "global_peak": "{image}",
    },
)
"""Definitions by name and aggregation."""
