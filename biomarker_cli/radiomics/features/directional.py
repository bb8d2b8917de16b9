"""Matrices of slices and directions become one number (IBSI-1, sections 3.6 and 3.7)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from biomarker_cli.radiomics.lattice import Lattice, Offset, half_neighbours

Values = Mapping[str, float]
MatrixMeasure = Callable[[Lattice, tuple[Offset, ...]], "Values | None"]
"""Features of the merged matrix of some directions; None where the matrix is empty."""

PER_SLICE = frozenset({"2d_average", "2d_slice_merged", "2d"})
"""Aggregations that look at each slice for itself."""

AVERAGED = frozenset({"2d_average", "2.5d_merged_by_direction", "3d_average"})
"""Aggregations that average the features of the directions."""


def aggregate(
    lattice: Lattice,
    slices: tuple[Lattice, ...],
    aggregation: str,
    measure: MatrixMeasure,
    distances: tuple[int, ...] = (1,),
) -> dict[str, float]:
    """Return the features of a region under one aggregation.

    Parameters
    ----------
    lattice : Lattice
        The region.
    slices : tuple of Lattice
        Its slices that hold voxels.
    aggregation : str
        One of the words of the feature dictionary.
    measure : callable
    distances : tuple of int
        Chebyshev distances of the neighbours.
    """
    planar = not aggregation.startswith("3d")
    offsets = tuple(o for d in distances for o in half_neighbours(d, planar))
    sets = [(offset,) for offset in offsets] if aggregation in AVERAGED else [offsets]
    parts = slices if aggregation in PER_SLICE else (lattice,)
    return mean_of(measure(part, chosen) for part in parts for chosen in sets)


def mean_of(found: Iterable[Values | None]) -> dict[str, float]:
    """Return the mean of each feature; empty matrices do not count."""
    rows = [values for values in found if values is not None]
    if not rows:
        return {}
    # The mean keeps NaN: a feature that is undefined somewhere is undefined.
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
