"""Runs, zones and dependences: counts of (grey level, size) pairs."""

from __future__ import annotations

import numpy as np

from biomarker_cli.radiomics.kernels.arrays import AnyArray, Floats, Integers, Levels
from biomarker_cli.radiomics.kernels.compilation import jitted

STRETCH = 32
"""Voxels in a row that are compared at once: a constant, so that the loop becomes SIMD."""


@jitted
def count_runs(levels: Levels, voxels: Integers, offset: int, counts: Integers) -> None:
    """Count the runs of equal levels along one direction.

    Parameters
    ----------
    levels, voxels, offset
        As for pairs.
    counts : ndarray, shape (g, longest)
        Runs by rank and length - 1; changed in place.
    """
    lengths = np.zeros(levels.size, np.int32)
    for index in range(voxels.size):
        voxel = voxels[index]
        level = levels[voxel]
        # No branch: to mispredict one costs more than the rest of the loop.
        before = lengths[voxel - offset] * np.int32(levels[voxel - offset] == level)
        lengths[voxel] = before + 1
        counts[level - 1, before] += levels[voxel + offset] != level


@jitted
def has_pair(levels: Levels, voxels: Integers, offset: int) -> bool:
    """Tell whether two voxels of the region are neighbours in a direction."""
    for index in range(voxels.size):  # noqa: SIM110  (compiled: a loop that stops early)
        if levels[voxels[index] + offset] > 0:
            return True
    return False


@jitted
def _row_centres(offsets: Integers) -> Integers:
    """Return the offsets whose neighbours in the row are offsets as well."""
    found = np.empty(offsets.size, np.int64)
    number = 0
    for k in range(offsets.size):
        beside = 0
        for other in range(offsets.size):
            beside += abs(offsets[other] - offsets[k]) == 1
        if beside == 2:
            found[number] = offsets[k]
            number += 1
    return found[:number]


@jitted
def _unite(parent: Integers, a: int, b: int) -> None:
    """Join the sets of two members; the lower root stays."""
    while parent[a] != a:
        parent[a] = parent[parent[a]]
        a = parent[a]
    while parent[b] != b:
        parent[b] = parent[parent[b]]
        b = parent[b]
    if a < b:
        parent[b] = a
    else:
        parent[a] = b


@jitted
def label_zones(
    levels: Levels, voxels: Integers, offsets: Integers, distance: Integers
) -> tuple[Integers, Integers, Integers]:
    """Find the connected zones of equal level by union of backward neighbours.

    Parameters
    ----------
    levels, voxels
        As for pairs; `voxels` rise.
    offsets : ndarray, shape (k,)
        Flat distances to one half of the neighbours at distance 1: the voxel before
        and whole rows of three.
    distance : ndarray, shape (m,)
        Distance to the border of each voxel, in the order of `voxels`.

    Returns
    -------
    tuple of ndarray
        Rank, size and smallest distance of each zone.
    """
    number = voxels.size
    position = np.empty(levels.size, np.int64)
    parent = np.arange(number)
    rows = _row_centres(offsets)
    for index in range(number):
        voxel = voxels[index]
        level = levels[voxel]
        position[voxel] = index
        before = levels[voxel - 1] == level
        if before:
            _unite(parent, position[voxel - 1], index)
        for k in range(rows.size):
            centre = voxel - rows[k]
            # Neighbours of each other are united already: those of the voxel before,
            # and the two beside the middle of a row.
            if levels[centre] == level:
                if not before:
                    _unite(parent, position[centre], index)
                continue
            if levels[centre + 1] == level:
                _unite(parent, position[centre + 1], index)
            if not before and levels[centre - 1] == level:
                _unite(parent, position[centre - 1], index)
    return _sum_up(levels, voxels, parent, distance)


@jitted
def _sum_up(
    levels: Levels, voxels: Integers, parent: Integers, distance: Integers
) -> tuple[Integers, Integers, Integers]:
    """Return rank, size and smallest distance of each set."""
    number = voxels.size
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


@jitted
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
    # Grey levels with room behind: neighbours are compared a stretch of voxels at a time.
    greys = np.zeros(levels.size + STRETCH, np.int32)
    for voxel in voxels:
        greys[voxel] = values[levels[voxel] - 1]
    total = np.empty(STRETCH, np.int32)
    count = np.empty(STRETCH, np.int32)
    dependent = np.empty(STRETCH, np.int32)
    index = 0
    while index < voxels.size:
        start = voxels[index]
        _compare(greys, start, offsets, alpha, total, count, dependent)
        while index < voxels.size and voxels[index] < start + STRETCH:
            place = voxels[index] - start
            rank = levels[voxels[index]] - 1
            dependence[rank, dependent[place]] += 1
            if count[place] > 0:
                number[rank] += 1
                difference[rank] += abs(values[rank] - total[place] / count[place])
            index += 1
    return number, difference, dependence


@jitted
def _compare(
    greys: Levels,
    start: int,
    offsets: Integers,
    alpha: int,
    total: Levels,
    count: Levels,
    dependent: Levels,
) -> None:
    """Sum and count the neighbours of each voxel of a stretch, and those within alpha."""
    total[:] = 0
    count[:] = 0
    dependent[:] = 0
    limit = np.int32(alpha)
    own = greys[start : start + STRETCH]
    for k in range(offsets.size):
        beside = greys[start + offsets[k] : start + offsets[k] + STRETCH]
        for place in range(STRETCH):
            other = beside[place]
            inside = np.int32(other > 0)
            total[place] += other
            count[place] += inside
            dependent[place] += inside & np.int32(abs(other - own[place]) <= limit)


@jitted
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
