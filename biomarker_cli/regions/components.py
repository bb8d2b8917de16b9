"""Connected components of a mask, by its runs along rows.

A label image of a whole body takes ten times the memory of its mask; its rows
have a few runs each, and components of runs are all that the audit needs.
"""

from __future__ import annotations

import numpy as np

from biomarker_cli.model.arrays import BoolArray, IndexArray

_NEIGHBOUR_ROWS = ((0, 1), (1, -1), (1, 0), (1, 1))
"""Rows (slices on, rows on) that touch a row by a face, an edge or a corner, each pair once."""


def component_sizes(mask: BoolArray) -> IndexArray:
    """Return the number of voxels of each component, in no order.

    Parameters
    ----------
    mask : ndarray of bool, shape (z, y, x)
        Voxels are connected by faces, edges and corners.
    """
    row, start, stop = _runs(mask)
    if not len(row):
        return np.zeros(0, dtype=np.intp)
    n_rows, width = mask.shape[1] + 2, mask.shape[2] + 4
    # One number for a place in a row; rows are apart, so that ranges cannot run over.
    z, y = np.divmod(row, mask.shape[1])
    place = (z * n_rows + y + 1) * width
    first, last = place + start, place + stop - 1
    pairs = [
        _touching(first, last, (slices * n_rows + rows) * width) for slices, rows in _NEIGHBOUR_ROWS
    ]
    root = _roots(
        len(row), np.concatenate([a for a, _ in pairs]), np.concatenate([b for _, b in pairs])
    )
    sizes = np.bincount(root, weights=stop - start).astype(np.intp)
    return sizes[sizes > 0]


def _runs(mask: BoolArray) -> tuple[IndexArray, IndexArray, IndexArray]:
    """Return row, start and stop of every run of voxels, in the order of the array."""
    rows, starts, stops = [], [], []
    for index, plane in enumerate(mask):
        edges = np.diff(np.pad(plane.view(np.int8), ((0, 0), (1, 1))), axis=1)
        row, start = np.nonzero(edges == 1)
        rows.append(row + index * mask.shape[1])
        starts.append(start)
        stops.append(np.nonzero(edges == -1)[1])
    return np.concatenate(rows), np.concatenate(starts), np.concatenate(stops)


def _touching(first: IndexArray, last: IndexArray, away: int) -> tuple[IndexArray, IndexArray]:
    """Return pairs of runs that touch, the second one in the row that is `away`."""
    low = np.searchsorted(last, first + away - 1)
    high = np.searchsorted(first, last + away + 1, side="right")
    count = np.maximum(high - low, 0)
    one = np.repeat(np.arange(len(first)), count)
    other = np.arange(len(one)) - np.repeat(np.cumsum(count) - count, count) + low[one]
    return one, other


def _roots(n: int, one: IndexArray, other: IndexArray) -> IndexArray:
    """Return the smallest run that each run is connected with, over any way."""
    root = np.arange(n)
    while True:
        a, b = root[one], root[other]
        apart = a != b
        if not apart.any():
            return root
        low, high = np.minimum(a, b)[apart], np.maximum(a, b)[apart]
        np.minimum.at(root, high, low)
        while not np.array_equal(shorter := root[root], root):
            root = shorter
