# Recursive filters of fourth order along one axis of an image.
#
# A line is filtered forwards and backwards and goes on beyond its ends with its
# first and last value. Sums and products are taken in double precision in a fixed
# order, so that the bits are those of ITK's recursive Gaussian; the result is
# rounded to single precision as there.
#
# Where a line starts cannot be left out, however far it lies away: the influence of
# the start falls below the resolution of a double within some thirty standard
# deviations, but two recursions that differ by rounding need not meet again. From a
# width of two voxels on they often never do, and where the derivative of a constant
# region is nothing but rounding, that decides its sign.

cdef enum:
    SIDE = 16  # lines side by side: a constant, so that loops become SIMD; the step is a literal
    TWO = 32
    THREE = 48
    FOUR = 64

LANES = SIDE

ctypedef fused real:
    float
    double


def filter_double_lines(
    const double[::1] image not None,
    const int64_t[::1] shape not None,
    const int64_t[::1] steps not None,
    const double[:, ::1] coefficients not None,
    const int64_t[::1] bounds not None,
    double[:, ::1] work not None,
    float[::1] result not None,
):
    """Filter the lines of a stack of planes, once for each set of coefficients.

    Parameters
    ----------
    image : ndarray, shape (n,)
        Flat; with a fourth step it holds one stack for each set.
    shape : ndarray, shape (3,)
        Planes, length of a line (at least four), and lines in a plane.
    steps : ndarray, shape (8,)
        Flat distances, not negative, in the image between planes, along a line, between
        lines and between sets (0 where all sets filter the same image), then the same in
        the result.
    coefficients : ndarray, shape (sets, 20)
        n0 to n3, d1 to d4, m1 to m4, and the d scaled for constant ends, forwards
        and backwards.
    bounds : ndarray, shape (2,)
        Part of the lines that is kept, from and up to.
    work : ndarray, shape (3, length * LANES)
        Of any content.
    result : ndarray of float32, shape (m,)
        Flat; filled from its beginning.
    """
    filter_lines(image, shape, steps, coefficients, bounds, work, result)


def filter_single_lines(
    const float[::1] image not None,
    const int64_t[::1] shape not None,
    const int64_t[::1] steps not None,
    const double[:, ::1] coefficients not None,
    const int64_t[::1] bounds not None,
    double[:, ::1] work not None,
    float[::1] result not None,
):
    """Do the same to an image of single precision."""
    filter_lines(image, shape, steps, coefficients, bounds, work, result)


cdef int filter_lines(
    const real[::1] image,
    const int64_t[::1] shape,
    const int64_t[::1] steps,
    const double[:, ::1] coefficients,
    const int64_t[::1] bounds,
    double[:, ::1] work,
    float[::1] result,
) except -1:
    cdef int64_t plane, first, number, used, start, sets = coefficients.shape[0]
    cdef int64_t planes, length, lines
    cdef double *data
    cdef double *forwards
    cdef double *backwards
    require(
        shape.shape[0] == 3
        and steps.shape[0] == 8
        and bounds.shape[0] == 2
        and coefficients.shape[1] == 20
        and work.shape[0] == 3,
        "filter_lines",
    )
    planes, length, lines = shape[0], shape[1], shape[2]
    require(
        planes > 0
        and lines > 0
        and sets > 0
        and length >= 4
        and 0 <= bounds[0] < bounds[1] <= length
        and work.shape[1] == length * SIDE
        and last_of(steps, 0, planes, length, lines, sets) < image.shape[0]
        and last_of(steps, 4, planes, bounds[1] - bounds[0], lines, sets) < result.shape[0],
        "filter_lines",
    )
    data, forwards, backwards = &work[0, 0], &work[1, 0], &work[2, 0]
    with nogil:
        for plane in range(planes):
            for first in range(0, lines, 16):
                used = min(lines - first, <int64_t>SIDE)
                for number in range(sets):
                    if number == 0 or steps[3] != 0:
                        start = plane * steps[0] + first * steps[2] + number * steps[3]
                        gather(&image[start], length, steps[1], steps[2], used, data)
                    filter_forwards(data, &coefficients[number, 0], bounds[1], forwards)
                    filter_backwards(data, &coefficients[number, 0], bounds[0], length, backwards)
                    start = plane * steps[4] + first * steps[6] + number * steps[7]
                    start -= bounds[0] * steps[5]
                    scatter(
                        forwards,
                        backwards,
                        bounds[0],
                        bounds[1],
                        &result[0] + start,
                        steps[5],
                        steps[6],
                        used,
                    )
    return 0


cdef int64_t last_of(
    const int64_t[::1] steps, int own, int64_t planes, int64_t length, int64_t lines, int64_t sets
) noexcept:
    """Return the flat index of the last voxel, or one that is in no array for negative steps."""
    cdef int k
    for k in range(own, own + 4):
        if steps[k] < 0:
            return INT64_MAX
    return (
        (planes - 1) * steps[own]
        + (length - 1) * steps[own + 1]
        + (lines - 1) * steps[own + 2]
        + (sets - 1) * steps[own + 3]
    )


cdef inline void gather(
    const real *image, int64_t length, int64_t along, int64_t across, int64_t used, double *data
) noexcept nogil:
    """Copy lines side by side; where lanes are left the last line fills them."""
    cdef int64_t i, k
    for i in range(length):
        if used < SIDE:
            for k in range(SIDE):
                data[k] = image[min(k, used - 1) * across]
        elif across == 1:
            for k in range(SIDE):
                data[k] = image[k]
        else:
            for k in range(SIDE):
                data[k] = image[k * across]
        image += along
        data += SIDE


cdef inline void scatter(
    const double *forwards,
    const double *backwards,
    int64_t first,
    int64_t stop,
    float *result,
    int64_t along,
    int64_t across,
    int64_t used,
) noexcept nogil:
    """Add both directions and put the part that is kept in its place."""
    cdef int64_t i, k
    cdef float *row
    cdef const double *one
    cdef const double *other
    for i in range(first, stop):
        row = result + i * along
        one = forwards + i * SIDE
        other = backwards + i * SIDE
        if across == 1 and used == SIDE:
            for k in range(SIDE):
                row[k] = <float>(one[k] + other[k])
        else:
            for k in range(used):
                row[k * across] = <float>(one[k] + other[k])


cdef void filter_forwards(
    const double *data, const double *c, int64_t stop, double *out
) noexcept nogil:
    cdef double n0 = c[0], n1 = c[1], n2 = c[2], n3 = c[3]
    cdef double d1 = c[4], d2 = c[5], d3 = c[6], d4 = c[7]
    cdef double b1 = c[12], b2 = c[13], b3 = c[14], b4 = c[15]
    cdef double x0, x1, x2, x3, y0, y1, y2, y3, given, known
    cdef const double *x
    cdef double *y
    cdef int64_t i, k
    for k in range(SIDE):
        x0, x1, x2, x3 = data[k], data[SIDE + k], data[TWO + k], data[THREE + k]
        y0 = (x0 * n0 + x0 * n1 + x0 * n2 + x0 * n3) - (x0 * b1 + x0 * b2 + x0 * b3 + x0 * b4)
        y1 = (x1 * n0 + x0 * n1 + x0 * n2 + x0 * n3) - (y0 * d1 + x0 * b2 + x0 * b3 + x0 * b4)
        y2 = (x2 * n0 + x1 * n1 + x0 * n2 + x0 * n3) - (y1 * d1 + y0 * d2 + x0 * b3 + x0 * b4)
        y3 = (x3 * n0 + x2 * n1 + x1 * n2 + x0 * n3) - (y2 * d1 + y1 * d2 + y0 * d3 + x0 * b4)
        out[k], out[SIDE + k], out[TWO + k], out[THREE + k] = y0, y1, y2, y3
    for i in range(4, stop):
        x = data + i * SIDE
        y = out + i * SIDE
        for k in range(SIDE):
            given = x[k] * n0 + x[k - SIDE] * n1 + x[k - TWO] * n2 + x[k - THREE] * n3
            known = y[k - SIDE] * d1 + y[k - TWO] * d2 + y[k - THREE] * d3 + y[k - FOUR] * d4
            y[k] = given - known


cdef void filter_backwards(
    const double *data, const double *c, int64_t first, int64_t length, double *out
) noexcept nogil:
    cdef double m1 = c[8], m2 = c[9], m3 = c[10], m4 = c[11]
    cdef double d1 = c[4], d2 = c[5], d3 = c[6], d4 = c[7]
    cdef double b1 = c[16], b2 = c[17], b3 = c[18], b4 = c[19]
    cdef double x0, x1, x2, y0, y1, y2, y3, given, known
    cdef const double *x = data + (length - 1) * SIDE
    cdef double *y = out + (length - 1) * SIDE
    cdef int64_t i, k
    for k in range(SIDE):
        x0, x1, x2 = x[k], x[k - SIDE], x[k - TWO]
        y0 = (x0 * m1 + x0 * m2 + x0 * m3 + x0 * m4) - (x0 * b1 + x0 * b2 + x0 * b3 + x0 * b4)
        y1 = (x0 * m1 + x0 * m2 + x0 * m3 + x0 * m4) - (y0 * d1 + x0 * b2 + x0 * b3 + x0 * b4)
        y2 = (x1 * m1 + x0 * m2 + x0 * m3 + x0 * m4) - (y1 * d1 + y0 * d2 + x0 * b3 + x0 * b4)
        y3 = (x2 * m1 + x1 * m2 + x0 * m3 + x0 * m4) - (y2 * d1 + y1 * d2 + y0 * d3 + x0 * b4)
        y[k], y[k - SIDE], y[k - TWO], y[k - THREE] = y0, y1, y2, y3
    for i in range(length - 5, first - 1, -1):
        x = data + i * SIDE
        y = out + i * SIDE
        for k in range(SIDE):
            given = x[k + SIDE] * m1 + x[k + TWO] * m2 + x[k + THREE] * m3 + x[k + FOUR] * m4
            known = y[k + SIDE] * d1 + y[k + TWO] * d2 + y[k + THREE] * d3 + y[k + FOUR] * d4
            y[k] = given - known
