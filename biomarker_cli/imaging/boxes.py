"""Boxes around the voxels of masks and label images.

Most of a mask is background: it is looked at once, labels eight bytes at a time;
all else is asked of what is left.
"""

from __future__ import annotations

import numpy as np

from biomarker_cli.model.arrays import AnyArray, BoolArray

Box = tuple[slice, slice, slice]
"""Part of a grid, in the order z, y, x."""

EMPTY: Box = (slice(0, 0), slice(0, 0), slice(0, 0))


def filled_box(array: AnyArray) -> Box:
    """Return the box around all voxels that are not zero; `EMPTY` where there are none.

    Parameters
    ----------
    array : ndarray of bool or int, shape (z, y, x)
    """
    if not array.size:
        return EMPTY
    filled = _any_in_slices(array)
    if not filled.any():
        return EMPTY
    slices = _span(filled)
    plane: BoolArray = np.any(array[slices], axis=0)
    return slices, _span(np.any(plane, axis=1)), _span(np.any(plane, axis=0))


def widened(box: Box, margin: tuple[int, int, int], shape: tuple[int, ...]) -> Box:
    """Return a box with a margin of voxels around it, as far as the grid goes.

    Parameters
    ----------
    box : Box
        Not empty.
    margin, shape : tuple of int
        ``(z, y, x)``.
    """
    z, y, x = (
        slice(max(part.start - extra, 0), min(part.stop + extra, length))
        for part, extra, length in zip(box, margin, shape, strict=True)
    )
    return z, y, x


def _span(filled: BoolArray) -> slice:
    """Return the part of an axis from the first to the last that is filled."""
    places = np.flatnonzero(filled)
    return slice(int(places[0]), int(places[-1]) + 1)


def _any_in_slices(array: AnyArray) -> BoolArray:
    """Tell of each slice whether it holds a number that is not zero."""
    if array.dtype == np.bool_ or not array.flags.c_contiguous:
        return np.asarray(array.any(axis=(1, 2)))
    slices = array.reshape(len(array), -1)
    n_words = slices.shape[1] * slices.itemsize // 8
    n_whole = n_words * 8 // slices.itemsize
    # A whole number is zero where all of its bytes are.
    words = [one[:n_whole].view(np.uint64).any() for one in slices]
    return np.array(words) | slices[:, n_whole:].any(axis=1)
