# The features that run length, zone and dependence families share.


def emphasise(
    const int64_t[::1] ranks not None,
    const int64_t[::1] sizes not None,
    const double[::1] counts not None,
    const int64_t[::1] values not None,
    double[::1] by_level not None,
    double[::1] by_size not None,
    double[::1] found not None,
):
    """Fill in the features of a sparse matrix of levels and sizes.

    Parameters
    ----------
    ranks, sizes, counts : ndarray, shape (n,)
        Rank from 0, size from 1 and number of entries; n >= 1.
    values : ndarray, shape (g,)
        Grey level of each rank.
    by_level, by_size : ndarray, shape (g,) and (largest size + 1,)
        Of zeros; work space.
    found : ndarray, shape (18,)
        Of zeros; filled: the sixteen features in the order of the IBSI manual with the
        number of entries in place of the percentage (index 12), then energy and voxels.
    """
    cdef int64_t k, n = ranks.shape[0]
    cdef double total = 0.0, mean_level = 0.0, mean_size = 0.0
    cdef double c, p, g, s, g2, s2
    require(
        sizes.shape[0] == n
        and counts.shape[0] == n
        and by_level.shape[0] == values.shape[0]
        and found.shape[0] == 18,
        "emphasise",
    )
    with nogil:
        for k in range(n):
            by_level[ranks[k]] += counts[k]
            by_size[sizes[k]] += counts[k]
            total += counts[k]
        for k in range(n):
            c = counts[k]
            g = <double>values[ranks[k]]
            s = <double>sizes[k]
            g2 = g * g
            s2 = s * s
            found[0] += c / s2
            found[1] += c * s2
            found[2] += c / g2
            found[3] += c * g2
            found[4] += c / (g2 * s2)
            found[5] += c * g2 / s2
            found[6] += c * s2 / g2
            found[7] += c * g2 * s2
            p = c / total
            mean_level += p * g
            mean_size += p * s
            found[15] -= p * log2(p)
            found[16] += p * p
            found[17] += c * s
        for k in range(8):
            found[k] /= total
        for k in range(by_level.shape[0]):
            found[8] += by_level[k] * by_level[k]
        for k in range(by_size.shape[0]):
            found[10] += by_size[k] * by_size[k]
        found[8] /= total
        found[9] = found[8] / total
        found[10] /= total
        found[11] = found[10] / total
        found[12] = total
        for k in range(n):
            p = counts[k] / total
            g = values[ranks[k]] - mean_level
            s = sizes[k] - mean_size
            found[13] += p * (g * g)
            found[14] += p * (s * s)
