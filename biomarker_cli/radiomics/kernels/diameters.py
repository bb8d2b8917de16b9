"""Largest distances of the vertices of a surface: in planes, and in space.

Vertices lie halfway between a voxel inside and one outside, so places are whole
numbers of half voxels. All of them are never listed: of each row in a plane only the
ends can be farthest from another one, and of those only the corners of the hull.
"""

from __future__ import annotations

import numpy as np

from biomarker_cli.radiomics.kernels.arrays import Floats1, Floats2, Longs1, Longs2, Marks3
from biomarker_cli.radiomics.kernels.compilation import inner, kernel


@kernel
def hull_planes(
    mask: Marks3,
    row_mm: float,
    column_mm: float,
    ends: Longs2,
    columns: Longs2,
    hull: Longs2,
    corners: Longs2,
) -> float:
    """Return the largest distance of two vertices of one plane across the first axis, squared.

    Parameters
    ----------
    mask : ndarray of bool, shape (p, r, c)
        Planes, rows and columns.
    row_mm, column_mm : float
        Distance of rows, and of columns.
    ends : ndarray, shape (2 r + 1, 2)
        Work space: lowest and highest place in each row of half voxels.
    columns : ndarray, shape (c, 2)
        Work space.
    hull : ndarray, shape (4 r + 6, 2)
        Work space.
    corners : ndarray, shape (1 + (2 p + 1) (4 r + 2), 3)
        Filled with the corners of the hulls in half voxels (plane, row, column); the
        first entry of the first row says how many follow.
    """
    widest = 0.0
    number = 0
    planes = mask.shape[0]
    for plane in range(-1, 2 * planes):
        if plane % 2 == 0:
            found = _ends_in_plane(mask, plane // 2, ends, columns)
        else:
            found = _ends_between(mask, (plane - 1) // 2, ends)
        if not found:
            continue
        size = _hull_of(ends, hull)
        for a in range(size):
            number += 1
            corners[number, 0] = plane
            corners[number, 1] = hull[a, 0] - 1
            corners[number, 2] = hull[a, 1]
            for b in range(a + 1, size):
                u = (hull[a, 0] - hull[b, 0]) * 0.5 * row_mm
                v = (hull[a, 1] - hull[b, 1]) * 0.5 * column_mm
                widest = max(widest, u * u + v * v)
    corners[0, 0] = number
    return widest


@inner
def _empty(ends: Longs2) -> None:
    for row in range(ends.shape[0]):
        ends[row, 0] = np.iinfo(np.int64).max
        ends[row, 1] = np.iinfo(np.int64).min


@inner
def _ends_in_plane(mask: Marks3, plane: int, ends: Longs2, columns: Longs2) -> bool:
    """Find the ends of rows and columns of a plane of voxels; row k stands at 2 k + 1."""
    _empty(ends)
    width = mask.shape[2]
    found = False
    for column in range(width):
        columns[column, 0] = -1
    for row in range(mask.shape[1]):
        line = mask[plane, row]
        first = 0
        while first < width and not line[first]:
            first += 1
        if first == width:
            continue
        found = True
        last = width - 1
        while not line[last]:
            last -= 1
        ends[2 * row + 1, 0] = 2 * first - 1
        ends[2 * row + 1, 1] = 2 * last + 1
        for column in range(first, last + 1):
            if line[column]:
                columns[column, 1] = row
                if columns[column, 0] < 0:
                    columns[column, 0] = row
    _add_columns(columns, ends)
    return found


@inner
def _add_columns(columns: Longs2, ends: Longs2) -> None:
    for column in range(columns.shape[0]):
        if columns[column, 0] >= 0:
            _reach(ends, 2 * columns[column, 0], 2 * column)
            _reach(ends, 2 * columns[column, 1] + 2, 2 * column)


@inner
def _reach(ends: Longs2, row: int, place: int) -> None:
    ends[row, 0] = min(ends[row, 0], place)
    ends[row, 1] = max(ends[row, 1], place)


@inner
def _ends_between(mask: Marks3, plane: int, ends: Longs2) -> bool:
    """Find the ends of the rows of what differs between a plane and the next one."""
    _empty(ends)
    planes, rows, width = mask.shape
    found = False
    for row in range(rows):
        # Beyond the first and the last plane nothing is inside.
        here = mask[max(plane, 0), row]
        there = mask[min(plane + 1, planes - 1), row]
        outside = np.int64(plane < 0 or plane + 1 == planes)
        different = 0
        for column in range(width):
            # Both are the same plane there: what is inside counts.
            different += (here[column] ^ there[column]) | (outside & here[column])
        if different == 0:
            continue
        found = True
        first = 0
        while not ((here[first] ^ there[first]) | (outside & here[first])):
            first += 1
        last = width - 1
        while not ((here[last] ^ there[last]) | (outside & here[last])):
            last -= 1
        ends[2 * row + 1, 0] = 2 * first
        ends[2 * row + 1, 1] = 2 * last
    return found


@inner
def _hull_of(ends: Longs2, hull: Longs2) -> int:
    """Fill in the corners of the hull of the ends of rows by monotone chains (Andrew 1979)."""
    size = _chain(ends, 0, 1, hull, 0, 0)
    if size > 1:
        # The other chain begins where this one ends, and ends where it began.
        size = _chain(ends, ends.shape[0] - 1, -1, hull, size - 1, 1)
        if hull[size - 1, 0] == hull[0, 0] and hull[size - 1, 1] == hull[0, 1]:
            size -= 1
    return size


@inner
def _chain(ends: Longs2, start: int, step: int, hull: Longs2, base: int, turned: int) -> int:
    size = base
    row = start
    while 0 <= row < ends.shape[0]:
        if ends[row, 0] <= ends[row, 1]:
            for k in range(2):
                side = k ^ turned
                if k == 1 and ends[row, 0] == ends[row, 1]:
                    continue
                place = ends[row, side]
                while size >= base + 2:
                    u = hull[size - 1, 0] - hull[size - 2, 0]
                    v = hull[size - 1, 1] - hull[size - 2, 1]
                    turn = u * (place - hull[size - 1, 1]) - v * (row - hull[size - 1, 0])
                    if turn > 0:
                        break
                    size -= 1
                hull[size, 0] = row
                hull[size, 1] = place
                size += 1
        row += step
    return size


@inner
def _squared(points: Floats2, a: int, b: int) -> float:
    z = points[a, 0] - points[b, 0]
    y = points[a, 1] - points[b, 1]
    x = points[a, 2] - points[b, 2]
    return float(z * z + y * y + x * x)


@inner
def _farthest_from(points: Floats2, a: int) -> int:
    best, far = a, 0.0
    for b in range(points.shape[0]):
        distance = _squared(points, a, b)
        if distance > far:
            best, far = b, distance
    return best


@kernel
def farthest_squared(
    points: Floats2,
    cells: int,
    low: Floats1,
    scale: Floats1,
    start: Longs1,
    order: Longs1,
    boxes: Floats2,
) -> float:
    """Return the largest squared distance of two points: all pairs but those too near.

    Points are sorted into cells; two cells are looked at where their boxes reach farther
    than what is known.

    Parameters
    ----------
    points : ndarray, shape (n, 3)
    cells : int
        Along each axis.
    low, scale : ndarray, shape (3,)
        Lowest coordinate and cells per unit of each axis.
    start : ndarray, shape (cells ** 3 + 1,)
        Of zeros; work space.
    order : ndarray, shape (2 n,)
        Work space.
    boxes : ndarray, shape (cells ** 3, 7)
        Work space.
    """
    n = points.shape[0]
    _sort_into_cells(points, cells, low, scale, start, order)
    used = _boxes_of(points, start, order, boxes)
    # The farthest from any point, and so on, is near the answer.
    a = _farthest_from(points, 0)
    b = _farthest_from(points, a)
    best = _squared(points, a, b)
    for first in range(used):
        for second in range(first, used):
            if _reach_of(boxes, first, second) <= best:
                continue
            one, other = int(boxes[first, 6]), int(boxes[second, 6])
            for i in range(start[one], start[one + 1]):
                for j in range(start[other], start[other + 1]):
                    best = max(best, _squared(points, order[n + i], order[n + j]))
    return best


@inner
def _sort_into_cells(
    points: Floats2, cells: int, low: Floats1, scale: Floats1, start: Longs1, order: Longs1
) -> None:
    n = points.shape[0]
    for k in range(n):
        cell = 0
        for axis in range(3):
            place = int((points[k, axis] - low[axis]) * scale[axis])
            cell = cell * cells + min(place, cells - 1)
        order[k] = cell
        start[cell + 1] += 1
    for cell in range(start.size - 1):
        start[cell + 1] += start[cell]
    for k in range(n):
        cell = order[k]
        order[n + start[cell]] = k
        start[cell] += 1
    for cell in range(start.size - 1, 0, -1):
        start[cell] = start[cell - 1]
    start[0] = 0


@inner
def _boxes_of(points: Floats2, start: Longs1, order: Longs1, boxes: Floats2) -> int:
    """Fill in the box and the number of each cell that holds points; return how many."""
    n = points.shape[0]
    used = 0
    for cell in range(start.size - 1):
        if start[cell] == start[cell + 1]:
            continue
        for axis in range(3):
            boxes[used, axis] = np.inf
            boxes[used, 3 + axis] = -np.inf
        for i in range(start[cell], start[cell + 1]):
            for axis in range(3):
                value = points[order[n + i], axis]
                boxes[used, axis] = min(boxes[used, axis], value)
                boxes[used, 3 + axis] = max(boxes[used, 3 + axis], value)
        boxes[used, 6] = cell
        used += 1
    return used


@inner
def _reach_of(boxes: Floats2, first: int, second: int) -> float:
    """Return the largest squared distance that points of two boxes can have."""
    total = 0.0
    for axis in range(3):
        along = max(
            boxes[first, 3 + axis] - boxes[second, axis],
            boxes[second, 3 + axis] - boxes[first, axis],
        )
        total += along * along
    # A slack for rounding: the sums of coordinates may differ by some last digits.
    return total * (1.0 + 1e-12)
