"""Runs of equal grey levels along a direction."""

from __future__ import annotations

import numpy as np

from biomarker_cli.radiomics.kernels.arrays import Ints2, Longs1, Longs2, Longs3, Words1, Words3
from biomarker_cli.radiomics.kernels.compilation import inner, kernel

_ONE = np.uint16(1)


@kernel
def count_runs(
    ranks: Words3, ends: Longs3, steps: Longs2, lengths: Words3, longest: int, counts: Ints2
) -> None:
    """Count the runs of equal levels along several directions.

    Parameters
    ----------
    ranks, ends
        As for pairs.
    steps : ndarray, shape (k, 3)
        z, y, x, each to a voxel that lies behind in the array.
    lengths : ndarray of uint16, shape (z, y, x)
        Work space.
    longest : int
        No run is longer.
    counts : ndarray of int32, shape (k, (g + 1) (longest + 1))
        By rank and length; changed in place. What is counted at length 0 or rank 0
        means nothing.
    """
    width = np.uint64(longest + 1)
    for k in range(steps.shape[0]):
        table = counts[k]
        dz, dy, dx = steps[k, 0], steps[k, 1], steps[k, 2]
        for z in range(ends.shape[0]):
            for y in range(ends.shape[1]):
                first, behind = ends[z, y, 0], ends[z, y, 1]
                if behind == 0:
                    continue
                own = ranks[z, y, first:behind]
                before = ranks[z - dz, y - dy, first - dx : behind - dx]
                length = lengths[z, y, first:behind]
                if dz == 0 and dy == 0:
                    _go_on_in_row(own, before, length)
                else:
                    _go_on(own, before, lengths[z - dz, y - dy, first - dx : behind - dx], length)
                after = ranks[z + dz, y + dy, first + dx : behind + dx]
                # No branch: to mispredict one costs more than the rest of the loop.
                for x in range(own.size):
                    place = np.uint64(own[x]) * width + np.uint64(length[x])
                    table[place] += np.int32(after[x] != own[x])


@inner
def _go_on(own: Words1, before: Words1, reached: Words1, length: Words1) -> None:
    """Continue the runs of another row; what lies outside the region has length 1."""
    for x in range(own.size):
        same = np.uint16(before[x] == own[x]) & np.uint16(own[x] > 0)
        length[x] = np.uint16(reached[x] * same + _ONE)


@inner
def _go_on_in_row(own: Words1, before: Words1, length: Words1) -> None:
    reached = np.uint16(0)
    for x in range(own.size):
        reached = np.uint16(reached * np.uint16(before[x] == own[x]) + _ONE)
        length[x] = reached


@kernel
def has_pair(ranks: Words3, ends: Longs3, step: Longs1) -> bool:
    """Tell whether two voxels of the region are neighbours in a direction."""
    for z in range(ends.shape[0]):
        for y in range(ends.shape[1]):
            for x in range(ends[z, y, 0], ends[z, y, 1]):
                there = ranks[z + step[0], y + step[1], x + step[2]]
                if ranks[z, y, x] > 0 and there > 0:
                    return True
    return False
