# Tracer kinetics: exact convolution with an exponential, and the fit of one exchange rate.
#
# The curve of the plasma is linear between its points, so the integral over each interval is
# known in closed form, also for uneven intervals. A fit has one rate (kep) that is not linear:
# it is searched over a grid, then over a finer one, and refined by golden sections; Ktrans and
# vp are then the least squares solution within their bounds. There is no start value, and the
# result does not depend on the other voxels.
#
# Convolutions are made for the rates of the finer grid alone, when a voxel first needs them.
# Between these the convolution is a polynomial of five of them over log(rate): its steps of
# 0.02 keep it within 1e-8 of the convolution itself, and a voxel costs no convolution.

cdef enum:
    SECTIONS = 34  # golden sections: the bracket shrinks by 1e-7
    FINER = 8  # rates of the finer grid for each one of the grid
    NODES = 5  # of the polynomial


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
    # Four sums that do not wait for each other; their order is fixed.
    cdef int64_t k, whole = n - n % 4
    cdef double s0 = 0.0, s1 = 0.0, s2 = 0.0, s3 = 0.0
    for k in range(0, whole, 4):
        s0 += a[k] * b[k]
        s1 += a[k + 1] * b[k + 1]
        s2 += a[k + 2] * b[k + 2]
        s3 += a[k + 3] * b[k + 3]
    for k in range(whole, n):
        s0 += a[k] * b[k]
    return (s0 + s1) + (s2 + s3)


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
        Grid of kep, 1/min, rising by one factor; one alone is taken as it is.
    limits : ndarray, shape (3,)
        Highest Ktrans, ve and vp.
    with_plasma : bool
        Whether there is a term vp Cp.
    found : ndarray, shape (voxels, 4)
        Ktrans, kep, vp and the sum of squared residuals.
    """
    cdef int64_t m = times.shape[0], n = frames.shape[0], grid = rates.shape[0]
    cdef int64_t voxels = curves.shape[0], k, voxel, fine = (grid - 1) * FINER + 1
    cdef double step = 0.0
    cdef double *memory
    cdef Rates r
    require(
        m > 0
        and n > 0
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
    if grid > 1:
        require(0.0 < rates[0] < rates[grid - 1], "fit_exchange")
        step = log(rates[grid - 1] / rates[0]) / (fine - 1)
    # Of each rate: the basis at the frames, two sums, the products of five bases from it on.
    memory = <double *>malloc((fine * (n + 2 + NODES * NODES) + 2 * n + m) * sizeof(double))
    if memory == NULL:
        raise MemoryError()
    r.times, r.plasma, r.frames = &times[0], &plasma[0], &frames[0]
    r.m, r.n, r.count, r.slowest, r.step = m, n, fine, rates[0], step
    r.with_plasma, r.limits = with_plasma, &limits[0]
    r.bases = memory
    r.gram = r.bases + fine * n
    r.products = r.gram + 2 * fine
    r.at = r.products + fine * NODES * NODES
    r.own = r.at + n
    r.work = r.own + n
    with nogil:
        for k in range(fine):
            # A sum of squares is not negative: what is so is not there yet.
            r.gram[2 * k] = r.products[k * NODES * NODES] = -1.0
        for k in range(n):
            r.at[k] = plasma[frames[k]]
        for voxel in range(voxels):
            fit_curve(&r, &curves[voxel, 0], &found[voxel, 0])
    free(memory)


cdef struct Rates:
    const double *times
    const double *plasma
    const int64_t *frames
    const double *limits
    int64_t m
    int64_t n
    int64_t count
    double slowest
    double step  # of log(rate)
    bint with_plasma
    double *bases
    double *gram
    double *products
    double *at
    double *own
    double *work


cdef inline double rate_at(const Rates *r, double place) noexcept nogil:
    """Return the rate at a place of the finer grid, which may lie between two."""
    return r.slowest * exp(place * r.step) if r.count > 1 else r.slowest


cdef double *basis_of(const Rates *r, int64_t i) noexcept nogil:
    """Return the convolution with a rate of the finer grid at the frames; make it once."""
    cdef double *basis = r.bases + i * r.n
    cdef int64_t k
    if r.gram[2 * i] < 0.0:
        convolve_at_rate(r.times, r.plasma, r.m, rate_at(r, i), r.work)
        for k in range(r.n):
            basis[k] = r.work[r.frames[k]]
        r.gram[2 * i] = dot_product(basis, basis, r.n)
        r.gram[2 * i + 1] = dot_product(basis, r.at, r.n)
    return basis


cdef double misfit_of(const Rates *r, int64_t i, const double *curve, Sums *sums) noexcept nogil:
    """Return the sum of squares that a rate of the finer grid leaves."""
    cdef double pair[2]
    sums.uc = dot_product(curve, basis_of(r, i), r.n)
    sums.uu, sums.up = r.gram[2 * i], r.gram[2 * i + 1]
    return solve_exchange(
        sums, r.with_plasma, highest_transfer(r.limits, rate_at(r, i)), r.limits[2], pair
    )


cdef int64_t lowest_misfit(
    const Rates *r, int64_t first, int64_t last, int64_t by, const double *curve, Sums *sums
) noexcept nogil:
    """Return the rate that leaves least, the first of equal ones."""
    cdef int64_t i = first, best = first
    cdef double left, lowest = INFINITY
    while i <= last:
        left = misfit_of(r, i, curve, sums)
        if left < lowest:
            lowest, best = left, i
        i += by
    return best


cdef void fit_curve(const Rates *r, const double *curve, double *found) noexcept nogil:
    """Fit one curve: Ktrans, kep, vp and the sum of squared residuals."""
    cdef Sums sums
    cdef double pair[2]
    cdef double weights[NODES]
    cdef double place, rate, left = 0.0
    cdef int64_t k, i, best, first, last, zero = 0
    cdef const double *own
    sums.cc = dot_product(curve, curve, r.n)
    if not sums.cc < INFINITY:
        for k in range(4):
            found[k] = NAN
        return
    sums.pc = dot_product(curve, r.at, r.n)
    sums.pp = dot_product(r.at, r.at, r.n)
    if r.count == 1:
        own, rate = basis_of(r, 0), r.slowest
    else:
        best = lowest_misfit(r, 0, r.count - 1, FINER, curve, &sums)
        first, last = best - FINER, best + FINER
        best = lowest_misfit(r, max(first, zero), min(last, r.count - 1), 1, curve, &sums)
        first = best - 2  # the middle of the nodes
        first = min(max(first, zero), r.count - NODES)
        place = refined_place(r, best, first, curve, &sums)
        rate = rate_at(r, place)
        weigh(place - first, weights)
        for k in range(r.n):
            r.own[k] = 0.0
            for i in range(NODES):
                r.own[k] += weights[i] * r.bases[(first + i) * r.n + k]
        own = r.own
    sums.uu, sums.up = dot_product(own, own, r.n), dot_product(own, r.at, r.n)
    sums.uc = dot_product(curve, own, r.n)
    solve_exchange(&sums, r.with_plasma, highest_transfer(r.limits, rate), r.limits[2], pair)
    for k in range(r.n):
        place = curve[k] - pair[0] * own[k] - pair[1] * r.at[k]
        left += place * place
    found[0], found[1], found[2], found[3] = pair[0], rate, pair[1], left


cdef void weigh(double x, double *weights) noexcept nogil:
    """Give the weights of the nodes 0 to 4 in the polynomial through them at `x`."""
    cdef double a = x, b = x - 1.0, c = x - 2.0, d = x - 3.0, e = x - 4.0
    weights[0] = b * c * d * e / 24.0
    weights[1] = -a * c * d * e / 6.0
    weights[2] = a * b * d * e / 4.0
    weights[3] = -a * b * c * e / 6.0
    weights[4] = a * b * c * d / 24.0


cdef double refined_place(
    const Rates *r, int64_t best, int64_t first, const double *curve, Sums *sums
) noexcept nogil:
    """Search between the neighbours of a rate of the finer grid by golden sections."""
    cdef double ratio = 0.6180339887498949
    cdef double a = best - 1 if best > 0 else 0, b = best + 1 if best + 1 < r.count else best
    cdef double uc[NODES]
    cdef double weights[NODES]
    cdef double x[2]
    cdef double y[2]
    cdef double pair[2]
    cdef double *products = r.products + first * NODES * NODES
    cdef int64_t i, j
    cdef int section, side, start = 0, stop = 2
    for i in range(NODES):
        uc[i] = dot_product(curve, basis_of(r, first + i), r.n)
    if products[0] < 0.0:
        for i in range(NODES):
            for j in range(NODES):
                products[i * NODES + j] = dot_product(
                    r.bases + (first + i) * r.n, r.bases + (first + j) * r.n, r.n
                )
    x[0], x[1] = b - ratio * (b - a), a + ratio * (b - a)
    for section in range(SECTIONS):
        for side in range(start, stop):
            weigh(x[side] - first, weights)
            sums.uu = sums.up = sums.uc = 0.0
            for i in range(NODES):
                sums.up += weights[i] * r.gram[2 * (first + i) + 1]
                sums.uc += weights[i] * uc[i]
                for j in range(NODES):
                    sums.uu += weights[i] * weights[j] * products[i * NODES + j]
            y[side] = solve_exchange(
                sums, r.with_plasma, highest_transfer(r.limits, rate_at(r, x[side])), r.limits[2],
                pair,
            )
        if y[0] <= y[1]:
            b, x[1], y[1] = x[1], x[0], y[0]
            x[0], start, stop = b - ratio * (b - a), 0, 1
        else:
            a, x[0], y[0] = x[0], x[1], y[1]
            x[1], start, stop = a + ratio * (b - a), 1, 2
    return x[0] if y[0] <= y[1] else x[1]
