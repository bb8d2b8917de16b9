"""Mistakes in the order of voxels, which several suites would show."""

from __future__ import annotations

from types import MappingProxyType

FLIPPED = MappingProxyType(
    {
        "x": "columns are in reverse order",
        "y": "rows are in reverse order",
        "z": "slices are in reverse order",
    }
)
"""Axis -> what is wrong."""
