"""Means over a sphere around each voxel."""

from __future__ import annotations

from biomarker_cli.radiomics.kernels.arrays import Floats1, Floats2, Floats3, Longs1, Longs2, Marks3
from biomarker_cli.radiomics.kernels.compilation import inner, kernel


@kernel
def average_rows(
    sums: Floats3,
    known: Floats3,
    mask: Marks3,
    rows: Longs2,
    reach: Longs1,
    work: Floats2,
    means: Floats3,
) -> None:
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
    for z in range(mask.shape[0]):
        for y in range(mask.shape[1]):
            first, behind = mask.shape[2], 0
            for x in range(mask.shape[2]):
                if mask[z, y, x]:
                    first, behind = min(first, x), x + 1
            if behind == 0:
                continue
            size = behind - first
            _sum_rows(sums, z, y, first, rows, reach, work[0, :size])
            _sum_rows(known, z, y, first, rows, reach, work[1, :size])
            for x in range(size):
                means[z, y, first + x] = work[0, x] / work[1, x]


@inner
def _sum_rows(
    sums: Floats3, z: int, y: int, first: int, rows: Longs2, reach: Longs1, found: Floats1
) -> None:
    found[:] = 0.0
    for k in range(rows.shape[0]):
        line = sums[z + reach[0] + rows[k, 0], y + reach[1] + rows[k, 1]]
        before = line[first + reach[2] - rows[k, 2] :]
        last = line[first + reach[2] + rows[k, 2] + 1 :]
        for x in range(found.size):
            found[x] += last[x] - before[x]
