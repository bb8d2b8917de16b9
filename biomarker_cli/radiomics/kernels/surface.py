"""Scan of a mask for its surface: cases of cubes and moments of voxels."""

from __future__ import annotations

import numpy as np

from biomarker_cli.radiomics.kernels.arrays import Floats, Integers, Mask
from biomarker_cli.radiomics.kernels.compilation import jitted


@jitted
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


@jitted
def voxel_moments(mask: Mask) -> tuple[int, Integers, Integers]:
    """Return the number of voxels, and the sums of their indices and of the products of two.

    Parameters
    ----------
    mask : ndarray of bool, shape (z, y, x)

    Returns
    -------
    tuple
        Number, sums (3,) and sums of products (3, 3), all exact.
    """
    number = 0
    sums = np.zeros(3, np.int64)
    products = np.zeros((3, 3), np.int64)
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
    return number, sums, products


@jitted
def line_ends(mask: Mask, axis: int) -> tuple[Integers, Integers]:
    """Return the first and the last place inside on each line along an axis.

    Parameters
    ----------
    mask : ndarray of bool, shape (z, y, x)
    axis : int

    Returns
    -------
    tuple of ndarray
        Of the shape of the other two axes; -1 where a line stays outside.
    """
    depth, height, width = mask.shape
    rows, columns = (height if axis == 0 else depth), (height if axis == 2 else width)
    first = np.full((rows, columns), -1, np.int64)
    last = np.full((rows, columns), -1, np.int64)
    for z in range(depth):
        for y in range(height):
            if axis == 2:
                for x in range(width):
                    if mask[z, y, x]:
                        if first[z, y] < 0:
                            first[z, y] = x
                        last[z, y] = x
                continue
            row, place = (z, y) if axis == 1 else (y, z)
            for x in range(width):
                if mask[z, y, x]:
                    if first[row, x] < 0:
                        first[row, x] = place
                    last[row, x] = place
    return first, last


@jitted
def row_ends(points: Integers) -> Integers:
    """Return the ends of each row of points in a plane, in order: the rest lies between them.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        Plane, row in the plane and place in the row, none negative.

    Returns
    -------
    ndarray, shape (m, 3)
        Sorted.
    """
    n_planes, n_rows = 0, 0
    for k in range(len(points)):
        n_planes = max(n_planes, points[k, 0] + 1)
        n_rows = max(n_rows, points[k, 1] + 1)
    low = np.full((n_planes, n_rows), -1, np.int64)
    high = np.full((n_planes, n_rows), -1, np.int64)
    for k in range(len(points)):
        plane, row, place = points[k]
        if low[plane, row] < 0 or place < low[plane, row]:
            low[plane, row] = place
        high[plane, row] = max(high[plane, row], place)
    found = np.empty((2 * len(points), 3), np.int64)
    size = 0
    for plane in range(n_planes):
        for row in range(n_rows):
            if low[plane, row] < 0:
                continue
            found[size] = plane, row, low[plane, row]
            size += 1
            if high[plane, row] > low[plane, row]:
                found[size] = plane, row, high[plane, row]
                size += 1
    return found[:size]


@jitted
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


@jitted
def corners_of_planes(points: Integers) -> Integers:
    """Return the corners of the convex hull of each plane.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
        Plane and coordinates within it, sorted.

    Returns
    -------
    ndarray, shape (m, 3)
    """
    first, second = points[:, 1].astype(np.float64), points[:, 2].astype(np.float64)
    hull = np.empty(2 * len(points) + 2, np.int64)
    size = 0
    start = 0
    while start < len(points):
        stop = start
        while stop < len(points) and points[stop, 0] == points[start, 0]:
            stop += 1
        base = size
        size = convex_hull(first, second, start, stop, 1, hull, size)
        size = convex_hull(first, second, stop - 1, start - 1, -1, hull, size)
        if size == base:
            # One point has two sides without corners.
            hull[size] = start
            size += 1
        start = stop
    return points[hull[:size]]


@jitted
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


@jitted
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
