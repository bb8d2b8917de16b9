# Zones: connected voxels of equal grey level.

# Bits of a voxel's links: the voxel before it, then left, middle and right of four rows.
cdef enum:
    BEFORE = 1
    ROW_BELOW = 1
    ROW_ACROSS = 4
    ROW_ABOVE = 7
    ROW_BESIDE = 10
    ACROSS = 32


def join_zones(
    const uint16_t[:, :, ::1] ranks not None,
    const int64_t[:, :, ::1] ends not None,
    bint planar,
    uint16_t[::1] links not None,
    int32_t[::1] parent not None,
):
    """Join each voxel to the neighbours of its level that come before it in the array.

    Parameters
    ----------
    ranks, ends
        As for pairs; with a border of one voxel.
    planar : bool
        Only within slices.
    links : ndarray of uint16, shape (x,)
        Work space.
    parent : ndarray of int32, shape (z y x,)
        Filled for the voxels inside: the flat index of one of the same zone that does not
        come later, a first one its own.
    """
    cdef int64_t z, y, n, start
    cdef int64_t width = ranks.shape[2], plane = ranks.shape[1] * width
    cdef const uint16_t *own
    require(
        is_lattice(ranks, ends)
        and links.shape[0] == width
        and parent.shape[0] == ranks.shape[0] * plane
        and parent.shape[0] <= 0x7FFFFFFF,
        "join_zones",
    )
    with nogil:
        for z in range(ends.shape[0]):
            for y in range(ends.shape[1]):
                if ends[z, y, 1] == 0:
                    continue
                start = z * plane + y * width + ends[z, y, 0]
                n = ends[z, y, 1] - ends[z, y, 0]
                own = &ranks[z, y, ends[z, y, 0]]
                if planar:
                    link_in_plane(own, own - width, n, &links[0])
                else:
                    link_in_space(own, width, plane, n, &links[0])
                join_row(own, &links[0], n, start, plane, width, &parent[0])


cdef inline uint16_t three(const uint16_t *row, int64_t x, uint16_t level, uint16_t free) noexcept nogil:
    """Say which of three voxels of a row must be joined: its middle, or what that leaves apart."""
    cdef uint16_t middle = row[x] == level
    cdef uint16_t apart = middle ^ 1
    cdef uint16_t left = (row[x - 1] == level) & apart & free
    cdef uint16_t right = (row[x + 1] == level) & apart
    return left | (middle & free) << 1 | right << 2


cdef inline void link_in_plane(
    const uint16_t *own, const uint16_t *beside, int64_t n, uint16_t *links
) noexcept nogil:
    """Say which neighbours must be joined: not those that are joined to each other already."""
    cdef int64_t x
    cdef uint16_t before
    for x in range(n):
        before = own[x - 1] == own[x]
        links[x] = before | three(beside, x, own[x], before ^ 1) << ROW_BESIDE


cdef inline void link_in_space(
    const uint16_t *own, int64_t width, int64_t plane, int64_t n, uint16_t *links
) noexcept nogil:
    """Say which neighbours must be joined: not those that are joined to each other already.

    The voxel across touches all others, that beside those of two rows, the middle of
    a row both its sides, and the voxel before all but the right ones.
    """
    cdef const uint16_t *beside = own - width
    cdef const uint16_t *below = own - plane + width
    cdef const uint16_t *across = own - plane
    cdef const uint16_t *above = own - plane - width
    cdef int64_t x
    cdef uint16_t level, before, free, found, apart, alone
    for x in range(n):
        level = own[x]
        before = own[x - 1] == level
        free = before ^ 1
        found = before | three(beside, x, level, free) << ROW_BESIDE
        found |= three(below, x, level, free) << ROW_BELOW
        apart = beside[x] != level
        found |= three(across, x, level, free) * apart << ROW_ACROSS
        found |= three(above, x, level, free) * apart << ROW_ABOVE
        alone = across[x] == level
        links[x] = found * (alone ^ 1) | alone * ACROSS


cdef inline void join_row(
    const uint16_t *own,
    const uint16_t *links,
    int64_t n,
    int64_t start,
    int64_t plane,
    int64_t width,
    int32_t *parent,
) noexcept nogil:
    cdef int64_t x, here
    cdef int link
    for x in range(n):
        if own[x] == 0:
            continue
        here = start + x
        parent[here] = here
        link = links[x]
        if link == 0:
            continue
        if link & ACROSS:
            parent[here] = root(parent, here - plane)
            continue
        if link & BEFORE:
            parent[here] = parent[here - 1]
        join_three(parent, link >> ROW_BELOW, here - plane + width, here)
        join_three(parent, link >> ROW_ACROSS, here - plane, here)
        join_three(parent, link >> ROW_ABOVE, here - plane - width, here)
        join_three(parent, link >> ROW_BESIDE, here - width, here)


cdef void join_three(int32_t *parent, int link, int64_t middle, int64_t here) noexcept nogil:
    if link & 7:
        if link & 1:
            unite(parent, middle - 1, here)
        if link & 2:
            unite(parent, middle, here)
        if link & 4:
            unite(parent, middle + 1, here)


cdef inline int64_t root(int32_t *parent, int64_t a) noexcept nogil:
    while parent[a] != a:
        parent[a] = parent[parent[a]]
        a = parent[a]
    return a


cdef inline void unite(int32_t *parent, int64_t a, int64_t b) noexcept nogil:
    """Join the sets of two members; the earlier root stays."""
    a = root(parent, a)
    b = root(parent, b)
    if a < b:
        parent[b] = a
    else:
        parent[a] = b


def sum_zones(
    const uint16_t[:, :, ::1] ranks not None,
    const int64_t[:, :, ::1] ends not None,
    const int32_t[::1] distance not None,
    int32_t[::1] parent not None,
    int32_t[::1] sizes not None,
    int32_t[::1] nearest not None,
    int64_t[:, ::1] zones not None,
):
    """Return the number of zones, and fill in what they are.

    Parameters
    ----------
    ranks, ends
        As for pairs.
    distance : ndarray of int32, shape (m,)
        Of each voxel inside to the border, in the order of the array; or empty.
    parent : ndarray of int32, shape (z y x,)
        As `join_zones` fills it; changed.
    sizes, nearest : ndarray of int32, shape (z y x,)
        Work space; `nearest` is empty where `distance` is.
    zones : ndarray, shape (m, 3)
        Filled: rank from 0, size and smallest distance (0 where none is given).
    """
    cdef int64_t z, y, x, start, here, root, index = 0, number = 0
    cdef int64_t height = ranks.shape[1], width = ranks.shape[2]
    cdef int64_t voxels = ranks.shape[0] * height * width
    cdef bint near = distance.shape[0] > 0
    require(
        is_lattice(ranks, ends)
        and parent.shape[0] == voxels
        and sizes.shape[0] == voxels
        and nearest.shape[0] == (voxels if near else 0)
        and zones.shape[1] == 3
        and (not near or zones.shape[0] == distance.shape[0]),
        "sum_zones",
    )
    with nogil:
        for z in range(ends.shape[0]):
            for y in range(ends.shape[1]):
                start = (z * height + y) * width
                for x in range(ends[z, y, 0], ends[z, y, 1]):
                    if ranks[z, y, x] == 0:
                        continue
                    here = start + x
                    # Earlier ones point to their root already.
                    root = parent[parent[here]]
                    parent[here] = root
                    sizes[root] = 1 if root == here else sizes[root] + 1
                    if near:
                        if root == here or distance[index] < nearest[root]:
                            nearest[root] = distance[index]
                        index += 1
        for z in range(ends.shape[0]):
            for y in range(ends.shape[1]):
                start = (z * height + y) * width
                for x in range(ends[z, y, 0], ends[z, y, 1]):
                    here = start + x
                    if ranks[z, y, x] > 0 and parent[here] == here:
                        zones[number, 0] = <int64_t>ranks[z, y, x] - 1
                        zones[number, 1] = sizes[here]
                        zones[number, 2] = nearest[here] if near else 0
                        number += 1
    return number
