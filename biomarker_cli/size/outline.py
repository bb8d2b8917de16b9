"""The 0.5 contour of the parts of a region on a slice.

Marching squares of a mask at 0.5: corners lie half-way between a pixel inside and one
outside. Pixels that touch by a corner are connected. Places are whole numbers of half
pixels, ``(row, column)``, so that nothing is rounded before lengths are taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from biomarker_cli.model.arrays import BoolArray, IntArray


@dataclass(frozen=True, eq=False)
class Part:
    """One part of a region on a slice.

    Attributes
    ----------
    index : int
        Of the slice within the crop of the region.
    inside : ndarray of bool, shape (rows + 2, columns + 2)
        Its pixels with a border of one pixel; row and column 0 of the crop are 1 here.
    n_parts : int
        How many the region has on the slice.
    """

    index: int
    inside: BoolArray
    n_parts: int

    @cached_property
    def corners(self) -> IntArray:
        """Corners of the contour in half pixels, shape (n, 2), in the order of the rows."""
        inside = self.inside
        row, column = np.nonzero(inside[:-1] != inside[1:])
        below = np.column_stack((2 * row + 1, 2 * column))
        row, column = np.nonzero(inside[:, :-1] != inside[:, 1:])
        beside = np.column_stack((2 * row, 2 * column + 1))
        found = np.concatenate((below, beside))
        return np.asarray(found[np.lexsort((found[:, 1], found[:, 0]))], dtype=np.int64)

    @cached_property
    def edges(self) -> IntArray:
        """Edges of the contour, shape (n, 4): row, column, row, column; in no order."""
        inside = self.inside
        a, b = inside[:-1, :-1], inside[:-1, 1:]
        c, d = inside[1:, :-1], inside[1:, 1:]
        # Two pixels that touch by a corner: the contour runs around both, not between them.
        falling, rising = a & d & ~b & ~c, b & c & ~a & ~d
        top, left, right, bottom = (0, 1), (1, 0), (1, 2), (2, 1)
        cells = (
            ((a != b) & (b == c) & ((d == b) | rising), top, left),
            ((b != a) & (a == d) & ((c == a) | falling), top, right),
            ((c != a) & (a == d) & ((b == a) | falling), left, bottom),
            ((d != b) & (b == c) & ((a == b) | rising), bottom, right),
            ((a == b) & (c == d) & (a != c), left, right),
            ((a == c) & (b == d) & (a != b), top, bottom),
        )
        found = [_edges_of(cell, start, stop) for cell, start, stop in cells]
        return np.concatenate(found)


def _edges_of(cell: BoolArray, start: tuple[int, int], stop: tuple[int, int]) -> IntArray:
    row, column = (2 * place for place in np.nonzero(cell))
    places = (row + start[0], column + start[1], row + stop[0], column + stop[1])
    return np.column_stack(places).astype(np.int64)


def parts_of(mask: BoolArray, *, fill_holes: bool) -> list[Part]:
    """Return the parts of a region, slice by slice.

    Parameters
    ----------
    mask : ndarray of bool, shape (z, y, x)
        The crop of a region.
    fill_holes : bool
        Whether what a part encloses on its slice is of the part.
    """
    from scipy.ndimage import find_objects, label

    found = []
    for index, plane in enumerate(mask):
        if not plane.any():
            continue
        padded = np.pad(plane, 1)
        labels, n_parts = label(padded, structure=np.ones((3, 3), dtype=np.int8))
        for number, box in enumerate(find_objects(labels), start=1):
            inside = labels == number
            if fill_holes:
                inside = _filled(inside, box)
            found.append(Part(index, inside, n_parts))
    return found


def _filled(inside: BoolArray, box: tuple[slice, ...]) -> BoolArray:
    """Return a part with what it encloses; a gap between corners that touch is closed."""
    from scipy.ndimage import label

    outside = np.pad(~inside[box], 1, constant_values=True)
    labels, _ = label(outside)
    filled = inside.copy()
    filled[box] = (labels != labels[0, 0])[1:-1, 1:-1]
    return filled
