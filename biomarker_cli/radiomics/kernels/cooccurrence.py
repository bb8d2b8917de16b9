"""Counting of grey level pairs, and what the features need of the counts."""

from __future__ import annotations

import numpy as np

from biomarker_cli.radiomics.kernels.arrays import Floats, Integers, Levels
from biomarker_cli.radiomics.kernels.compilation import jitted


@jitted
def count_pairs(
    levels: Levels, voxels: Integers, offset: int, counts: Floats, weight: float
) -> None:
    """Add each pair of a voxel and the one at an offset to a matrix, both ways round.

    Parameters
    ----------
    levels : ndarray, shape (n,)
        Flat ranks from 1, 0 outside, with a border that the offset stays within.
    voxels : ndarray, shape (m,)
        Flat indices of the voxels inside.
    offset : int
        Flat distance to the neighbour.
    counts : ndarray, shape (g, g)
        Changed in place.
    weight : float
        Added for each pair.
    """
    for index in range(voxels.size):
        here = levels[voxels[index]]
        there = levels[voxels[index] + offset]
        if there > 0:
            counts[here - 1, there - 1] += weight


@jitted
def summarise(
    counts: Floats, values: Integers, difference: Floats, total: Floats, margin: Floats
) -> tuple[float, float, float, float]:
    """Reduce a matrix, taken both ways round, to the distributions that features need.

    Parameters
    ----------
    counts : ndarray, shape (g, g)
        One direction only; the transpose is added here.
    values : ndarray, shape (g,)
        Grey level of each rank.
    difference, total, margin : ndarray
        Filled: probability of |i - j|, of i + j, and of i by rank.

    Returns
    -------
    tuple of float
        Number of pairs (both ways), joint maximum, energy and entropy.
    """
    size = values.size
    pairs = 0.0
    for i in range(size):
        for j in range(size):
            pairs += counts[i, j]
    pairs *= 2.0
    if pairs == 0.0:
        return 0.0, 0.0, 0.0, 0.0
    highest = 0.0
    energy = 0.0
    entropy = 0.0
    for i in range(size):
        for j in range(i, size):
            p = (counts[i, j] + counts[j, i]) / pairs
            if p == 0.0:
                continue
            times = 1.0 if i == j else 2.0
            highest = max(highest, p)
            energy += times * p * p
            entropy -= times * p * np.log2(p)
            difference[values[j] - values[i]] += times * p
            total[values[j] + values[i]] += times * p
            margin[i] += p
            if i != j:
                margin[j] += p
    return pairs, highest, energy, entropy


@jitted
def information_entropies(
    counts: Floats, pairs: float, margin: Floats, epsilon: float
) -> tuple[float, float, float]:
    """Return HXY, HXY1 and HXY2 in bits, with an epsilon inside each logarithm.

    Parameters
    ----------
    counts : ndarray, shape (g, g)
        One direction only.
    pairs : float
        Sum of the matrix taken both ways round.
    margin : ndarray, shape (g,)
    epsilon : float
    """
    joint = 0.0
    crossed = 0.0
    independent = 0.0
    for i in range(margin.size):
        for j in range(i, margin.size):
            times = 1.0 if i == j else 2.0
            product = margin[i] * margin[j]
            logarithm = np.log2(product + epsilon)
            independent -= times * product * logarithm
            p = (counts[i, j] + counts[j, i]) / pairs
            if p > 0.0:
                joint -= times * p * np.log2(p + epsilon)
                crossed -= times * p * logarithm
    return joint, crossed, independent
