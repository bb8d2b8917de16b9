"""Counting of grey level pairs, and what the features need of the counts."""

from __future__ import annotations

import numpy as np

from biomarker_cli.radiomics.kernels.arrays import (
    Floats1,
    Floats2,
    Ints2,
    Longs1,
    Longs2,
    Longs3,
    Words3,
)
from biomarker_cli.radiomics.kernels.compilation import kernel


@kernel
def count_pairs(ranks: Words3, ends: Longs3, steps: Longs2, size: int, counts: Ints2) -> None:
    """Count each pair of a voxel and the one a step away, one way, for several steps.

    Parameters
    ----------
    ranks : ndarray of uint16, shape (z, y, x)
        Ranks from 1, 0 outside the region, with a border that the steps stay within.
    ends : ndarray, shape (z, y, 2)
        Where the region begins in each row, and behind its last voxel.
    steps : ndarray, shape (k, 3)
        z, y, x.
    size : int
        Number of ranks, 0 included.
    counts : ndarray of int32, shape (k, size * size)
        By both ranks; changed in place. Pairs with the outside stand in row or column 0.
    """
    width = np.uint64(size)
    # Whole planes first: the ranks of a plane are read for all steps while they are near.
    for z in range(ends.shape[0]):
        for k in range(steps.shape[0]):
            table = counts[k]
            dz, dy, dx = steps[k, 0], steps[k, 1], steps[k, 2]
            for y in range(ends.shape[1]):
                first, behind = ends[z, y, 0], ends[z, y, 1]
                if behind == 0:
                    continue
                here = ranks[z, y, first:behind]
                there = ranks[z + dz, y + dy, first + dx : behind + dx]
                # No branch: to mispredict one costs more than to count what is outside.
                for x in range(here.size):
                    table[np.uint64(here[x]) * width + np.uint64(there[x])] += np.int32(1)


@kernel
def summarise(
    counts: Floats2,
    values: Longs1,
    difference: Floats1,
    total: Floats1,
    margin: Floats1,
    found: Floats1,
) -> None:
    """Reduce a matrix, taken both ways round, to the distributions that features need.

    Parameters
    ----------
    counts : ndarray, shape (g, g)
        One direction only; the transpose is added here.
    values : ndarray, shape (g,)
        Grey level of each rank.
    difference, total, margin : ndarray
        Of zeros; filled: probability of |i - j|, of i + j, and of i by rank.
    found : ndarray, shape (4,)
        Filled: number of pairs (both ways), joint maximum, energy and entropy.
    """
    size = values.size
    pairs = 0.0
    for i in range(size):
        for j in range(size):
            pairs += counts[i, j]
    pairs *= 2.0
    highest, energy, entropy = 0.0, 0.0, 0.0
    for i in range(size):
        for j in range(i, size):
            both = counts[i, j] + counts[j, i]
            if both == 0.0:
                continue
            p = both / pairs
            times = 1.0 if i == j else 2.0
            highest = max(highest, p)
            energy += times * p * p
            entropy -= times * p * np.log2(p)
            difference[values[j] - values[i]] += times * p
            total[values[j] + values[i]] += times * p
            margin[i] += p
            if i != j:
                margin[j] += p
    found[0], found[1], found[2], found[3] = pairs, highest, energy, entropy


@kernel
def difference_features(difference: Floats1, top: float, found: Floats1) -> None:
    """Return what follows from the distribution of differences.

    Parameters
    ----------
    difference : ndarray, shape (n,)
        Probability of |i - j| = k at index k.
    top : float
        Number of grey levels of the region.
    found : ndarray, shape (9,)
        Filled: average, second moment, variance and entropy; inverse difference, its
        normalised form, inverse difference moment, its normalised form; inverse variance.
    """
    found[:] = 0.0
    for k in range(difference.size):
        p = difference[k]
        if p == 0.0:
            continue
        d = float(k)
        found[0] += p * d
        found[1] += p * d * d
        found[3] -= p * np.log2(p)
        found[4] += p / (1.0 + d)
        found[5] += p / (1.0 + d / top)
        found[6] += p / (1.0 + d * d)
        found[7] += p / (1.0 + (d / top) * (d / top))
        if k > 0:
            found[8] += p / (d * d)
    for k in range(difference.size):
        found[2] += difference[k] * (k - found[0]) ** 2


@kernel
def sum_features(total: Floats1, mean: float, found: Floats1) -> None:
    """Return what follows from the distribution of sums.

    Parameters
    ----------
    total : ndarray, shape (n,)
        Probability of i + j = k at index k.
    mean : float
        Of the grey levels.
    found : ndarray, shape (6,)
        Filled: average, variance and entropy; the second, third and fourth moment about
        twice the mean.
    """
    found[:] = 0.0
    for k in range(total.size):
        p = total[k]
        if p == 0.0:
            continue
        found[0] += p * k
        found[2] -= p * np.log2(p)
        centred = k - 2.0 * mean
        square = centred * centred
        found[3] += p * square
        found[4] += p * square * centred
        found[5] += p * square * square
    for k in range(total.size):
        found[1] += total[k] * (k - found[0]) ** 2


@kernel
def information_entropies(
    counts: Floats2, pairs: float, margin: Floats1, epsilon: float, found: Floats1
) -> None:
    """Return HXY, HXY1, HXY2 and HX in bits, with an epsilon inside each logarithm.

    Parameters
    ----------
    counts : ndarray, shape (g, g)
        One direction only.
    pairs : float
        Sum of the matrix taken both ways round.
    margin : ndarray, shape (g,)
    epsilon : float
    found : ndarray, shape (4,)
        Filled.
    """
    joint, crossed, independent, own = 0.0, 0.0, 0.0, 0.0
    for i in range(margin.size):
        own -= margin[i] * np.log2(margin[i] + epsilon)
        for j in range(i, margin.size):
            times = 1.0 if i == j else 2.0
            product = margin[i] * margin[j]
            logarithm = np.log2(product + epsilon)
            independent -= times * product * logarithm
            both = counts[i, j] + counts[j, i]
            if both > 0.0:
                p = both / pairs
                joint -= times * p * np.log2(p + epsilon)
                crossed -= times * p * logarithm
    found[0], found[1], found[2], found[3] = joint, crossed, independent, own
