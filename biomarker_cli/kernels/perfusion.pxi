# Tracer kinetics: exact convolution with an exponential, and the fit of one exchange rate.
#
# The curve of the plasma is linear between its points, so the integral over each interval is
# known in closed form, also for uneven intervals. A fit has one rate (kep) that is not linear:
# it is searched over a grid and refined by golden sections; Ktrans and vp are then the least
# squares solution within their bounds. There is no start value, and the result does not depend
# on the other voxels.

cdef enum:
    SECTIONS = 34  # golden sections: the bracket shrinks by 1e-7


cdef void convolve_at_rate(
    const double *times, const double *plasma, int64_t n, double rate, double *out
) noexcept nogil:
    """Integrate plasma(u) exp(-rate (t - u)) from the first time to each one."""
    cdef int64_t k
    cdef double step = -1.0, gap, x, decay = 0.0, before = 0.0, after = 0.0, mean, total = 0.0
    out[0] = 0.0
    for k in range(1, n):
        gap = times[k] - times[k - 1]
        if fabs(gap - step) > 1e-9 * gap:
            step = gap
            x = rate * gap
            decay = exp(-x)
            if x < 1e-3:
                mean = 1.0 - x / 2.0 + x * x / 6.0 - x * x * x / 24.0
                after = 0.5 - x / 6.0 + x * x / 24.0 - x * x * x / 120.0
            else:
                mean = -expm1(-x) / x
                after = (1.0 - mean) / x
            before = (mean - after) * gap
            after = after * gap
        total = total * decay + plasma[k - 1] * before + plasma[k] * after
        out[k] = total


def convolve_exponential(
    const double[::1] times not None,
    const double[::1] plasma not None,
    double rate,
    double[::1] result not None,
):
    """Convolve a curve with an exponential.

    Parameters
    ----------
    times : ndarray, shape (n,)
        Rising.
    plasma : ndarray, shape (n,)
        Linear between the times.
    rate : float
        Per unit of the times, not negative.
    result : ndarray, shape (n,)
        Zero at the first time.
    """
    cdef int64_t n = times.shape[0]
    require(n > 0 and plasma.shape[0] == n and result.shape[0] == n, "convolve_exponential")
    with nogil:
        convolve_at_rate(&times[0], &plasma[0], n, rate, &result[0])


cdef inline double clipped(double value, double high) noexcept nogil:
    return 0.0 if not value > 0.0 else high if value > high else value


cdef struct Sums:
    double uu  # of the convolution with itself
    double up  # with the plasma
    double pp
    double uc  # with the curve
    double pc
    double cc


cdef inline double exchange_misfit(const Sums *s, double k, double v) noexcept nogil:
    return (
        s.cc
        - 2.0 * (k * s.uc + v * s.pc)
        + k * k * s.uu
        + 2.0 * k * v * s.up
        + v * v * s.pp
    )


cdef double solve_exchange(
    const Sums *s, bint with_plasma, double k_high, double v_high, double *found
) noexcept nogil:
    """Solve for Ktrans and vp within [0, high]; return the sum of squares that is left."""
    cdef double k, v, best, tried, determinant
    cdef int edge
    if not with_plasma:
        found[0] = clipped(s.uc / s.uu if s.uu > 0.0 else 0.0, k_high)
        found[1] = 0.0
        return exchange_misfit(s, found[0], 0.0)
    determinant = s.uu * s.pp - s.up * s.up
    if determinant > 1e-14 * s.uu * s.pp:
        k = (s.uc * s.pp - s.pc * s.up) / determinant
        v = (s.pc * s.uu - s.uc * s.up) / determinant
        if 0.0 <= k <= k_high and 0.0 <= v <= v_high:
            found[0], found[1] = k, v
            return exchange_misfit(s, k, v)
    best = INFINITY
    for edge in range(4):
        if edge < 2:
            k = k_high if edge == 1 else 0.0
            v = clipped((s.pc - k * s.up) / s.pp if s.pp > 0.0 else 0.0, v_high)
        else:
            v = v_high if edge == 3 else 0.0
            k = clipped((s.uc - v * s.up) / s.uu if s.uu > 0.0 else 0.0, k_high)
        tried = exchange_misfit(s, k, v)
        if tried < best:
            best = tried
            found[0], found[1] = k, v
    return best


cdef inline double highest_transfer(const double *limits, double rate) noexcept nogil:
    """Return the bound of Ktrans: its own, and that of ve = Ktrans / kep."""
    return limits[0] if rate <= 0.0 else min(limits[0], limits[1] * rate)


cdef inline double dot_product(const double *a, const double *b, int64_t n) noexcept nogil:
    cdef int64_t k
    cdef double total = 0.0
    for k in range(n):
        total += a[k] * b[k]
    return total


def fit_exchange(
    const double[::1] times not None,
    const double[::1] plasma not None,
    const int64_t[::1] frames not None,
    const double[:, ::1] curves not None,
    const double[::1] rates not None,
    const double[::1] limits not None,
    bint with_plasma,
    double[:, ::1] found not None,
):
    """Fit C = Ktrans conv(Cp, exp(-kep t)) + vp Cp to each curve.

    Parameters
    ----------
    times : ndarray, shape (m,)
        Minutes, rising.
    plasma : ndarray, shape (m,)
        Cp at these times, linear between them.
    frames : ndarray, shape (n,)
        Which of the times the curves were measured at; from 0 to m - 1.
    curves : ndarray, shape (voxels, n)
        A curve with NaN gives NaN.
    rates : ndarray, shape (g,)
        Grid of kep, 1/min, rising; one alone is taken as it is.
    limits : ndarray, shape (3,)
        Highest Ktrans, ve and vp.
    with_plasma : bool
        Whether there is a term vp Cp.
    found : ndarray, shape (voxels, 4)
        Ktrans, kep, vp and the sum of squared residuals.
    """
    cdef int64_t m = times.shape[0], n = frames.shape[0], grid = rates.shape[0]
    cdef int64_t voxels = curves.shape[0], g, k, voxel, best
    cdef double *bases
    cdef double *own
    cdef double *at
    cdef double *work
    cdef double *gram
    cdef double pair[2]
    cdef double left, lowest, rate
    cdef Sums sums
    require(
        m > 1
        and n > 1
        and grid > 0
        and plasma.shape[0] == m
        and curves.shape[1] == n
        and limits.shape[0] == 3
        and found.shape[0] == voxels
        and found.shape[1] == 4,
        "fit_exchange",
    )
    for k in range(n):
        require(0 <= frames[k] < m, "fit_exchange")
    # Bases of the grid, Cp at the frames, one basis of a voxel, a convolution, two sums a rate.
    bases = <double *>malloc((grid * n + 2 * n + m + 2 * grid) * sizeof(double))
    if bases == NULL:
        raise MemoryError()
    own = bases + grid * n
    at = own + n
    work = at + n
    gram = work + m
    with nogil:
        for k in range(n):
            at[k] = plasma[frames[k]]
        for g in range(grid):
            exchange_basis(&times[0], &plasma[0], m, &frames[0], n, rates[g], work, bases + g * n)
            gram[2 * g] = dot_product(bases + g * n, bases + g * n, n)
            gram[2 * g + 1] = dot_product(bases + g * n, at, n)
        sums.pp = dot_product(at, at, n)
        for voxel in range(voxels):
            sums.cc = dot_product(&curves[voxel, 0], &curves[voxel, 0], n)
            if not sums.cc < INFINITY:
                for k in range(4):
                    found[voxel, k] = NAN
                continue
            sums.pc = dot_product(&curves[voxel, 0], at, n)
            lowest, best = INFINITY, 0
            for g in range(grid):
                sums.uu, sums.up = gram[2 * g], gram[2 * g + 1]
                sums.uc = dot_product(&curves[voxel, 0], bases + g * n, n)
                left = solve_exchange(
                    &sums, with_plasma, highest_transfer(&limits[0], rates[g]), limits[2], pair
                )
                if left < lowest:
                    lowest, best = left, g
            rate = rates[best]
            if grid > 1:
                rate = refined_rate(
                    &times[0],
                    &plasma[0],
                    m,
                    &frames[0],
                    n,
                    &curves[voxel, 0],
                    at,
                    rates[max(best - 1, 0)],
                    rates[min(best + 1, grid - 1)],
                    &limits[0],
                    with_plasma,
                    &sums,
                    work,
                    own,
                )
            exchange_basis(&times[0], &plasma[0], m, &frames[0], n, rate, work, own)
            sums.uu, sums.up = dot_product(own, own, n), dot_product(own, at, n)
            sums.uc = dot_product(&curves[voxel, 0], own, n)
            solve_exchange(&sums, with_plasma, highest_transfer(&limits[0], rate), limits[2], pair)
            found[voxel, 0], found[voxel, 1], found[voxel, 2] = pair[0], rate, pair[1]
            left = 0.0
            for k in range(n):
                lowest = curves[voxel, k] - pair[0] * own[k] - pair[1] * at[k]
                left += lowest * lowest
            found[voxel, 3] = left
    free(bases)


cdef void exchange_basis(
    const double *times,
    const double *plasma,
    int64_t m,
    const int64_t *frames,
    int64_t n,
    double rate,
    double *work,
    double *out,
) noexcept nogil:
    """Convolve, and keep the frames."""
    cdef int64_t k
    convolve_at_rate(times, plasma, m, rate, work)
    for k in range(n):
        out[k] = work[frames[k]]


cdef double refined_rate(
    const double *times,
    const double *plasma,
    int64_t m,
    const int64_t *frames,
    int64_t n,
    const double *curve,
    const double *at,
    double low,
    double high,
    const double *limits,
    bint with_plasma,
    Sums *sums,
    double *work,
    double *own,
) noexcept nogil:
    """Search the rate between two of the grid by golden sections of its logarithm."""
    cdef double a = log(low), b = log(high), ratio = 0.6180339887498949
    cdef double x[2]
    cdef double y[2]
    cdef double pair[2]
    cdef int step, side, first = 0, stop = 2
    x[0], x[1] = b - ratio * (b - a), a + ratio * (b - a)
    for step in range(SECTIONS):
        for side in range(first, stop):
            exchange_basis(times, plasma, m, frames, n, exp(x[side]), work, own)
            sums.uu, sums.up = dot_product(own, own, n), dot_product(own, at, n)
            sums.uc = dot_product(curve, own, n)
            y[side] = solve_exchange(
                sums, with_plasma, highest_transfer(limits, exp(x[side])), limits[2], pair
            )
        if y[0] <= y[1]:
            b, x[1], y[1] = x[1], x[0], y[0]
            x[0], first, stop = b - ratio * (b - a), 0, 1
        else:
            a, x[0], y[0] = x[0], x[1], y[1]
            x[1], first, stop = a + ratio * (b - a), 1, 2
    return exp(x[0] if y[0] <= y[1] else x[1])
