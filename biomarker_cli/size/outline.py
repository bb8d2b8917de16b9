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
class Island:
    """One part of a region on a slice.

    Attributes
    ----------
    index : int
        Of the slice within the crop of the region.
    inside : ndarray of bool, shape (rows + 2, columns + 2)
        The box around it, with a border of one pixel.
    offset : tuple of int
        Row and column of the first pixel of that border within the crop; -1 at its edge.
    n_parts : int
        How many the region has on the slice.
    """

    index: int
    inside: BoolArray
    offset: tuple[int, int]
    n_parts: int

    @property
    def spread(self) -> IntArray:
        """Distance of its outermost corners along rows and columns, in half pixels."""
        rows, columns = self.inside.shape
        return np.array([2 * (rows - 2), 2 * (columns - 2)], dtype=np.int64)

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
    def hull(self) -> IntArray:
        """Corners of the convex hull, shape (n, 2), by monotone chains (Andrew 1979)."""
        corners = self.corners
        rows, first = np.unique(corners[:, 0], return_index=True)
        last = np.append(first[1:], len(corners)) - 1
        lower = _chain(rows.tolist(), corners[first, 1].tolist(), 1)
        upper = _chain(rows.tolist(), corners[last, 1].tolist(), -1)
        return np.unique(np.array(lower + upper, dtype=np.int64), axis=0)

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


def _chain(rows: list[int], columns: list[int], sign: int) -> list[tuple[int, int]]:
    chain: list[tuple[int, int]] = []
    for row, column in zip(rows, columns, strict=True):
        while len(chain) > 1:
            (r0, c0), (r1, c1) = chain[-2], chain[-1]
            if sign * ((r1 - r0) * (column - c0) - (c1 - c0) * (row - r0)) > 0:
                break
            chain.pop()
        chain.append((row, column))
    return chain


def _edges_of(cell: BoolArray, start: tuple[int, int], stop: tuple[int, int]) -> IntArray:
    row, column = (2 * place for place in np.nonzero(cell))
    places = (row + start[0], column + start[1], row + stop[0], column + stop[1])
    return np.column_stack(places).astype(np.int64)


def parts_of(mask: BoolArray, *, fill_holes: bool) -> list[Island]:
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
        labels, n_parts = label(plane, structure=np.ones((3, 3), dtype=np.int8))
        for number, (rows, columns) in enumerate(find_objects(labels), start=1):
            inside = np.pad(labels[rows, columns] == number, 1)
            if fill_holes:
                around, _ = label(~inside)
                inside = around != around[0, 0]
            found.append(Island(index, inside, (rows.start - 1, columns.start - 1), n_parts))
    return found
