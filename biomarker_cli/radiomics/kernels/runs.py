"""Runs, zones and dependences: counts of (grey level, size) pairs."""

from __future__ import annotations

import numpy as np

from biomarker_cli.radiomics.kernels.arrays import AnyArray, Floats, Integers, Levels
from biomarker_cli.radiomics.kernels.compilation import kernel


@kernel
def count_runs(levels: Levels, voxels: Integers, offset: int, counts: Integers) -> None:
    """Count the runs of equal levels along one direction.

    Parameters
    ----------
    levels, voxels, offset
        As for pairs.
    counts : ndarray, shape (g, longest)
        Runs by rank and length - 1; changed in place.
    """
    for index in range(voxels.size):
        voxel = voxels[index]
        level = levels[voxel]
        if levels[voxel - offset] == level:
            continue
        length = 1
        voxel += offset
        while levels[voxel] == level:
            length += 1
            voxel += offset
        counts[level - 1, length - 1] += 1


@kernel
def has_pair(levels: Levels, voxels: Integers, offset: int) -> bool:
    """Tell whether two voxels of the region are neighbours in a direction."""
    for index in range(voxels.size):  # noqa: SIM110  (compiled: a loop that stops early)
        if levels[voxels[index] + offset] > 0:
            return True
    return False


@kernel
def label_zones(
    levels: Levels, voxels: Integers, offsets: Integers, distance: Integers
) -> tuple[Integers, Integers, Integers]:
    """Find the connected zones of equal level by union of backward neighbours.

    Parameters
    ----------
    levels, voxels
        As for pairs; `voxels` rise.
    offsets : ndarray, shape (k,)
        Flat distances to one half of the neighbours.
    distance : ndarray, shape (m,)
        Distance to the border of each voxel, in the order of `voxels`.

    Returns
    -------
    tuple of ndarray
        Rank, size and smallest distance of each zone.
    """
    number = voxels.size
    position = np.full(levels.size, -1, np.int64)
    parent = np.arange(number)
    for index in range(number):
        voxel = voxels[index]
        position[voxel] = index
        for k in range(offsets.size):
            neighbour = voxel - offsets[k]
            if levels[neighbour] == levels[voxel]:
                a = position[neighbour]
                while parent[a] != a:
                    parent[a] = parent[parent[a]]
                    a = parent[a]
                b = index
                while parent[b] != b:
                    parent[b] = parent[parent[b]]
                    b = parent[b]
                if a < b:
                    parent[b] = a
                else:
                    parent[a] = b
    sizes = np.zeros(number, np.int64)
    nearest = np.full(number, np.iinfo(np.int64).max, np.int64)
    for index in range(number):
        root = index
        while parent[root] != root:
            root = parent[root]
        parent[index] = root
        sizes[root] += 1
        nearest[root] = min(nearest[root], distance[index])
    zones = np.flatnonzero(sizes)
    ranks = np.empty(zones.size, np.int64)
    for k in range(zones.size):
        ranks[k] = levels[voxels[zones[k]]]
    return ranks, sizes[zones], nearest[zones]


@kernel
def visit_neighbours(
    levels: Levels, voxels: Integers, offsets: Integers, values: Integers, alpha: int
) -> tuple[Integers, Floats, Integers]:
    """Compare each voxel with all its neighbours inside.

    Parameters
    ----------
    levels, voxels
        As for pairs.
    offsets : ndarray, shape (k,)
        Flat distances to all neighbours.
    values : ndarray, shape (g,)
        Grey level of each rank.
    alpha : int
        Largest difference that counts as dependent.

    Returns
    -------
    tuple of ndarray
        Voxels with a neighbour by rank (g,), summed differences from the mean of
        the neighbours (g,), and voxels by rank and number of dependent
        neighbours (g, k + 1).
    """
    size = values.size
    number = np.zeros(size, np.int64)
    difference = np.zeros(size, np.float64)
    dependence = np.zeros((size, offsets.size + 1), np.int64)
    for index in range(voxels.size):
        voxel = voxels[index]
        rank = levels[voxel] - 1
        value = values[rank]
        total = 0
        count = 0
        dependent = 0
        for k in range(offsets.size):
            other = levels[voxel + offsets[k]]
            if other > 0:
                neighbour = values[other - 1]
                total += neighbour
                count += 1
                if abs(neighbour - value) <= alpha:
                    dependent += 1
        dependence[rank, dependent] += 1
        if count > 0:
            number[rank] += 1
            difference[rank] += abs(value - total / count)
    return number, difference, dependence


@kernel
def emphasis(
    ranks: Integers,
    sizes: Integers,
    counts: AnyArray,
    values: Integers,
    largest: int,
) -> Floats:
    """Return the features that run length, zone and dependence families share.

    Parameters
    ----------
    ranks, sizes, counts : ndarray, shape (n,)
        Rank from 0, size from 1 and number of entries of a sparse matrix.
    values : ndarray, shape (g,)
        Grey level of each rank.
    largest : int
        Largest size.

    Returns
    -------
    ndarray, shape (18,)
        The sixteen features in the order of the IBSI manual with the number of
        entries in place of the percentage (index 12), then energy and 0.
    """
    result = np.zeros(18)
    by_level = np.zeros(values.size)
    by_size = np.zeros(largest + 1)
    total = 0.0
    for k in range(ranks.size):
        by_level[ranks[k]] += counts[k]
        by_size[sizes[k]] += counts[k]
        total += counts[k]
    if total == 0.0:
        result[:] = np.nan
        return result
    mean_level = 0.0
    mean_size = 0.0
    for k in range(ranks.size):
        c = float(counts[k])
        g2 = float(values[ranks[k]]) ** 2
        s2 = float(sizes[k]) ** 2
        result[0] += c / s2
        result[1] += c * s2
        result[2] += c / g2
        result[3] += c * g2
        result[4] += c / (g2 * s2)
        result[5] += c * g2 / s2
        result[6] += c * s2 / g2
        result[7] += c * g2 * s2
        p = c / total
        mean_level += p * values[ranks[k]]
        mean_size += p * sizes[k]
        result[15] -= p * np.log2(p)
        result[16] += p * p
    for k in range(8):
        result[k] /= total
    for level in range(by_level.size):
        result[8] += by_level[level] ** 2
    for size in range(by_size.size):
        result[10] += by_size[size] ** 2
    result[8] /= total
    result[9] = result[8] / total
    result[10] /= total
    result[11] = result[10] / total
    result[12] = total
    for k in range(ranks.size):
        p = counts[k] / total
        result[13] += p * (values[ranks[k]] - mean_level) ** 2
        result[14] += p * (sizes[k] - mean_size) ** 2
    return result
