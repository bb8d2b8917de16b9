# Largest distances of the vertices of a surface: in planes, and in space.
#
# Vertices lie halfway between a voxel inside and one outside, so places are whole
# numbers of half voxels. All of them are never listed: of each row in a plane only the
# ends can be farthest from another one, and of those only the corners of the hull.

ctypedef int64_t pair[2]


def hull_planes(
    mask not None,
    double row_mm,
    double column_mm,
    int64_t[:, ::1] ends not None,
    int64_t[:, ::1] columns not None,
    int64_t[:, ::1] hull not None,
    int64_t[:, ::1] corners not None,
):
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
    cdef const uint8_t[:, :, ::1] inside = bytes_of(mask, "hull_planes")
    cdef int64_t planes = inside.shape[0], rows = inside.shape[1], width = inside.shape[2]
    cdef int64_t plane, a, b, size, number = 0
    cdef pair *end
    cdef pair *corner
    cdef double u, v, widest = 0.0
    cdef bint found
    require(
        planes > 0
        and rows > 0
        and width > 0
        and ends.shape[0] == 2 * rows + 1
        and columns.shape[0] == width
        and hull.shape[0] == 4 * rows + 6
        and corners.shape[0] == 1 + (2 * planes + 1) * (4 * rows + 2)
        and ends.shape[1] == columns.shape[1] == hull.shape[1] == 2
        and corners.shape[1] == 3,
        "hull_planes",
    )
    end = <pair *>&ends[0, 0]
    corner = <pair *>&hull[0, 0]
    with nogil:
        for plane in range(-1, 2 * planes):
            if plane & 1:
                found = ends_between(inside, (plane - 1) // 2, end)
            else:
                found = ends_in_plane(inside, plane // 2, end, <pair *>&columns[0, 0])
            if not found:
                continue
            size = hull_of(end, 2 * rows + 1, corner)
            for a in range(size):
                number += 1
                corners[number, 0] = plane
                corners[number, 1] = corner[a][0] - 1
                corners[number, 2] = corner[a][1]
                for b in range(a + 1, size):
                    u = (corner[a][0] - corner[b][0]) * 0.5 * row_mm
                    v = (corner[a][1] - corner[b][1]) * 0.5 * column_mm
                    widest = max(widest, u * u + v * v)
        corners[0, 0] = number
    return widest


cdef inline void reach(pair *ends, int64_t row, int64_t place) noexcept nogil:
    ends[row][0] = min(ends[row][0], place)
    ends[row][1] = max(ends[row][1], place)


cdef inline void empty(pair *ends, int64_t number) noexcept nogil:
    cdef int64_t row
    for row in range(number):
        ends[row][0] = INT64_MAX
        ends[row][1] = INT64_MIN


cdef bint ends_in_plane(
    const uint8_t[:, :, ::1] mask, int64_t plane, pair *ends, pair *columns
) noexcept nogil:
    """Find the ends of rows and columns of a plane of voxels; row k stands at 2 k + 1."""
    cdef int64_t row, column, first, last, width = mask.shape[2]
    cdef const uint8_t *line
    cdef bint found = False
    empty(ends, 2 * mask.shape[1] + 1)
    for column in range(width):
        columns[column][0] = -1
    for row in range(mask.shape[1]):
        line = &mask[plane, row, 0]
        first = 0
        while first < width and not line[first]:
            first += 1
        if first == width:
            continue
        found = True
        last = width - 1
        while not line[last]:
            last -= 1
        ends[2 * row + 1][0] = 2 * first - 1
        ends[2 * row + 1][1] = 2 * last + 1
        for column in range(first, last + 1):
            if line[column]:
                columns[column][1] = row
                if columns[column][0] < 0:
                    columns[column][0] = row
    for column in range(width):
        if columns[column][0] >= 0:
            reach(ends, 2 * columns[column][0], 2 * column)
            reach(ends, 2 * columns[column][1] + 2, 2 * column)
    return found


cdef bint ends_between(const uint8_t[:, :, ::1] mask, int64_t plane, pair *ends) noexcept nogil:
    """Find the ends of the rows of what differs between a plane and the next one."""
    cdef int64_t row, column, first, last
    cdef int64_t planes = mask.shape[0], width = mask.shape[2]
    cdef const uint8_t *here
    cdef const uint8_t *there
    # Beyond the first and the last plane nothing is inside. Both are the same plane there:
    # what is inside counts.
    cdef int outside = plane < 0 or plane + 1 == planes
    cdef int different
    cdef bint found = False
    empty(ends, 2 * mask.shape[1] + 1)
    for row in range(mask.shape[1]):
        here = &mask[max(plane, 0), row, 0]
        there = &mask[min(plane + 1, planes - 1), row, 0]
        different = 0
        for column in range(width):
            different |= (here[column] ^ there[column]) | (outside & here[column])
        if different == 0:
            continue
        found = True
        first = 0
        while not ((here[first] ^ there[first]) | (outside & here[first])):
            first += 1
        last = width - 1
        while not ((here[last] ^ there[last]) | (outside & here[last])):
            last -= 1
        ends[2 * row + 1][0] = 2 * first
        ends[2 * row + 1][1] = 2 * last
    return found


cdef int64_t hull_of(pair *ends, int64_t number, pair *hull) noexcept nogil:
    """Fill in the corners of the hull of the ends of rows by monotone chains (Andrew 1979)."""
    cdef int64_t size = chain(ends, number, 0, 1, hull, 0, 0)
    if size > 1:
        # The other chain begins where this one ends, and ends where it began.
        size = chain(ends, number, number - 1, -1, hull, size - 1, 1)
        if hull[size - 1][0] == hull[0][0] and hull[size - 1][1] == hull[0][1]:
            size -= 1
    return size


cdef int64_t chain(
    pair *ends, int64_t number, int64_t row, int64_t step, pair *hull, int64_t base, int turned
) noexcept nogil:
    cdef int64_t place, u, v, size = base
    cdef int k
    while 0 <= row < number:
        if ends[row][0] <= ends[row][1]:
            for k in range(2):
                if k == 1 and ends[row][0] == ends[row][1]:
                    continue
                place = ends[row][k ^ turned]
                while size >= base + 2:
                    u = hull[size - 1][0] - hull[size - 2][0]
                    v = hull[size - 1][1] - hull[size - 2][1]
                    if u * (place - hull[size - 1][1]) - v * (row - hull[size - 1][0]) > 0:
                        break
                    size -= 1
                hull[size][0] = row
                hull[size][1] = place
                size += 1
        row += step
    return size


ctypedef double point[3]
ctypedef double box[7]


def farthest_squared(
    const double[:, ::1] points not None,
    int64_t cells,
    const double[::1] low not None,
    const double[::1] scale not None,
    int64_t[::1] start not None,
    int64_t[::1] order not None,
    double[:, ::1] boxes not None,
):
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
    cdef int64_t n = points.shape[0]
    require(
        n > 0
        and points.shape[1] == 3
        and 0 < cells <= 1024
        and low.shape[0] == scale.shape[0] == 3
        and start.shape[0] == cells * cells * cells + 1
        and order.shape[0] == 2 * n
        and boxes.shape[0] == cells * cells * cells
        and boxes.shape[1] == 7,
        "farthest_squared",
    )
    cdef const point *place = <const point *>&points[0, 0]
    cdef box *bounds = <box *>&boxes[0, 0]
    cdef int64_t first, second, one, other, i, j, used
    cdef double best
    with nogil:
        sort_into_cells(place, n, cells, &low[0], &scale[0], start, &order[0])
        used = boxes_of(place, n, start, &order[0], bounds)
        # The farthest from any point, and so on, is near the answer.
        one = farthest_from(place, n, 0)
        best = squared(place[one], place[farthest_from(place, n, one)])
        for first in range(used):
            for second in range(first, used):
                if reach_of(bounds[first], bounds[second]) <= best:
                    continue
                one = <int64_t>bounds[first][6]
                other = <int64_t>bounds[second][6]
                for i in range(start[one], start[one + 1]):
                    for j in range(start[other], start[other + 1]):
                        best = max(best, squared(place[order[n + i]], place[order[n + j]]))
    return best


cdef inline double squared(const double *a, const double *b) noexcept nogil:
    cdef double z = a[0] - b[0], y = a[1] - b[1], x = a[2] - b[2]
    return z * z + y * y + x * x


cdef int64_t farthest_from(const point *points, int64_t n, int64_t a) noexcept nogil:
    cdef int64_t b, best = a
    cdef double distance, far = 0.0
    for b in range(n):
        distance = squared(points[a], points[b])
        if distance > far:
            best = b
            far = distance
    return best


cdef void sort_into_cells(
    const point *points,
    int64_t n,
    int64_t cells,
    const double *low,
    const double *scale,
    int64_t[::1] start,
    int64_t *order,
) noexcept nogil:
    cdef int64_t k, cell
    cdef int axis
    for k in range(n):
        cell = 0
        for axis in range(3):
            cell = cell * cells + min(
                <int64_t>((points[k][axis] - low[axis]) * scale[axis]), cells - 1
            )
        order[k] = cell
        start[cell + 1] += 1
    for cell in range(start.shape[0] - 1):
        start[cell + 1] += start[cell]
    for k in range(n):
        cell = order[k]
        order[n + start[cell]] = k
        start[cell] += 1
    for cell in range(start.shape[0] - 1, 0, -1):
        start[cell] = start[cell - 1]
    start[0] = 0


cdef int64_t boxes_of(
    const point *points, int64_t n, int64_t[::1] start, const int64_t *order, box *boxes
) noexcept nogil:
    """Fill in the box and the number of each cell that holds points; return how many."""
    cdef int64_t cell, i, used = 0
    cdef int axis
    cdef double value
    for cell in range(start.shape[0] - 1):
        if start[cell] == start[cell + 1]:
            continue
        for axis in range(3):
            boxes[used][axis] = INFINITY
            boxes[used][3 + axis] = -INFINITY
        for i in range(start[cell], start[cell + 1]):
            for axis in range(3):
                value = points[order[n + i]][axis]
                boxes[used][axis] = min(boxes[used][axis], value)
                boxes[used][3 + axis] = max(boxes[used][3 + axis], value)
        boxes[used][6] = cell
        used += 1
    return used


cdef inline double reach_of(const double *first, const double *second) noexcept nogil:
    """Return the largest squared distance that points of two boxes can have."""
    cdef double along, total = 0.0
    cdef int axis
    for axis in range(3):
        along = max(first[3 + axis] - second[axis], second[3 + axis] - first[axis])
        total += along * along
    # A slack for rounding: the sums of coordinates may differ by some last digits.
    return total * (1.0 + 1e-12)
