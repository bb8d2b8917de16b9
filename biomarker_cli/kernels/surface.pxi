# Scan of a mask for its surface: cases of cubes and moments of voxels.


def count_cases(mask not None, int64_t[::1] number not None, int64_t[:, ::1] places not None):
    """Count the cubes of eight voxels by case, and sum their places.

    Parameters
    ----------
    mask : ndarray of bool, shape (z, y, x)
        With an empty border of one voxel.
    number : ndarray, shape (256,)
        Of zeros; filled.
    places : ndarray, shape (256, 3)
        Of zeros; filled with the sums of the first corners of the cubes.
    """
    cdef const uint8_t[:, :, ::1] inside = bytes_of(mask, "count_cases")
    cdef int64_t z, y, x
    cdef int near, far, case
    cdef const uint8_t *a
    cdef const uint8_t *b
    cdef const uint8_t *c
    cdef const uint8_t *d
    require(
        inside.shape[2] > 0
        and number.shape[0] == 256
        and places.shape[0] == 256
        and places.shape[1] == 3,
        "count_cases",
    )
    with nogil:
        for z in range(inside.shape[0] - 1):
            for y in range(inside.shape[1] - 1):
                a = &inside[z, y, 0]
                b = &inside[z, y + 1, 0]
                c = &inside[z + 1, y, 0]
                d = &inside[z + 1, y + 1, 0]
                near = a[0] | b[0] << 2 | c[0] << 4 | d[0] << 6
                for x in range(inside.shape[2] - 1):
                    far = a[x + 1] | b[x + 1] << 2 | c[x + 1] << 4 | d[x + 1] << 6
                    case = near | far << 1
                    near = far
                    if case != 0 and case != 255:
                        number[case] += 1
                        places[case, 0] += z
                        places[case, 1] += y
                        places[case, 2] += x


def sum_places(mask not None, int64_t[::1] sums not None, int64_t[:, ::1] products not None):
    """Return the number of voxels, and fill in sums of their indices and of products of two.

    Parameters
    ----------
    mask : ndarray of bool, shape (z, y, x)
    sums : ndarray, shape (3,)
        Of zeros; filled.
    products : ndarray, shape (3, 3)
        Of zeros; filled.
    """
    cdef const uint8_t[:, :, ::1] inside = bytes_of(mask, "sum_places")
    cdef int64_t z, y, x, n, along, squares, number = 0
    cdef const uint8_t *line
    require(
        sums.shape[0] == 3 and products.shape[0] == 3 and products.shape[1] == 3, "sum_places"
    )
    with nogil:
        for z in range(inside.shape[0]):
            for y in range(inside.shape[1]):
                n = 0
                along = 0
                squares = 0
                line = &inside[z, y, 0]
                for x in range(inside.shape[2]):
                    n += line[x]
                    along += line[x] * x
                    squares += line[x] * x * x
                number += n
                sums[0] += n * z
                sums[1] += n * y
                sums[2] += along
                products[0, 0] += n * z * z
                products[0, 1] += n * z * y
                products[0, 2] += z * along
                products[1, 1] += n * y * y
                products[1, 2] += y * along
                products[2, 2] += squares
        products[1, 0], products[2, 0] = products[0, 1], products[0, 2]
        products[2, 1] = products[1, 2]
    return number
