"""Lay the grey levels of a region on a lattice of ranks."""

from __future__ import annotations

import numpy as np

from biomarker_cli.radiomics.kernels.arrays import Longs1, Longs3, Marks3, Words1, Words3
from biomarker_cli.radiomics.kernels.compilation import kernel


@kernel
def lay_ranks(
    mask: Marks3, levels: Longs1, rank_of: Words1, border: int, ranks: Words3, ends: Longs3
) -> None:
    """Fill the ranks of the voxels of a region, and where each row begins and ends.

    Parameters
    ----------
    mask : ndarray of bool, shape (z, y, x)
    levels : ndarray, shape (m,)
        Grey levels of the voxels inside, in the order of the mask.
    rank_of : ndarray of uint16, shape (top level + 1,)
        Rank from 1 of each level.
    border : int
        Empty voxels around the box.
    ranks : ndarray of uint16, shape (z + 2 border, y + 2 border, x + 2 border)
        Of zeros; filled.
    ends : ndarray, shape (z + 2 border, y + 2 border, 2)
        Of zeros; the first voxel inside of each row and the one behind the last.
    """
    index = 0
    for z in range(mask.shape[0]):
        for y in range(mask.shape[1]):
            row = ranks[z + border, y + border]
            first, behind = 0, 0
            for x in range(mask.shape[2]):
                if mask[z, y, x]:
                    row[x + border] = rank_of[levels[index]]
                    index += 1
                    if behind == 0:
                        first = x + border
                    behind = x + border + 1
            ends[z + border, y + border, 0] = first
            ends[z + border, y + border, 1] = behind


@kernel
def mark_levels(levels: Longs1, present: Words1) -> None:
    """Set a 1 for each grey level that occurs."""
    for level in levels:
        present[level] = np.uint16(1)
