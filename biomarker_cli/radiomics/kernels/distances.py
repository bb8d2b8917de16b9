"""City-block distances of the voxels of a region to its border."""

from __future__ import annotations

import numpy as np

from biomarker_cli.radiomics.kernels.arrays import Ints3, Marks3
from biomarker_cli.radiomics.kernels.compilation import inner, kernel


@kernel
def measure_distances(mask: Marks3, planar: bool, distance: Ints3) -> None:
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
    _from_the_first(mask, planar, distance)
    _from_the_last(mask, planar, distance)


@inner
def _from_the_first(mask: Marks3, planar: bool, distance: Ints3) -> None:
    for z in range(mask.shape[0]):
        for y in range(mask.shape[1]):
            for x in range(mask.shape[2]):
                if mask[z, y, x]:
                    near = min(distance[z + 1, y, x + 1], distance[z + 1, y + 1, x])
                    if not planar:
                        near = min(near, distance[z, y + 1, x + 1])
                    distance[z + 1, y + 1, x + 1] = near + np.int32(1)


@inner
def _from_the_last(mask: Marks3, planar: bool, distance: Ints3) -> None:
    for z in range(mask.shape[0] - 1, -1, -1):
        for y in range(mask.shape[1] - 1, -1, -1):
            for x in range(mask.shape[2] - 1, -1, -1):
                if mask[z, y, x]:
                    near = min(distance[z + 1, y + 2, x + 1], distance[z + 1, y + 1, x + 2])
                    if not planar:
                        near = min(near, distance[z + 2, y + 1, x + 1])
                    here = distance[z + 1, y + 1, x + 1]
                    distance[z + 1, y + 1, x + 1] = min(here, near + np.int32(1))
