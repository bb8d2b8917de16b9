# Counting of grey level pairs, and what the features need of the counts.


def count_pairs(
    const uint16_t[:, :, ::1] ranks not None,
    const int64_t[:, :, ::1] ends not None,
    const int64_t[:, ::1] steps not None,
    int64_t size,
    int32_t[:, ::1] counts not None,
):
    """Count each pair of a voxel and the one a step away, one way, for several steps.

    Parameters
    ----------
    ranks : ndarray of uint16, shape (z, y, x)
        Ranks from 1, 0 outside the region, with a border that the steps stay within.
    ends : ndarray, shape (z, y, 2)
        Where the region begins in each row, and behind its last voxel.
    steps : ndarray, shape (k, 3)
        z, y, x.
    size : int
        Number of ranks, 0 included.
    counts : ndarray of int32, shape (k, size * size)
        By both ranks; changed in place. Pairs with the outside stand in row or column 0.
    """
    cdef int64_t z, y, x, k, step
    cdef int64_t height = ranks.shape[1], width = ranks.shape[2]
    cdef const uint16_t *here
    cdef int32_t *table
    require(
        is_lattice(ranks, ends)
        and steps.shape[1] == 3
        and counts.shape[0] == steps.shape[0]
        and counts.shape[1] == size * size,
        "count_pairs",
    )
    with nogil:
        # Whole planes first: the ranks of a plane are read for all steps while they are near.
        for z in range(ends.shape[0]):
            for k in range(steps.shape[0]):
                table = &counts[k, 0]
                step = (steps[k, 0] * height + steps[k, 1]) * width + steps[k, 2]
                for y in range(ends.shape[1]):
                    if ends[z, y, 1] == 0:
                        continue
                    here = &ranks[z, y, 0]
                    count_row(here, here + step, ends[z, y, 0], ends[z, y, 1], size, table)


cdef inline void count_row(
    const uint16_t *here,
    const uint16_t *there,
    int64_t first,
    int64_t behind,
    int64_t size,
    int32_t *table,
) noexcept nogil:
    """Count the pairs of a row, four at a time: a place is known before the last is written."""
    cdef int64_t x, a, b, c, d
    # No branch: to mispredict one costs more than to count what is outside.
    for x in range(first, behind - 3, 4):
        a = here[x] * size + there[x]
        b = here[x + 1] * size + there[x + 1]
        c = here[x + 2] * size + there[x + 2]
        d = here[x + 3] * size + there[x + 3]
        table[a] += 1
        table[b] += 1
        table[c] += 1
        table[d] += 1
    for x in range(behind - (behind - first) % 4, behind):
        table[here[x] * size + there[x]] += 1


def summarise(
    const double[:, ::1] counts not None,
    const int64_t[::1] values not None,
    double[::1] difference not None,
    double[::1] total not None,
    double[::1] margin not None,
    double[::1] found not None,
):
    """Reduce a matrix, taken both ways round, to the distributions that features need.

    Parameters
    ----------
    counts : ndarray, shape (g, g)
        One direction only; the transpose is added here.
    values : ndarray, shape (g,)
        Grey level of each rank, rising.
    difference, total, margin : ndarray
        Of zeros; filled: probability of |i - j|, of i + j, and of i by rank.
    found : ndarray, shape (4,)
        Filled: number of pairs (both ways), joint maximum, energy and entropy.
    """
    cdef int64_t i, j, size = values.shape[0]
    cdef double pairs = 0.0, highest = 0.0, energy = 0.0, entropy = 0.0
    cdef double both, p, times
    require(
        size > 0
        and counts.shape[0] == size
        and counts.shape[1] == size
        and margin.shape[0] == size
        and difference.shape[0] > values[size - 1] - values[0]
        and total.shape[0] > 2 * values[size - 1]
        and found.shape[0] == 4,
        "summarise",
    )
    with nogil:
        for i in range(size):
            for j in range(size):
                pairs += counts[i, j]
        pairs *= 2.0
        for i in range(size):
            for j in range(i, size):
                both = counts[i, j] + counts[j, i]
                if both == 0.0:
                    continue
                p = both / pairs
                times = 1.0 if i == j else 2.0
                highest = max(highest, p)
                energy += times * p * p
                entropy -= times * p * log2(p)
                difference[values[j] - values[i]] += times * p
                total[values[j] + values[i]] += times * p
                margin[i] += p
                if i != j:
                    margin[j] += p
        found[0], found[1], found[2], found[3] = pairs, highest, energy, entropy


def difference_features(const double[::1] difference not None, double top, double[::1] found not None):
    """Return what follows from the distribution of differences.

    Parameters
    ----------
    difference : ndarray, shape (n,)
        Probability of |i - j| = k at index k.
    top : float
        Number of grey levels of the region.
    found : ndarray, shape (9,)
        Filled: average, second moment, variance and entropy; inverse difference, its
        normalised form, inverse difference moment, its normalised form; inverse variance.
    """
    cdef int64_t k
    cdef double p, d
    require(found.shape[0] == 9, "difference_features")
    with nogil:
        found[:] = 0.0
        for k in range(difference.shape[0]):
            p = difference[k]
            if p == 0.0:
                continue
            d = <double>k
            found[0] += p * d
            found[1] += p * d * d
            found[3] -= p * log2(p)
            found[4] += p / (1.0 + d)
            found[5] += p / (1.0 + d / top)
            found[6] += p / (1.0 + d * d)
            found[7] += p / (1.0 + (d / top) * (d / top))
            if k > 0:
                found[8] += p / (d * d)
        for k in range(difference.shape[0]):
            d = k - found[0]
            found[2] += difference[k] * (d * d)


def sum_features(const double[::1] total not None, double mean, double[::1] found not None):
    """Return what follows from the distribution of sums.

    Parameters
    ----------
    total : ndarray, shape (n,)
        Probability of i + j = k at index k.
    mean : float
        Of the grey levels.
    found : ndarray, shape (6,)
        Filled: average, variance and entropy; the second, third and fourth moment about
        twice the mean.
    """
    cdef int64_t k
    cdef double p, centred, square
    require(found.shape[0] == 6, "sum_features")
    with nogil:
        found[:] = 0.0
        for k in range(total.shape[0]):
            p = total[k]
            if p == 0.0:
                continue
            found[0] += p * k
            found[2] -= p * log2(p)
            centred = k - 2.0 * mean
            square = centred * centred
            found[3] += p * square
            found[4] += p * square * centred
            found[5] += p * square * square
        for k in range(total.shape[0]):
            centred = k - found[0]
            found[1] += total[k] * (centred * centred)


def information_entropies(
    const double[:, ::1] counts not None,
    double pairs,
    const double[::1] margin not None,
    double epsilon,
    double[::1] found not None,
):
    """Return HXY, HXY1, HXY2 and HX in bits, with an epsilon inside each logarithm.

    Parameters
    ----------
    counts : ndarray, shape (g, g)
        One direction only.
    pairs : float
        Sum of the matrix taken both ways round.
    margin : ndarray, shape (g,)
    epsilon : float
    found : ndarray, shape (4,)
        Filled.
    """
    cdef int64_t i, j, size = margin.shape[0]
    cdef double joint = 0.0, crossed = 0.0, independent = 0.0, own = 0.0
    cdef double times, product, logarithm, both, p
    require(
        counts.shape[0] == size and counts.shape[1] == size and found.shape[0] == 4,
        "information_entropies",
    )
    with nogil:
        for i in range(size):
            own -= margin[i] * log2(margin[i] + epsilon)
            for j in range(i, size):
                times = 1.0 if i == j else 2.0
                product = margin[i] * margin[j]
                logarithm = log2(product + epsilon)
                independent -= times * product * logarithm
                both = counts[i, j] + counts[j, i]
                if both > 0.0:
                    p = both / pairs
                    joint -= times * p * log2(p + epsilon)
                    crossed -= times * p * logarithm
        found[0], found[1], found[2], found[3] = joint, crossed, independent, own
