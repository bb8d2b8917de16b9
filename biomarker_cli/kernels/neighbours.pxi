# Grey level differences and dependences between a voxel and its neighbours.


def visit_neighbours(
    const uint16_t[:, :, ::1] ranks not None,
    const int32_t[:, :, ::1] greys not None,
    const int64_t[:, :, ::1] ends not None,
    const int64_t[:, ::1] steps not None,
    int32_t alpha,
    int32_t[:, ::1] row not None,
    double[:, ::1] tones not None,
    int64_t[:, ::1] dependence not None,
):
    """Compare each voxel with all its neighbours inside.

    Parameters
    ----------
    ranks, ends
        As for pairs.
    greys : ndarray of int32, shape (z, y, x)
        Grey levels, 0 outside.
    steps : ndarray, shape (k, 3)
        To all neighbours: z, y, x.
    alpha : int
        Largest difference that counts as dependent.
    row : ndarray of int32, shape (3, x)
        Work space.
    tones : ndarray, shape (2, g + 1)
        Of zeros; filled by rank: voxels with a neighbour, and their summed differences
        from the mean of the neighbours.
    dependence : ndarray, shape (g + 1, k + 1)
        Of zeros; filled: voxels by rank and number of dependent neighbours.
    """
    cdef int64_t z, y, x, k, n, start, step
    cdef int64_t height = ranks.shape[1], width = ranks.shape[2]
    cdef const int32_t *own
    cdef int32_t *total
    cdef int32_t *count
    cdef int32_t *dependent
    cdef uint16_t rank
    cdef double mean
    cdef bint fits = is_lattice(ranks, ends) and steps.shape[1] == 3 and row.shape[0] == 3
    for axis in range(3):
        fits = fits and greys.shape[axis] == ranks.shape[axis]
    require(
        fits
        and row.shape[1] == width
        and tones.shape[0] == 2
        and dependence.shape[0] == tones.shape[1]
        and dependence.shape[1] == steps.shape[0] + 1,
        "visit_neighbours",
    )
    if width == 0:
        return
    total, count, dependent = &row[0, 0], &row[1, 0], &row[2, 0]
    with nogil:
        for z in range(ends.shape[0]):
            for y in range(ends.shape[1]):
                if ends[z, y, 1] == 0:
                    continue
                start = ends[z, y, 0]
                n = ends[z, y, 1] - start
                own = &greys[z, y, start]
                for x in range(n):
                    total[x] = 0
                    count[x] = 0
                    dependent[x] = 0
                for k in range(steps.shape[0]):
                    step = (steps[k, 0] * height + steps[k, 1]) * width + steps[k, 2]
                    compare(own, own + step, n, alpha, total, count, dependent)
                for x in range(n):
                    rank = ranks[z, y, start + x]
                    if rank == 0:
                        continue
                    dependence[rank, dependent[x]] += 1
                    if count[x] > 0:
                        tones[0, rank] += 1.0
                        mean = <double>total[x] / <double>count[x]
                        tones[1, rank] += fabs(<double>own[x] - mean)


cdef inline void compare(
    const int32_t *own,
    const int32_t *beside,
    int64_t n,
    int32_t alpha,
    int32_t *total,
    int32_t *count,
    int32_t *dependent,
) noexcept nogil:
    """Add a neighbour of each voxel of a row to the sums, and count those within alpha."""
    cdef int64_t x
    cdef int32_t inside
    for x in range(n):
        inside = beside[x] > 0
        total[x] += beside[x]
        count[x] += inside
        dependent[x] += inside & (absolute(beside[x] - own[x]) <= alpha)
