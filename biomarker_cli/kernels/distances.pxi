# City-block distances of the voxels of a region to its border.


def measure_distances(mask not None, bint planar, int32_t[:, :, ::1] distance not None):
    """Fill in the distance of each voxel to the outside, 1 for a voxel at the border.

    Two passes, one from each corner of the box, are exact for city-block distances.

    Parameters
    ----------
    mask : ndarray of bool, shape (z, y, x)
    planar : bool
        Only within slices.
    distance : ndarray of int32, shape (z + 2, y + 2, x + 2)
        Of zeros; filled inside.
    """
    cdef const uint8_t[:, :, ::1] inside = bytes_of(mask, "measure_distances")
    cdef int64_t z, y, x
    cdef int32_t near
    cdef bint fits = True
    for axis in range(3):
        fits = fits and distance.shape[axis] == inside.shape[axis] + 2
    require(fits, "measure_distances")
    with nogil:
        for z in range(inside.shape[0]):
            for y in range(inside.shape[1]):
                for x in range(inside.shape[2]):
                    if inside[z, y, x]:
                        near = min(distance[z + 1, y, x + 1], distance[z + 1, y + 1, x])
                        if not planar:
                            near = min(near, distance[z, y + 1, x + 1])
                        distance[z + 1, y + 1, x + 1] = near + 1
        for z in range(inside.shape[0] - 1, -1, -1):
            for y in range(inside.shape[1] - 1, -1, -1):
                for x in range(inside.shape[2] - 1, -1, -1):
                    if inside[z, y, x]:
                        near = min(distance[z + 1, y + 2, x + 1], distance[z + 1, y + 1, x + 2])
                        if not planar:
                            near = min(near, distance[z + 2, y + 1, x + 1])
                        near = min(distance[z + 1, y + 1, x + 1], near + 1)
                        distance[z + 1, y + 1, x + 1] = near
