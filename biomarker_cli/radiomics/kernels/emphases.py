"""The features that run length, zone and dependence families share."""

from __future__ import annotations

import numpy as np

from biomarker_cli.radiomics.kernels.arrays import Floats1, Longs1
from biomarker_cli.radiomics.kernels.compilation import kernel


@kernel
def emphasise(
    ranks: Longs1,
    sizes: Longs1,
    counts: Floats1,
    values: Longs1,
    by_level: Floats1,
    by_size: Floats1,
    found: Floats1,
) -> None:
    """Fill in the features of a sparse matrix of levels and sizes.

    Parameters
    ----------
    ranks, sizes, counts : ndarray, shape (n,)
        Rank from 0, size from 1 and number of entries; n >= 1.
    values : ndarray, shape (g,)
        Grey level of each rank.
    by_level, by_size : ndarray, shape (g,) and (largest size + 1,)
        Of zeros; work space.
    found : ndarray, shape (18,)
        Of zeros; filled: the sixteen features in the order of the IBSI manual with the
        number of entries in place of the percentage (index 12), then energy and voxels.
    """
    total = 0.0
    for k in range(ranks.size):
        by_level[ranks[k]] += counts[k]
        by_size[sizes[k]] += counts[k]
        total += counts[k]
    mean_level, mean_size = 0.0, 0.0
    for k in range(ranks.size):
        c = counts[k]
        g2 = float(values[ranks[k]]) ** 2
        s2 = float(sizes[k]) ** 2
        found[0] += c / s2
        found[1] += c * s2
        found[2] += c / g2
        found[3] += c * g2
        found[4] += c / (g2 * s2)
        found[5] += c * g2 / s2
        found[6] += c * s2 / g2
        found[7] += c * g2 * s2
        p = c / total
        mean_level += p * values[ranks[k]]
        mean_size += p * sizes[k]
        found[15] -= p * np.log2(p)
        found[16] += p * p
        found[17] += c * sizes[k]
    for k in range(8):
        found[k] /= total
    for level in range(by_level.size):
        found[8] += by_level[level] ** 2
    for size in range(by_size.size):
        found[10] += by_size[size] ** 2
    found[8] /= total
    found[9] = found[8] / total
    found[10] /= total
    found[11] = found[10] / total
    found[12] = total
    for k in range(ranks.size):
        p = counts[k] / total
        found[13] += p * (values[ranks[k]] - mean_level) ** 2
        found[14] += p * (sizes[k] - mean_size) ** 2
