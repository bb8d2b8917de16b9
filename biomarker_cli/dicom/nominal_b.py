"""Nominal b-values: which applied values are one, and what it is called.

Said once: acquisition rules judge nominal b-values and diffusion selects by
them, and both must see the same shells.
"""

from __future__ import annotations

from collections.abc import Sequence

CLUSTER_ABSOLUTE = 5.0
CLUSTER_RELATIVE = 0.02
"""b-values closer than the larger of 5 s/mm2 and 2 % are one."""

NOMINAL_STEP = 5.0
"""A nominal b-value that the header does not give is the mean rounded to this."""


def is_same_b(value: float, lowest: float) -> bool:
    """Tell whether a b-value belongs to the cluster whose lowest value is given.

    Five apart is apart: IVIM protocols have b = 0, 5, 10.
    """
    return value - lowest < max(CLUSTER_ABSOLUTE, CLUSTER_RELATIVE * lowest)


def same_b(one: float, other: float) -> bool:
    """Tell whether two b-values are one, whichever is the larger."""
    return is_same_b(max(one, other), min(one, other))


def nominal_of(cluster: Sequence[float]) -> float:
    """Return the mean of a cluster rounded to 5 s/mm2."""
    return NOMINAL_STEP * round(sum(cluster) / len(cluster) / NOMINAL_STEP)
