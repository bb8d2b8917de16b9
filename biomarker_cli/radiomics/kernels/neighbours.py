"""Grey level differences and dependences between a voxel and its neighbours."""

from __future__ import annotations

import numpy as np

from biomarker_cli.radiomics.kernels.arrays import (
    Floats2,
    Ints2,
    Ints3,
    Longs2,
    Longs3,
    Words3,
)
from biomarker_cli.radiomics.kernels.compilation import inner, kernel


@kernel
def visit_neighbours(
    ranks: Words3,
    greys: Ints3,
    ends: Longs3,
    steps: Longs2,
    alpha: int,
    row: Ints2,
    tones: Floats2,
    dependence: Longs2,
) -> None:
    """Compare each voxel with all its neighbours inside.

    Parameters
    ----------
    ranks, ends
        As for pairs.
    greys : ndarray of int32, shape (z, y, x)
        Grey levels, 0 outside.
    steps : ndarray, shape (k, 3)
        To all neighbours: z, y, x.
    alpha : int
        Largest difference that counts as dependent.
    row : ndarray of int32, shape (3, x)
        Work space.
    tones : ndarray, shape (2, g + 1)
        Of zeros; filled by rank: voxels with a neighbour, and their summed differences
        from the mean of the neighbours.
    dependence : ndarray, shape (g + 1, k + 1)
        Of zeros; filled: voxels by rank and number of dependent neighbours.
    """
    for z in range(ends.shape[0]):
        for y in range(ends.shape[1]):
            first, behind = ends[z, y, 0], ends[z, y, 1]
            if behind == 0:
                continue
            _compare(greys, z, y, first, behind, steps, np.int32(alpha), row)
            for x in range(first, behind):
                rank = ranks[z, y, x]
                if rank == 0:
                    continue
                place = x - first
                dependence[rank, row[2, place]] += 1
                count = row[1, place]
                if count > 0:
                    tones[0, rank] += 1.0
                    mean = np.float64(row[0, place]) / np.float64(count)
                    tones[1, rank] += abs(np.float64(greys[z, y, x]) - mean)


@inner
def _compare(
    greys: Ints3,
    z: int,
    y: int,
    first: int,
    behind: int,
    steps: Longs2,
    alpha: np.int32,
    row: Ints2,
) -> None:
    """Sum and count the neighbours of each voxel of a row, and those within alpha."""
    size = behind - first
    total, count, dependent = row[0, :size], row[1, :size], row[2, :size]
    total[:] = 0
    count[:] = 0
    dependent[:] = 0
    own = greys[z, y, first:behind]
    for k in range(steps.shape[0]):
        dx = steps[k, 2]
        beside = greys[z + steps[k, 0], y + steps[k, 1], first + dx : behind + dx]
        for x in range(size):
            other = beside[x]
            inside = np.int32(other > 0)
            total[x] += other
            count[x] += inside
            dependent[x] += inside & np.int32(abs(other - own[x]) <= alpha)
