"""Values of an image at points of another one, and why there is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.model.arrays import AnyArray, FloatArray

INSIDE, OUTSIDE, MASKED, NOT_REGISTERED, NO_MAP = range(5)

PLACE_WORDS = ("inside", "outside_field_of_view", "masked", "not_registered", "no_map")
"""How a voxel of the grid stands to a map; `masked` is where the map has no value."""

_AT_ONCE = 100_000
"""Points whose neighbours stand in memory."""


@dataclass(frozen=True, eq=False)
class Sampled:
    """Values at points.

    Attributes
    ----------
    values : ndarray of float64, shape (n,)
        NaN where there is none.
    places : ndarray of uint8, shape (n,)
        Indices of `PLACE_WORDS`.
    """

    values: FloatArray
    places: AnyArray

    @classmethod
    def without(cls, n: int, place: int) -> Sampled:
        """Return that no point has a value, for one reason."""
        return cls(np.full(n, np.nan), np.full(n, place, dtype=np.uint8))

    @property
    def overlap_percent(self) -> float:
        """Points that the field of view of the map holds."""
        return float(np.mean((self.places == INSIDE) | (self.places == MASKED)) * 100)

    @property
    def without_value_percent(self) -> float:
        """Points that have no value."""
        return float(np.mean(self.places != INSIDE) * 100)


def sample_at(array: FloatArray, geometry: Geometry, points_mm: FloatArray) -> Sampled:
    """Return the values of an image at points, trilinear between the centres of its voxels.

    A point is in the field of view up to the outer faces of the outermost voxels, whose
    value reaches there. A neighbour without a value leaves the point without one, unless
    its weight is nothing: a hole is never filled from its border.

    Parameters
    ----------
    array : ndarray, shape (z, y, x)
        NaN where there is no value.
    geometry : Geometry
        Of the array.
    points_mm : ndarray, shape (n, 3)
        LPS.
    """
    values = np.full(len(points_mm), np.nan)
    places = np.empty(len(points_mm), dtype=np.uint8)
    most = np.asarray(geometry.shape) - 1
    for part in parts_of(len(points_mm)):
        at = geometry.physical_to_index(points_mm[part])[:, ::-1]
        seen = ((at >= -0.5) & (at <= most + 0.5)).all(axis=1)
        found = _trilinear(array, np.clip(at[seen], 0, most), most)
        of_part = np.full(len(at), np.nan)
        of_part[seen] = found
        values[part] = of_part
        places[part] = np.where(seen, np.where(np.isfinite(of_part), INSIDE, MASKED), OUTSIDE)
    values[places != INSIDE] = np.nan
    return Sampled(values, places)


def parts_of(n: int) -> Iterator[slice]:
    """Yield slices of at most 100,000 that make up `n`."""
    for start in range(0, n, _AT_ONCE):
        yield slice(start, min(start + _AT_ONCE, n))


def _trilinear(array: FloatArray, at: FloatArray, most: AnyArray) -> FloatArray:
    # What rounding adds to a whole number is no weight.
    nearest = np.rint(at)
    at = np.where(np.abs(at - nearest) < 1e-6, nearest, at)
    first = np.minimum(np.floor(at), np.maximum(most - 1, 0)).astype(int)
    part = at - first
    total = np.zeros(len(at))
    for corner in product((0, 1), repeat=3):
        weight = np.prod(np.where(np.asarray(corner, dtype=bool), part, 1 - part), axis=1)
        z, y, x = np.minimum(first + corner, most).T
        with np.errstate(invalid="ignore"):
            total += np.where(weight > 0, weight * array[z, y, x], 0.0)
    return total
