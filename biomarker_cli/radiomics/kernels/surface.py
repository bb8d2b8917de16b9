"""Scan of a mask for its surface: cases of cubes and moments of voxels."""

from __future__ import annotations

import numpy as np

from biomarker_cli.radiomics.kernels.arrays import Floats, Integers, Mask
from biomarker_cli.radiomics.kernels.compilation import kernel


@kernel
def count_cases(mask: Mask) -> tuple[Integers, Integers]:
    """Count the cubes of eight voxels by case, and sum their places.

    Parameters
    ----------
    mask : ndarray of bool, shape (z, y, x)
        With an empty border of one voxel.

    Returns
    -------
    tuple of ndarray
        Number of cubes (256,), and the sums of their first corner (256, 3).
    """
    number = np.zeros(256, np.int64)
    places = np.zeros((256, 3), np.int64)
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
    return number, places


@kernel
def sum_within(image: Floats, voxels: Integers, offsets: Integers) -> Floats:
    """Return the sum of an image over the offsets around each voxel.

    Parameters
    ----------
    image : ndarray, shape (n,)
        Flat, with a border that the offsets stay within; NaN is left out.
    voxels : ndarray, shape (m,)
    offsets : ndarray, shape (k,)

    Returns
    -------
    ndarray, shape (m, 2)
        Sum and number of the voxels that hold a value.
    """
    result = np.zeros((voxels.size, 2))
    for index in range(voxels.size):
        total = 0.0
        count = 0
        for k in range(offsets.size):
            value = image[voxels[index] + offsets[k]]
            if not np.isnan(value):
                total += value
                count += 1
        result[index, 0] = total
        result[index, 1] = count
    return result
