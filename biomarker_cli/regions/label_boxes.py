"""Where the labels of an image lie: the boxes around them.

Most of a label image is background. It is looked at once, eight bytes at a time;
all else is asked of what is left.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from biomarker_cli.imaging.region import Crop

Box = tuple[slice, slice, slice]

MOST_LOOKS = 64 * 1024 * 1024
"""To look at so many voxels takes as long as to load scipy, which looks once for all labels."""


def filled_box(array: npt.NDArray[Any]) -> Box:
    """Return the box around all voxels that are not zero; it is empty where there are none.

    Parameters
    ----------
    array : ndarray of int, shape (z, y, x)
    """
    planes = np.flatnonzero(_any_in_planes(array))
    if not len(planes):
        return slice(0, 0), slice(0, 0), slice(0, 0)
    first = int(planes[0])
    inside = array[first : int(planes[-1]) + 1]
    tight = Crop(np.asarray(inside.any(axis=0))[np.newaxis]).tight()
    return slice(first, first + len(inside)), *tight.box[1:]


def _any_in_planes(array: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Tell of each slice whether it holds a number that is not zero."""
    if not array.flags.c_contiguous:
        return np.asarray(array.any(axis=(1, 2)))
    planes = array.reshape(len(array), -1)
    n_words = planes.shape[1] * planes.itemsize // 8
    n_whole = n_words * 8 // planes.itemsize
    # A whole number is zero where all of its bytes are.
    words = [plane[:n_whole].view(np.uint64).any() for plane in planes]
    return np.array(words) | planes[:, n_whole:].any(axis=1)


def boxes_of(layer: npt.NDArray[Any], values: Iterable[int]) -> dict[int, Box]:
    """Return the box around each of some values, without those that have no voxel.

    Parameters
    ----------
    layer : ndarray of int, shape (z, y, x)
    values : iterable of int
        Above zero.
    """
    wanted = sorted(set(values))
    box = filled_box(layer)
    filled = layer[box]
    if len(wanted) * filled.size > MOST_LOOKS:
        from scipy.ndimage import find_objects

        native = filled.astype(filled.dtype.newbyteorder("="), copy=False)
        parts = find_objects(native, wanted[-1])
        found = {value: parts[value - 1] for value in wanted}
        return {value: _moved(part, box) for value, part in found.items() if part is not None}
    crops = {value: Crop(filled == value).tight() for value in wanted}
    return {value: _moved(crop.box, box) for value, crop in crops.items() if crop.mask.size}


def _moved(part: Box, box: Box) -> Box:
    """Return a part of a box in the indices of the whole image."""
    z, y, x = (
        slice(outer.start + inner.start, outer.start + inner.stop)
        for outer, inner in zip(box, part, strict=True)
    )
    return z, y, x
