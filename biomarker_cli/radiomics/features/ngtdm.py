"""The neighbourhood grey tone difference matrix (IBSI-1, section 3.10)."""

from __future__ import annotations

from biomarker_cli.radiomics.features.registry import AGGREGATED_BY_SLICE, define_family

_ROWS = (
    ("coarseness", "QCDE", "Coarseness"),
    ("contrast", "65HE", "Contrast"),
    ("busyness", "NQ30", "Busyness"),
    ("complexity", "HDEZ", "Complexity"),
    ("strength", "1X9X", "Strength"),
)

NGTDM = define_family(
    "ngtdm",
    _ROWS,
    reference="IBSI-1 v11, section 3.10",
    aggregations=AGGREGATED_BY_SLICE,
    pyradiomics_class="ngtdm",
)
"""Definitions by name and aggregation."""
