# Means over a sphere around each voxel.


def average_rows(
    const double[:, :, ::1] sums not None,
    const double[:, :, ::1] known not None,
    mask not None,
    const int64_t[:, ::1] rows not None,
    const int64_t[::1] reach not None,
    double[:, ::1] work not None,
    double[:, :, ::1] means not None,
):
    """Fill in the mean of the image over rows of voxels around each voxel of a region.

    Parameters
    ----------
    sums : ndarray, shape (z + 2 reach, y + 2 reach, x + 2 reach + 1)
        Sums of each row of the image up to and with each voxel, with one voxel more before
        it than behind it; what is not known counts 0.
    known : ndarray
        The same of ones where the image is known.
    mask : ndarray of bool, shape (z, y, x)
    rows : ndarray, shape (n, 3)
        Step in z, step in y, and how far the row reaches to both sides.
    reach : ndarray, shape (3,)
        Voxels around the image.
    work : ndarray, shape (2, x)
        Work space.
    means : ndarray, shape (z, y, x)
        Filled in rows that hold voxels of the region.
    """
    cdef const uint8_t[:, :, ::1] inside = bytes_of(mask, "average_rows")
    cdef int64_t z, y, x, first, behind, size
    cdef bint fits = rows.shape[1] == 3 and reach.shape[0] == 3 and work.shape[0] == 2
    require(fits, "average_rows")
    for axis in range(3):
        fits = (
            fits
            and means.shape[axis] == inside.shape[axis]
            and sums.shape[axis] == inside.shape[axis] + 2 * reach[axis] + (axis == 2)
            and known.shape[axis] == sums.shape[axis]
        )
    require(fits and work.shape[1] == inside.shape[2], "average_rows")
    with nogil:
        for z in range(inside.shape[0]):
            for y in range(inside.shape[1]):
                first = inside.shape[2]
                behind = 0
                for x in range(inside.shape[2]):
                    if inside[z, y, x]:
                        first = min(first, x)
                        behind = x + 1
                if behind == 0:
                    continue
                size = behind - first
                sum_rows(sums, z, y, first, rows, reach, size, &work[0, 0])
                sum_rows(known, z, y, first, rows, reach, size, &work[1, 0])
                for x in range(size):
                    means[z, y, first + x] = work[0, x] / work[1, x]


cdef void sum_rows(
    const double[:, :, ::1] sums,
    int64_t z,
    int64_t y,
    int64_t first,
    const int64_t[:, ::1] rows,
    const int64_t[::1] reach,
    int64_t size,
    double *found,
) noexcept nogil:
    cdef const double *origin = &sums[z + reach[0], y + reach[1], first + reach[2]]
    cdef int64_t height = sums.shape[1], width = sums.shape[2], number = rows.shape[0]
    cdef const double *a
    cdef const double *b
    cdef int64_t k, x, n, m
    for x in range(size):
        found[x] = 0.0
    # Two rows at a time: sums are read and written half as often, in the same order.
    for k in range(0, number - 1, 2):
        a = origin + (rows[k, 0] * height + rows[k, 1]) * width
        b = origin + (rows[k + 1, 0] * height + rows[k + 1, 1]) * width
        n = rows[k, 2]
        m = rows[k + 1, 2]
        for x in range(size):
            found[x] = (found[x] + (a[x + n + 1] - a[x - n])) + (b[x + m + 1] - b[x - m])
    if number % 2:
        a = origin + (rows[number - 1, 0] * height + rows[number - 1, 1]) * width
        n = rows[number - 1, 2]
        for x in range(size):
            found[x] += a[x + n + 1] - a[x - n]
