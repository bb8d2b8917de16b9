"""Scan of a mask for its surface: cases of cubes and moments of voxels."""

from __future__ import annotations

import numpy as np

from biomarker_cli.radiomics.kernels.arrays import Longs1, Longs2, Marks3
from biomarker_cli.radiomics.kernels.compilation import kernel


@kernel
def count_cases(mask: Marks3, number: Longs1, places: Longs2) -> None:
    """Count the cubes of eight voxels by case, and sum their places.

    Parameters
    ----------
    mask : ndarray of bool, shape (z, y, x)
        With an empty border of one voxel.
    number : ndarray, shape (256,)
        Of zeros; filled.
    places : ndarray, shape (256, 3)
        Of zeros; filled with the sums of the first corners of the cubes.
    """
    for z in range(mask.shape[0] - 1):
        for y in range(mask.shape[1] - 1):
            near = (
                np.int64(mask[z, y, 0])
                | np.int64(mask[z, y + 1, 0]) << 2
                | np.int64(mask[z + 1, y, 0]) << 4
                | np.int64(mask[z + 1, y + 1, 0]) << 6
            )
            for x in range(mask.shape[2] - 1):
                far = (
                    np.int64(mask[z, y, x + 1])
                    | np.int64(mask[z, y + 1, x + 1]) << 2
                    | np.int64(mask[z + 1, y, x + 1]) << 4
                    | np.int64(mask[z + 1, y + 1, x + 1]) << 6
                )
                case = near | far << 1
                near = far
                if case != 0 and case != 255:
                    number[case] += 1
                    places[case, 0] += z
                    places[case, 1] += y
                    places[case, 2] += x


@kernel
def sum_places(mask: Marks3, sums: Longs1, products: Longs2) -> int:
    """Return the number of voxels, and fill in sums of their indices and of products of two.

    Parameters
    ----------
    mask : ndarray of bool, shape (z, y, x)
    sums : ndarray, shape (3,)
        Of zeros; filled.
    products : ndarray, shape (3, 3)
        Of zeros; filled.
    """
    number = 0
    for z in range(mask.shape[0]):
        for y in range(mask.shape[1]):
            n, along, squares = 0, 0, 0
            for x in range(mask.shape[2]):
                inside = int(mask[z, y, x])
                n += inside
                along += inside * x
                squares += inside * x * x
            number += n
            sums[0] += n * z
            sums[1] += n * y
            sums[2] += along
            products[0, 0] += n * z * z
            products[0, 1] += n * z * y
            products[0, 2] += z * along
            products[1, 1] += n * y * y
            products[1, 2] += y * along
            products[2, 2] += squares
    products[1, 0], products[2, 0], products[2, 1] = products[0, 1], products[0, 2], products[1, 2]
    return number
