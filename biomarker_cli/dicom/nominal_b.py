"""Nominal b-values: which applied values are one, and what it is called.

Said once: acquisition rules judge nominal b-values and diffusion selects by
them, and both must see the same shells.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from biomarker_cli.dicom.b_dialects import BValue

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


@dataclass(frozen=True, slots=True)
class BCluster:
    """Values with one nominal b-value.

    Attributes
    ----------
    nominal : float
        s/mm2; the console's where the header has it.
    members : tuple of int
        Places in what was clustered, by rising b.
    """

    nominal: float
    members: tuple[int, ...]


def b_clusters(found: Sequence[BValue]) -> tuple[BCluster, ...]:
    """Return which b-values are one, by rising nominal value.

    Two values of the console are one where they are equal. Else values closer
    than max(5 s/mm2, 2 %) to the lowest of a cluster belong to it (Philips codes
    repeats of b = 0 as 0.001 ... 0.004), and their mean rounded to 5 names it.

    Parameters
    ----------
    found : sequence of BValue
        One per frame or volume.
    """
    clusters: list[list[int]] = []
    for place in sorted(range(len(found)), key=lambda place: found[place].value):
        if clusters and _belongs(found[place], found[clusters[-1][0]]):
            clusters[-1].append(place)
        else:
            clusters.append([place])
    by_nominal: dict[float, list[int]] = defaultdict(list)
    for members in clusters:
        by_nominal[_name([found[place] for place in members])].extend(members)
    return tuple(BCluster(nominal, tuple(by_nominal[nominal])) for nominal in sorted(by_nominal))


def _belongs(b: BValue, lowest: BValue) -> bool:
    if b.nominal is not None and lowest.nominal is not None:
        return b.nominal == lowest.nominal
    return is_same_b(b.value, lowest.value)


def _name(cluster: Sequence[BValue]) -> float:
    console = next((b.nominal for b in cluster if b.nominal is not None), None)
    return nominal_of([b.value for b in cluster]) if console is None else console
