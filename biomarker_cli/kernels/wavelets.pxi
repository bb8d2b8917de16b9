# Convolution with the taps of a wavelet, in the order of summation of PyWavelets.


def convolve_rows(
    const double[:, :, ::1] source not None,
    const double[::1] taps not None,
    const int64_t[::1] wrapped not None,
    double[:, :, ::1] result not None,
):
    """Convolve along the middle axis; the inner loop runs along the last one.

    Parameters
    ----------
    source : ndarray, shape (a, n + taps - 1, c)
    taps : ndarray, shape (taps,)
        The first one meets the last voxel.
    wrapped : ndarray, shape (n,)
        How many of the first taps reach beyond the end of the image: PyWavelets adds
        these up first, from the last to the first.
    result : ndarray, shape (a, n, c)
        Filled.
    """
    cdef int64_t a, i, last = taps.shape[0] - 1, size = result.shape[2]
    require(
        last >= 0
        and source.shape[0] == result.shape[0]
        and source.shape[1] == result.shape[1] + last
        and source.shape[2] == size
        and wrapped.shape[0] == result.shape[1],
        "convolve_rows",
    )
    if size == 0:
        return
    with nogil:
        for a in range(result.shape[0]):
            for i in range(result.shape[1]):
                convolve(&source[a, i, 0], size, taps, wrapped[i], size, &result[a, i, 0])


cdef enum:
    TOGETHER = 16  # voxels that are convolved side by side (the step of the loop, a literal)


cdef inline void convolve(
    const double *source,
    int64_t apart,
    const double[::1] taps,
    int64_t turned,
    int64_t size,
    double *result,
) noexcept nogil:
    """Convolve voxels side by side; what the taps meet lies `apart` from tap to tap."""
    cdef int64_t start, k, number, tap, last = taps.shape[0] - 1
    cdef const double *given
    cdef double factor
    cdef double[TOGETHER] totals
    for start in range(0, size - TOGETHER + 1, 16):
        for k in range(TOGETHER):
            totals[k] = 0.0
        for number in range(last + 1):
            tap = turned - 1 - number if number < turned else number
            factor = taps[tap]
            given = source + (last - tap) * apart + start
            for k in range(TOGETHER):
                totals[k] += factor * given[k]
        for k in range(TOGETHER):
            result[start + k] = totals[k]
    for start in range(size - size % TOGETHER, size):
        totals[0] = 0.0
        for number in range(last + 1):
            tap = turned - 1 - number if number < turned else number
            totals[0] += taps[tap] * source[(last - tap) * apart + start]
        result[start] = totals[0]


def convolve_lines(
    const double[:, ::1] source not None,
    const double[::1] taps not None,
    const int64_t[::1] wrapped not None,
    double[:, ::1] result not None,
):
    """Convolve along the last axis.

    Parameters
    ----------
    source : ndarray, shape (a, n + taps - 1)
    taps, wrapped
        As for rows.
    result : ndarray, shape (a, n)
        Filled.
    """
    cdef int64_t a, k, turned = 0, last = taps.shape[0] - 1, size = result.shape[1]
    require(
        last >= 0
        and source.shape[0] == result.shape[0]
        and source.shape[1] == size + last
        and wrapped.shape[0] == size,
        "convolve_lines",
    )
    if size == 0:
        return
    with nogil:
        while turned < size and wrapped[turned] <= 1:
            turned += 1
        for a in range(result.shape[0]):
            convolve(&source[a, 0], 1, taps, 0, size, &result[a, 0])
            for k in range(turned, size):
                if wrapped[k] > 1:
                    convolve(&source[a, k], 1, taps, wrapped[k], 1, &result[a, k])
