"""Polygons on a pixel grid: fill by voxel centre, area, clipping.

A ring is an array (n, 2) of vertices ``(x, y)`` in index coordinates: pixel
``[row, column]`` has its centre at ``(column, row)``, and the pixel covers half
a unit to each side. Nothing is rounded to pixels: a pixel belongs to a polygon
when its centre lies inside, by the even-odd rule. A centre on the left or the
upper edge is inside, one on the right or the lower edge is not, so that two
polygons that share an edge share no pixel. An edge is as exact as its vertices
are snapped: a centre within a millionth of a pixel of it lies on it.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from biomarker_cli.model.arrays import BoolArray, FloatArray, IndexArray

Ring = FloatArray

SNAP_PER_PIXEL = 2.0**20
"""Vertices are snapped to this fraction of a pixel (1e-6): the way from mm to
indices leaves noise of 1e-12 that would decide ties between edge and centre."""

ON_EDGE = 1.0 / SNAP_PER_PIXEL
"""A centre this close to an edge, in pixels, lies on it: snapping moves the ends of an
edge that passes exactly through a centre by up to seven tenths of that."""

CROSSINGS_AT_ONCE = 2**22
"""Places where edges meet rows that are worked on together (some 100 MB)."""

SAMPLES = 128
"""Samples along each side of the box on which two polygons are compared."""


class PixelWindow(NamedTuple):
    """A rectangle of pixels: first row and column, and the number of each."""

    row: int
    column: int
    rows: int
    columns: int


def snap(ring: Ring) -> Ring:
    """Return a ring on a lattice of a millionth of a pixel."""
    return np.round(ring * SNAP_PER_PIXEL) / SNAP_PER_PIXEL


def window_of(ring: Ring) -> PixelWindow:
    """Return the pixels whose centres can lie inside a ring."""
    low = np.ceil(ring.min(axis=0)).astype(int)
    high = np.floor(ring.max(axis=0)).astype(int) + 1
    columns, rows = np.maximum(high - low, 0)
    return PixelWindow(int(low[1]), int(low[0]), int(rows), int(columns))


def fill(ring: Ring, window: PixelWindow) -> BoolArray:
    """Return which pixel centres of a window lie inside a ring.

    Parameters
    ----------
    ring : ndarray, shape (n, 2)
        Open or closed; it may touch or cross itself (even-odd).
    window : PixelWindow

    Returns
    -------
    ndarray of bool, shape (rows, columns)
        Every edge toggles the pixels to the right of where it meets a row.
    """
    row0, _, rows, columns = window
    x0, y0 = ring[:, 0], ring[:, 1]
    x1, y1 = np.append(x0[1:], x0[0]), np.append(y0[1:], y0[0])
    # Always from the upper end: an edge gives the same numbers in both directions.
    down = y0 <= y1
    upper = np.stack([np.where(down, x0, x1), np.where(down, y0, y1)])
    lower = np.stack([np.where(down, x1, x0), np.where(down, y1, y0)])
    first = np.clip(np.ceil(upper[1]), row0, row0 + rows).astype(np.intp)
    count = np.clip(np.ceil(lower[1]), row0, row0 + rows).astype(np.intp) - first
    n_cells = rows * (columns + 1)
    toggles = np.zeros(n_cells, dtype=np.uint8)
    for part in _parts(count):
        cells = _cells(upper[:, part], lower[:, part], first[part], count[part], window)
        toggles ^= np.bincount(cells, minlength=n_cells).astype(np.uint8) & 1
    toggles = toggles.reshape(rows, columns + 1)[:, :columns]
    return np.bitwise_xor.accumulate(toggles, axis=1).view(np.bool_)


def crossings_of(ring: Ring, rows: int) -> int:
    """Return how often the edges of a ring meet rows 0 .. `rows` - 1: the cost of filling it."""
    y = np.clip(np.ceil(ring[:, 1]), 0, rows)
    return int(np.abs(np.diff(y, append=y[:1])).sum())


def _parts(count: IndexArray) -> list[slice]:
    """Return runs of edges that meet about `CROSSINGS_AT_ONCE` rows each."""
    total = np.cumsum(count)
    if not len(total) or total[-1] <= CROSSINGS_AT_ONCE:
        return [slice(0, len(total))]
    steps = np.arange(CROSSINGS_AT_ONCE, int(total[-1]), CROSSINGS_AT_ONCE)
    ends = [0, *np.searchsorted(total, steps).tolist(), len(total)]
    return [slice(a, b) for a, b in pairwise(ends) if b > a]


def _cells(
    upper: Ring,
    lower: Ring,
    first: IndexArray,
    count: IndexArray,
    window: PixelWindow,
) -> IndexArray:
    """Return the pixel from which on each edge toggles each of its rows.

    A pixel whose centre lies on the edge is the first: it is inside where the
    polygon lies to the right of the edge.
    """
    row0, column0, _, columns = window
    edge = np.repeat(np.arange(len(count)), count)
    row = first[edge] + np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count)
    height = lower[1] - upper[1]
    slope = (lower[0] - upper[0]) / np.where(height > 0, height, 1.0)
    # The distance to the edge counts, not the one along the row; no edge reaches past its ends.
    reach = ON_EDGE * np.hypot(1.0, slope)
    meets = upper[0][edge] + (row - upper[1][edge]) * slope[edge]
    meets = np.maximum(meets - reach[edge], np.minimum(upper[0], lower[0])[edge])
    column = np.clip(np.ceil(meets), column0, column0 + columns).astype(np.intp) - column0
    cells: IndexArray = (row - row0) * (columns + 1) + column
    return cells


def area(ring: Ring) -> float:
    """Return the area of a ring in pixels (shoelace formula), never negative."""
    if len(ring) < 3:
        return 0.0
    x, y = (ring - ring[0]).T
    return 0.5 * abs(float(x[:-1] @ y[1:] - y[:-1] @ x[1:] + x[-1] * y[0] - y[-1] * x[0]))


def clip(ring: Ring, window: PixelWindow) -> Ring:
    """Return the part of a ring within the area that a window of pixels covers.

    The result is a ring whose area is exact, though parts of its outline may
    run along the border (Sutherland and Hodgman, 1974).
    """
    low = np.array([window.column, window.row]) - 0.5
    high = low + np.array([window.columns, window.rows])
    for axis in (0, 1):
        ring = _clip_half(ring, axis, low[axis], 1.0)
        ring = _clip_half(ring, axis, high[axis], -1.0)
    return ring


def _clip_half(ring: Ring, axis: int, limit: float, sign: float) -> Ring:
    distance = sign * (ring[:, axis] - limit)
    if not len(ring) or distance.min() >= 0:
        return ring
    following, next_distance = np.roll(ring, -1, axis=0), np.roll(distance, -1)
    crosses = (distance >= 0) != (next_distance >= 0)
    step = np.where(crosses, distance - next_distance, 1.0)
    crossing = ring + (distance / step)[:, None] * (following - ring)
    # Each vertex that stays, followed by the point where its edge crosses.
    both = np.stack([ring, crossing], axis=1).reshape(-1, 2)
    kept: Ring = both[np.stack([distance >= 0, crosses], axis=1).ravel()]
    return kept


def fraction_inside(one: Ring, other: Ring) -> float:
    """Return which part of the area of one ring lies within another.

    Sampled on a lattice over the first ring, so that outlines that touch, or
    cross by a rounding error, count as what they are: nothing.
    """
    low, high = one.min(axis=0), one.max(axis=0)
    scale = SAMPLES / np.maximum(high - low, np.finfo(float).tiny)
    window = PixelWindow(0, 0, SAMPLES, SAMPLES)
    inside = fill((one - low) * scale - 0.5, window)
    total = int(np.count_nonzero(inside))
    if not total:
        return 0.0
    common = inside & fill((other - low) * scale - 0.5, window)
    return int(np.count_nonzero(common)) / total
