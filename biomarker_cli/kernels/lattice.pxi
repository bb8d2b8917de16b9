# Lay the grey levels of a region on a lattice of ranks.


cdef bint is_lattice(const uint16_t[:, :, ::1] ranks, const int64_t[:, :, ::1] ends) noexcept:
    """Tell whether the ends of rows are those of the rows of ranks."""
    return (
        ends.shape[0] == ranks.shape[0] and ends.shape[1] == ranks.shape[1] and ends.shape[2] == 2
    )


def lay_ranks(
    mask not None,
    const int64_t[::1] levels not None,
    const uint16_t[::1] rank_of not None,
    int64_t border,
    uint16_t[:, :, ::1] ranks not None,
    int64_t[:, :, ::1] ends not None,
):
    """Fill the ranks of the voxels of a region, and where each row begins and ends.

    Parameters
    ----------
    mask : ndarray of bool, shape (z, y, x)
    levels : ndarray, shape (m,)
        Grey levels of the voxels inside, in the order of the mask.
    rank_of : ndarray of uint16, shape (top level + 1,)
        Rank from 1 of each level.
    border : int
        Empty voxels around the box.
    ranks : ndarray of uint16, shape (z + 2 border, y + 2 border, x + 2 border)
        Of zeros; filled.
    ends : ndarray, shape (z + 2 border, y + 2 border, 2)
        Of zeros; the first voxel inside of each row and the one behind the last.
    """
    cdef const uint8_t[:, :, ::1] inside = bytes_of(mask, "lay_ranks")
    cdef int64_t z, y, x, first, behind, index = 0
    cdef bint fits = border >= 0 and is_lattice(ranks, ends)
    for axis in range(3):
        fits = fits and ranks.shape[axis] == inside.shape[axis] + 2 * border
    require(fits, "lay_ranks")
    with nogil:
        for z in range(inside.shape[0]):
            for y in range(inside.shape[1]):
                first = 0
                behind = 0
                for x in range(inside.shape[2]):
                    if inside[z, y, x]:
                        ranks[z + border, y + border, x + border] = rank_of[levels[index]]
                        index += 1
                        if behind == 0:
                            first = x + border
                        behind = x + border + 1
                ends[z + border, y + border, 0] = first
                ends[z + border, y + border, 1] = behind


def mark_levels(const int64_t[::1] levels not None, uint16_t[::1] present not None):
    """Set a 1 for each grey level that occurs.

    Parameters
    ----------
    levels : ndarray, shape (m,)
    present : ndarray of uint16, shape (top level + 1,)
        Of zeros; filled.
    """
    cdef int64_t k
    with nogil:
        for k in range(levels.shape[0]):
            present[levels[k]] = 1
