# Sums over the values of a region.
#
# Sums run in eight lanes and in blocks: they become SIMD, keep their order, and round
# less than one long sum.

cdef enum:
    SUMMED = 8  # values that are added side by side (the step of the loops, which is a literal)
    BLOCK = 1024  # values whose sums are added up before the next begin


cdef inline void clear(double *lanes) noexcept nogil:
    cdef int lane
    for lane in range(SUMMED):
        lanes[lane] = 0.0


cdef inline void fold(double *lanes, double *total) noexcept nogil:
    """Add the lanes of a block to a sum, and empty them."""
    cdef int lane
    for lane in range(SUMMED):
        total[0] += lanes[lane]
    clear(lanes)


def sum_up(const double[::1] values not None):
    """Return the sum and the sum of squares.

    Parameters
    ----------
    values : ndarray, shape (n,)
    """
    cdef double[SUMMED] sums
    cdef double[SUMMED] squares
    cdef double total = 0.0, square = 0.0, value
    cdef int64_t block, start, first, place, stop, n = values.shape[0]
    cdef int lane
    clear(sums)
    clear(squares)
    with nogil:
        for block in range((n + BLOCK - 1) // BLOCK):
            start = block * BLOCK
            stop = min(start + BLOCK, n)
            for first in range(start, stop - SUMMED + 1, 8):
                for lane in range(SUMMED):
                    value = values[first + lane]
                    sums[lane] += value
                    squares[lane] += value * value
            for place in range(stop - (stop - start) % SUMMED, stop):
                value = values[place]
                sums[0] += value
                squares[0] += value * value
            fold(sums, &total)
            fold(squares, &square)
    return total, square


def sum_deviations(const double[::1] values not None, double mean, double median):
    """Return sums of deviations.

    Parameters
    ----------
    values : ndarray, shape (n,)
    mean, median : float

    Returns
    -------
    tuple of float
        Sums of the square of the deviation from the mean, its third and fourth power, its
        magnitude, and the magnitude of the deviation from the median.
    """
    cdef double[SUMMED] seconds
    cdef double[SUMMED] thirds
    cdef double[SUMMED] fourths
    cdef double[SUMMED] sizes
    cdef double[SUMMED] others
    cdef double second = 0.0, third = 0.0, fourth = 0.0, size = 0.0, other = 0.0
    cdef double d, square
    cdef int64_t block, start, first, place, stop, n = values.shape[0]
    cdef int lane
    clear(seconds)
    clear(thirds)
    clear(fourths)
    clear(sizes)
    clear(others)
    with nogil:
        for block in range((n + BLOCK - 1) // BLOCK):
            start = block * BLOCK
            stop = min(start + BLOCK, n)
            for first in range(start, stop - SUMMED + 1, 8):
                for lane in range(SUMMED):
                    d = values[first + lane] - mean
                    square = d * d
                    seconds[lane] += square
                    thirds[lane] += square * d
                    fourths[lane] += square * square
                    sizes[lane] += fabs(d)
                    others[lane] += fabs(values[first + lane] - median)
            for place in range(stop - (stop - start) % SUMMED, stop):
                d = values[place] - mean
                square = d * d
                seconds[0] += square
                thirds[0] += square * d
                fourths[0] += square * square
                sizes[0] += fabs(d)
                others[0] += fabs(values[place] - median)
            fold(seconds, &second)
            fold(thirds, &third)
            fold(fourths, &fourth)
            fold(sizes, &size)
            fold(others, &other)
    return second, third, fourth, size, other


def sum_between(const double[::1] values not None, double low, double high, double centre):
    """Return sums over the values between two bounds, which count as between.

    Parameters
    ----------
    values : ndarray, shape (n,)
    low, high, centre : float

    Returns
    -------
    tuple of float
        Number, sum, and sum of the distances from the centre.
    """
    cdef double[SUMMED] numbers
    cdef double[SUMMED] sums
    cdef double[SUMMED] distances
    cdef double number = 0.0, total = 0.0, distance = 0.0
    cdef double value, within
    cdef int64_t block, start, first, place, stop, n = values.shape[0]
    cdef int lane
    clear(numbers)
    clear(sums)
    clear(distances)
    with nogil:
        for block in range((n + BLOCK - 1) // BLOCK):
            start = block * BLOCK
            stop = min(start + BLOCK, n)
            for first in range(start, stop - SUMMED + 1, 8):
                for lane in range(SUMMED):
                    value = values[first + lane]
                    within = <double>((low <= value) & (value <= high))
                    numbers[lane] += within
                    sums[lane] += within * value
                    distances[lane] += within * fabs(value - centre)
            for place in range(stop - (stop - start) % SUMMED, stop):
                value = values[place]
                if low <= value <= high:
                    numbers[0] += 1.0
                    sums[0] += value
                    distances[0] += fabs(value - centre)
            fold(numbers, &number)
            fold(sums, &total)
            fold(distances, &distance)
    return number, total, distance
