# Grey levels from bin edges.


def levels_between(
    const double[::1] values not None, const double[::1] edges not None, int64_t[::1] levels not None
):
    """Count for each value the edges that it reaches.

    A guess as if the edges had equal steps is corrected against the edges
    themselves: their rounding decides the level of a value that lies on one.

    Parameters
    ----------
    values : ndarray, shape (n,)
        Finite.
    edges : ndarray, shape (k,)
        Rising, at least two.
    levels : ndarray, shape (n,)
        Filled.
    """
    cdef int64_t index, reached, last = edges.shape[0] - 1
    cdef double value, place, lowest, scale
    require(last > 0 and levels.shape[0] == values.shape[0], "levels_between")
    with nogil:
        lowest = edges[0]
        scale = last / (edges[last] - lowest)
        for index in range(values.shape[0]):
            value = values[index]
            place = (value - lowest) * scale
            # What is not a number is below all edges.
            reached = last if place > last else <int64_t>place if place > -1.0 else -1
            while reached < last and value >= edges[reached + 1]:
                reached += 1
            while reached >= 0 and value < edges[reached]:
                reached -= 1
            levels[index] = reached + 1
