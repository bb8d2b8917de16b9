"""Grey levels of a region as flat arrays with an empty border, and the ways to step in them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

Offset = tuple[int, int, int]


def half_neighbours(distance: int, planar: bool) -> tuple[Offset, ...]:
    """Return one of each pair of opposite offsets (z, y, x) at a Chebyshev distance.

    Parameters
    ----------
    distance : int
        In voxels: 13 offsets in space, 4 in a plane at distance 1.
    planar : bool
        Only within a slice.
    """
    steps = range(-distance, distance + 1)
    return tuple(
        offset
        for offset in product((0,) if planar else steps, steps, steps)
        if max(map(abs, offset)) == distance and offset > (0, 0, 0)
    )


@dataclass(frozen=True)
class Lattice:
    """Discretised voxels of a region.

    Attributes
    ----------
    levels : ndarray of int32, shape (n,)
        Flat ranks from 1 in an empty border, 0 outside the region.
    voxels : ndarray of int64, shape (m,)
        Flat indices of the region, rising.
    values : ndarray of int64, shape (g,)
        Grey level of each rank, rising.
    shape : tuple of int
        With the border.
    top_level : int
        Number of grey levels that the discretisation reaches in this region.
    """

    levels: npt.NDArray[np.int32]
    voxels: npt.NDArray[np.int64]
    values: npt.NDArray[np.int64]
    shape: tuple[int, int, int]
    top_level: int

    @classmethod
    def of(cls, levels: npt.NDArray[np.int64], border: int = 1) -> Lattice:
        """Build from grey levels, shape (z, y, x), with 0 outside the region."""
        inside = levels > 0
        top = int(levels.max(initial=0))
        present = np.zeros(top + 1, dtype=bool)
        present[levels[inside]] = True
        values = np.flatnonzero(present).astype(np.int64)
        rank = np.zeros(top + 1, dtype=np.int32)
        rank[values] = np.arange(1, values.size + 1)
        padded = np.pad(rank[levels], border)
        shape = padded.shape
        flat = padded.reshape(-1)
        return cls(flat, np.flatnonzero(flat), values, (shape[0], shape[1], shape[2]), top)

    def flat_offset(self, offset: Offset) -> int:
        """Return the flat distance of a step (z, y, x)."""
        return (offset[0] * self.shape[1] + offset[1]) * self.shape[2] + offset[2]

    def flat_offsets(self, offsets: tuple[Offset, ...]) -> npt.NDArray[np.int64]:
        """Return the flat distances of steps, shape (k,)."""
        return np.array([self.flat_offset(offset) for offset in offsets], dtype=np.int64)
