# Runs of equal grey levels along a direction.


def count_runs(
    const uint16_t[:, :, ::1] ranks not None,
    const int64_t[:, :, ::1] ends not None,
    const int64_t[:, ::1] steps not None,
    uint16_t[:, :, ::1] lengths not None,
    int64_t longest,
    int32_t[:, ::1] counts not None,
):
    """Count the runs of equal levels along several directions.

    Parameters
    ----------
    ranks, ends
        As for pairs.
    steps : ndarray, shape (k, 3)
        z, y, x, each to a voxel that lies behind in the array.
    lengths : ndarray of uint16, shape (z, y, x)
        Work space.
    longest : int
        No run is longer.
    counts : ndarray of int32, shape (k, (g + 1) (longest + 1))
        By rank and length; changed in place. What is counted at length 0 or rank 0
        means nothing.
    """
    cdef int64_t z, y, x, k, n, step, start
    cdef int64_t height = ranks.shape[1], width = ranks.shape[2], across = longest + 1
    cdef const uint16_t *own
    cdef uint16_t *length
    cdef int32_t *table
    cdef bint fits = is_lattice(ranks, ends) and steps.shape[1] == 3 and longest >= 0
    for axis in range(3):
        fits = fits and lengths.shape[axis] == ranks.shape[axis]
    require(
        fits and counts.shape[0] == steps.shape[0] and counts.shape[1] % across == 0,
        "count_runs",
    )
    with nogil:
        for k in range(steps.shape[0]):
            table = &counts[k, 0]
            step = (steps[k, 0] * height + steps[k, 1]) * width + steps[k, 2]
            for z in range(ends.shape[0]):
                for y in range(ends.shape[1]):
                    if ends[z, y, 1] == 0:
                        continue
                    start = ends[z, y, 0]
                    n = ends[z, y, 1] - start
                    own = &ranks[z, y, start]
                    length = &lengths[z, y, start]
                    if steps[k, 0] == 0 and steps[k, 1] == 0:
                        go_on_in_row(own, own - step, n, length)
                    else:
                        go_on(own, own - step, length - step, n, length)
                    # No branch: to mispredict one costs more than the rest of the loop.
                    for x in range(n):
                        table[own[x] * across + length[x]] += own[x + step] != own[x]


cdef inline void go_on(
    const uint16_t *own,
    const uint16_t *before,
    const uint16_t *reached,
    int64_t n,
    uint16_t *length,
) noexcept nogil:
    """Continue the runs of another row; what lies outside the region has length 1."""
    cdef int64_t x
    for x in range(n):
        length[x] = reached[x] * ((before[x] == own[x]) & (own[x] > 0)) + 1


cdef inline void go_on_in_row(
    const uint16_t *own, const uint16_t *before, int64_t n, uint16_t *length
) noexcept nogil:
    cdef int64_t x
    cdef uint16_t reached = 0
    for x in range(n):
        reached = reached * (before[x] == own[x]) + 1
        length[x] = reached


def has_pair(
    const uint16_t[:, :, ::1] ranks not None,
    const int64_t[:, :, ::1] ends not None,
    const int64_t[::1] step not None,
):
    """Tell whether two voxels of the region are neighbours in a direction.

    Parameters
    ----------
    ranks, ends
        As for pairs.
    step : ndarray, shape (3,)
        z, y, x.
    """
    cdef bint found
    require(is_lattice(ranks, ends) and step.shape[0] == 3, "has_pair")
    with nogil:
        found = find_pair(ranks, ends, step[0], step[1], step[2])
    return found


cdef bint find_pair(
    const uint16_t[:, :, ::1] ranks, const int64_t[:, :, ::1] ends, int64_t dz, int64_t dy, int64_t dx
) noexcept nogil:
    cdef int64_t z, y, x
    for z in range(ends.shape[0]):
        for y in range(ends.shape[1]):
            for x in range(ends[z, y, 0], ends[z, y, 1]):
                if ranks[z, y, x] > 0 and ranks[z + dz, y + dy, x + dx] > 0:
                    return True
    return False
