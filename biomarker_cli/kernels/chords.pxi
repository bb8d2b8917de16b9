# The longest lines between corners of a 0.5 contour that leave it nowhere.
#
# Corners lie half-way between a pixel inside and one outside: places are whole numbers of
# half pixels, and whether a line is inside is decided in whole numbers.


def longest_inside(
    mask not None,
    const int64_t[:, ::1] corners not None,
    double row_mm,
    double column_mm,
    double at_least,
    int64_t[:, ::1] found not None,
):
    """Return the largest squared distance of two corners with all between inside, and how many.

    Parameters
    ----------
    mask : ndarray of bool, shape (1, r, c)
        One plane, with a border of pixels outside.
    corners : ndarray, shape (n, 2)
        Row and column in half pixels of the plane.
    row_mm, column_mm : float
        Distance of rows, and of columns.
    at_least : float
        Squared length below which none is looked for.
    found : ndarray, shape (k, 4)
        Filled with the ends of those that are longest but for rounding, k at most.
    """
    cdef const uint8_t[:, :, ::1] inside = bytes_of(mask, "longest_inside")
    cdef int64_t rows = inside.shape[1], width = inside.shape[2], n = corners.shape[0]
    cdef int64_t i, j, number = 0
    cdef double u, v, squared, best = at_least, slack = 1e-12
    require(
        inside.shape[0] == 1
        and rows > 1
        and width > 1
        and n > 0
        and corners.shape[1] == 2
        and found.shape[0] > 0
        and found.shape[1] == 4,
        "longest_inside",
    )
    for i in range(n):
        require(
            0 < corners[i, 0] < 2 * rows - 2 and 0 < corners[i, 1] < 2 * width - 2, "longest_inside"
        )
    with nogil:
        for i in range(n):
            for j in range(i + 1, n):
                u = (corners[i, 0] - corners[j, 0]) * (0.5 * row_mm)
                v = (corners[i, 1] - corners[j, 1]) * (0.5 * column_mm)
                squared = u * u + v * v
                if squared < best * (1.0 - slack):
                    continue
                if not line_inside(&inside[0, 0, 0], width, &corners[i, 0], &corners[j, 0]):
                    continue
                if squared > best * (1.0 + slack):
                    number = 0
                best = max(best, squared)
                if number < found.shape[0]:
                    found[number, 0] = corners[i, 0]
                    found[number, 1] = corners[i, 1]
                    found[number, 2] = corners[j, 0]
                    found[number, 3] = corners[j, 1]
                    number += 1
    return best, number


cdef bint line_inside(
    const uint8_t *plane, int64_t width, const int64_t *start, const int64_t *stop
) noexcept nogil:
    """Tell whether a line is inside wherever it crosses a row or a column of pixel centres.

    What is inside of four neighbouring centres is convex: it is inside everywhere then.
    """
    return crosses_inside(
        plane, width, 1, start[0], start[1], stop[0], stop[1]
    ) and crosses_inside(plane, 1, width, start[1], start[0], stop[1], stop[0])


cdef bint crosses_inside(
    const uint8_t *plane,
    int64_t stride,
    int64_t across,
    int64_t from_line,
    int64_t from_place,
    int64_t to_line,
    int64_t to_place,
) noexcept nogil:
    """Tell whether a line is inside at the lines of centres of one axis."""
    cdef int64_t run, rise, first, last, middle, k, t, place, rest, below
    cdef bint here, there
    if from_line == to_line:
        return True
    if from_line > to_line:
        from_line, to_line = to_line, from_line
        from_place, to_place = to_place, from_place
    run = to_line - from_line
    rise = to_place - from_place
    first, last = (from_line + 1) // 2, to_line // 2
    middle = (first + last) // 2
    # From the middle on: a line over a concavity is outside there before elsewhere.
    for t in range(last - first + 1):
        k = middle + t
        if k > last:
            k = first + (k - last) - 1
        place = from_place * run + (2 * k - from_line) * rise
        below = place // (2 * run)
        rest = place - below * 2 * run
        here = plane[k * stride + below * across]
        if rest == 0:
            if not here:
                return False
            continue
        there = plane[k * stride + (below + 1) * across]
        if not (here and there or here and rest <= run or there and rest >= run):
            return False
    return True
