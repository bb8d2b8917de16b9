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
def convex_hull(
    first: Floats, second: Floats, start: int, stop: int, step: int, hull: Integers, size: int
) -> int:
    """Append one side of a convex hull by the monotone chain (Andrew 1979).

    Parameters
    ----------
    first, second : ndarray, shape (n,)
        Coordinates, sorted by `first`, then `second`.
    start, stop, step : int
        Points in the order of the walk.
    hull : ndarray of int
        Indices of the hull; filled from `size` on.
    size : int

    Returns
    -------
    int
        New size, without the last point: the other side begins with it.
    """
    base = size
    for point in range(start, stop, step):
        while size >= base + 2:
            a, b = hull[size - 2], hull[size - 1]
            u, v = first[b] - first[a], second[b] - second[a]
            if u * (second[point] - second[a]) - v * (first[point] - first[a]) > 0:
                break
            size -= 1
        hull[size] = point
        size += 1
    return size - 1


@kernel
def widest_in_planes(planes: Integers, first: Floats, second: Floats) -> float:
    """Return the largest distance of two points of one plane.

    Parameters
    ----------
    planes : ndarray, shape (n,)
        Number of the plane of each point.
    first, second : ndarray, shape (n,)
        Coordinates within the plane; points are sorted by plane, `first`, `second`.
    """
    widest = 0.0
    hull = np.empty(2 * planes.size + 2, np.int64)
    start = 0
    while start < planes.size:
        stop = start
        while stop < planes.size and planes[stop] == planes[start]:
            stop += 1
        size = convex_hull(first, second, start, stop, 1, hull, 0)
        size = convex_hull(first, second, stop - 1, start - 1, -1, hull, size)
        for i in range(size):
            for j in range(i + 1, size):
                u = first[hull[i]] - first[hull[j]]
                v = second[hull[i]] - second[hull[j]]
                widest = max(widest, u * u + v * v)
        start = stop
    return float(np.sqrt(widest))


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
