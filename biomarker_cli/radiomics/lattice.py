"""Grey levels of a region as ranks on a lattice with an empty border, and the steps in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
import numpy.typing as npt

from biomarker_cli.kernels.compiled import (
    count_pairs,
    count_runs,
    join_zones,
    lay_ranks,
    mark_levels,
    sum_zones,
    visit_neighbours,
)
from biomarker_cli.model.arrays import BoolArray, CountArray, FloatArray, IntArray

Offset = tuple[int, int, int]

_TABLES = 4_000_000
"""Entries of the tables that are counted at a time: 16 MB."""


@cache
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
class Neighbours:
    """What the neighbours of all voxels of a region say, by rank from 0.

    Attributes
    ----------
    number, difference : ndarray, shape (g,)
        Voxels with a neighbour, and their summed differences from its mean.
    dependence : ndarray, shape (g, k + 1)
        Voxels by number of dependent neighbours.
    """

    number: FloatArray
    difference: FloatArray
    dependence: IntArray


@dataclass(frozen=True)
class Lattice:
    """Discretised voxels of a region.

    Attributes
    ----------
    ranks : ndarray of uint16, shape (z, y, x)
        From 1, with an empty border; 0 outside the region.
    ends : ndarray of int64, shape (z, y, 2)
        The first voxel inside of each row, and the one behind the last.
    n_voxels : int
    values : ndarray of int64, shape (g,)
        Grey level of each rank, rising.
    top_level : int
        Number of grey levels that the discretisation reaches in this region.
    """

    ranks: npt.NDArray[np.uint16]
    ends: IntArray
    n_voxels: int
    values: IntArray
    top_level: int

    @classmethod
    def of(cls, mask: BoolArray, levels: IntArray, border: int = 1) -> Lattice:
        """Build from the grey levels of a region.

        Parameters
        ----------
        mask : ndarray of bool, shape (z, y, x)
        levels : ndarray, shape (m,)
            From 1, of the voxels inside, in the order of the mask; not more different
            ones than a rank can tell apart (`bounds.require_levels`).
        border : int
        """
        top = int(levels.max())
        rank_of = np.zeros(top + 1, dtype=np.uint16)
        mark_levels(levels, rank_of)
        values = np.flatnonzero(rank_of)
        rank_of[values] = np.arange(1, values.size + 1)
        depth, height, width = (length + 2 * border for length in mask.shape)
        ranks = np.zeros((depth, height, width), dtype=np.uint16)
        ends = np.zeros((depth, height, 2), dtype=np.int64)
        lay_ranks(np.ascontiguousarray(mask), levels, rank_of, border, ranks, ends)
        return cls(ranks, ends, levels.size, values, top)

    def pairs(self, offsets: tuple[Offset, ...]) -> Iterator[CountArray]:
        """Yield the pairs of each step, counted one way, shape (g, g), by rank from 0."""
        size = self.values.size + 1
        for steps in _parts(offsets, size * size):
            counts = np.zeros((len(steps), size * size), dtype=np.int32)
            count_pairs(self.ranks, self.ends, steps, size, counts)
            yield from counts.reshape(-1, size, size)[:, 1:, 1:]

    def runs(self, offsets: tuple[Offset, ...]) -> Iterator[CountArray]:
        """Yield the runs of each step, shape (g, longest), by rank from 0 and length - 1."""
        width = max(self.ranks.shape)
        lengths = np.empty_like(self.ranks)
        for steps in _parts(offsets, (self.values.size + 1) * width):
            counts = np.zeros((len(steps), (self.values.size + 1) * width), dtype=np.int32)
            count_runs(self.ranks, self.ends, steps, lengths, width - 1, counts)
            yield from counts.reshape(len(steps), -1, width)[:, 1:, 1:]

    def zones(self, planar: bool, distance: CountArray | None = None) -> IntArray:
        """Return rank from 0, size and smallest distance of each zone, shape (n, 3).

        Parameters
        ----------
        planar : bool
            Whether zones end with their slice.
        distance : ndarray of int32, shape (m,), optional
            Of each voxel, in the order of the mask; without it the distances are 0.
        """
        parent, sizes = (np.empty(self.ranks.size, dtype=np.int32) for _ in range(2))
        links = np.empty(self.ranks.shape[2], dtype=np.uint16)
        join_zones(self.ranks, self.ends, planar, links, parent)
        given = np.empty(0, dtype=np.int32) if distance is None else distance
        nearest = np.empty(self.ranks.size if given.size else 0, dtype=np.int32)
        zones = np.empty((self.n_voxels, 3), dtype=np.int64)
        number = sum_zones(self.ranks, self.ends, given, parent, sizes, nearest, zones)
        return zones[:number]

    def neighbours(self, offsets: tuple[Offset, ...], alpha: int) -> Neighbours:
        """Compare each voxel with those that steps lead to, and those opposite."""
        steps = np.array([*offsets, *((-z, -y, -x) for z, y, x in offsets)], dtype=np.int64)
        size = self.values.size + 1
        greys = np.concatenate([[0], self.values]).astype(np.int32)[self.ranks]
        row = np.empty((3, self.ranks.shape[2]), dtype=np.int32)
        tones = np.zeros((2, size))
        dependence = np.zeros((size, len(steps) + 1), dtype=np.int64)
        visit_neighbours(self.ranks, greys, self.ends, steps, alpha, row, tones, dependence)
        return Neighbours(tones[0, 1:], tones[1, 1:], dependence[1:])


def _parts(offsets: tuple[Offset, ...], entries: int) -> Iterator[IntArray]:
    """Yield steps whose tables fit into memory together."""
    together = max(1, _TABLES // entries)
    for first in range(0, len(offsets), together):
        yield np.array(offsets[first : first + together], dtype=np.int64)
