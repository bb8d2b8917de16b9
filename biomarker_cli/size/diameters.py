"""Longest diameter and short axis of the parts of a region.

The longest diameter is the largest distance of two corners of the contour of one part:
over a concavity (``hull``), or with every point inside (``inside``). The short axis is the
longest line across it, at a right angle, on the same slice and wholly inside.

Of equal diameters the one with the longest short axis is taken, then the one on the lower
slice, then the one whose ends stand first: a flipped image has the same numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from biomarker_cli.kernels.compiled import longest_inside
from biomarker_cli.model.arrays import FloatArray, IntArray
from biomarker_cli.size.outline import Part

_ROUNDING = 1e-12
"""Relative difference of two lengths that are equal but for rounding."""

_FEW = 64
"""Corners whose lines give a first bound of the longest one inside."""

_LINES = 4096
"""Equally long lines of a part that are looked at, at most."""


@dataclass(frozen=True)
class Pixels:
    """Distance of rows and of columns.

    Attributes
    ----------
    row_mm, column_mm : float
    """

    row_mm: float
    column_mm: float

    def squared(self, difference: IntArray) -> FloatArray:
        """Return squared lengths in mm2 of differences in half pixels, shape (..., 2)."""
        rows = difference[..., 0] * (0.5 * self.row_mm)
        columns = difference[..., 1] * (0.5 * self.column_mm)
        found: FloatArray = rows * rows + columns * columns
        return found


@dataclass(frozen=True)
class Line:
    """A line on a slice.

    Attributes
    ----------
    length_mm : float
    start, stop : tuple of float
        Row and column in half pixels of the part.
    """

    length_mm: float
    start: tuple[float, float]
    stop: tuple[float, float]


@dataclass(frozen=True)
class Axes:
    """The two axes of a lesion.

    Attributes
    ----------
    part : Part
    longest, short : Line
    """

    part: Part
    longest: Line
    short: Line


def axes_of(parts: Sequence[Part], pixels: Pixels) -> Axes:
    """Return the longest diameter over all parts, over concavities, and its short axis.

    Parameters
    ----------
    parts : sequence of Part
        At least one.
    pixels : Pixels
    """
    best, found = 0.0, []
    for part in parts:
        hull = convex_hull(part.corners)
        squared = _squared_between(hull, pixels)
        best = max(best, float(squared.max()))
        found.append((part, hull, squared))
    ends = []
    for part, hull, squared in found:
        one, other = np.nonzero(np.triu(squared) >= best * (1.0 - _ROUNDING))
        if len(one):
            ends.append((part, np.hstack((hull[one], hull[other]))))
    return _with_longest_short_axis(ends, pixels)


def inside_axes_of(parts: Sequence[Part], pixels: Pixels) -> Axes:
    """Return the longest line that is wholly inside a part, and its short axis.

    Parameters
    ----------
    parts : sequence of Part
        At least one.
    pixels : Pixels
    """
    reach = [_reach_of(part, pixels) for part in parts]
    best = 0.0
    found: dict[int, tuple[IntArray, float]] = {}
    for place in np.argsort(reach)[::-1].tolist():
        if reach[place] < best * (1.0 - _ROUNDING):
            break
        ends, squared = _longest_inside(parts[place], pixels, best, reach[place])
        best = max(best, squared)
        found[place] = ends, squared
    longest = [
        (parts[place], ends)
        for place, (ends, squared) in sorted(found.items())
        if squared >= best * (1.0 - _ROUNDING)
    ]
    return _with_longest_short_axis(longest, pixels)


def _reach_of(part: Part, pixels: Pixels) -> float:
    """Return the squared diameter of a part, which no line inside exceeds."""
    return float(_squared_between(convex_hull(part.corners), pixels).max())


def _squared_between(points: IntArray, pixels: Pixels) -> FloatArray:
    return pixels.squared(points[:, None] - points[None, :])


def _with_longest_short_axis(found: Iterable[tuple[Part, IntArray]], pixels: Pixels) -> Axes:
    best: Axes | None = None
    seen: set[bytes] = set()
    for part, ends in found:
        # A stack of equal slices has one answer.
        what = part.inside.tobytes()
        if what in seen:
            continue
        seen.add(what)
        for line in np.unique(ends, axis=0):
            short = short_axis(part, line, pixels)
            if best is None or short.length_mm > best.short.length_mm * (1.0 + _ROUNDING):
                length = float(np.sqrt(pixels.squared(line[2:] - line[:2])))
                row, column, other_row, other_column = map(float, line)
                longest = Line(length, (row, column), (other_row, other_column))
                best = Axes(part, longest, short)
    assert best is not None  # noqa: S101 - a part has corners, and two of them face each other
    return best


def convex_hull(corners: IntArray) -> IntArray:
    """Return the corners of the convex hull, shape (n, 2), by monotone chains (Andrew 1979).

    Parameters
    ----------
    corners : ndarray of int, shape (n, 2)
        In the order of rows, then columns.
    """
    rows, first = np.unique(corners[:, 0], return_index=True)
    last = np.append(first[1:], len(corners)) - 1
    lower = _chain(rows.tolist(), corners[first, 1].tolist(), 1)
    upper = _chain(rows.tolist(), corners[last, 1].tolist(), -1)
    return np.unique(np.array(lower + upper, dtype=np.int64), axis=0)


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


def short_axis(part: Part, longest: IntArray, pixels: Pixels) -> Line:
    """Return the longest line inside a part at a right angle to another one.

    The length of the lines changes linearly between the corners of the contour, so that
    the longest one runs through a corner.

    Parameters
    ----------
    part : Part
    longest : ndarray of int, shape (4,)
        Row, column, row, column in half pixels; of two different points.
    pixels : Pixels
    """
    half = np.array([0.5 * pixels.row_mm, 0.5 * pixels.column_mm])
    origin = longest[:2] * half
    along = (longest[2:] - longest[:2]) * half
    along = along / np.hypot(*along)
    points = part.edges.reshape(-1, 2, 2) * half - origin
    u = points[..., 0] * along[0] + points[..., 1] * along[1]
    v = points[..., 1] * along[0] - points[..., 0] * along[1]
    # Each edge from left to right; one that is a line across is the end of others.
    turned = u[:, 0] > u[:, 1]
    u[turned], v[turned] = u[turned, ::-1], v[turned, ::-1]
    stops = np.unique(u)
    first, last = np.searchsorted(stops, u[:, 0]), np.searchsorted(stops, u[:, 1])
    count = last - first
    edge = np.repeat(np.arange(len(u)), count)
    gap = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count) + first[edge]
    low, high = stops[gap], stops[gap + 1]
    rise = (v[edge, 1] - v[edge, 0]) / (u[edge, 1] - u[edge, 0])
    at_low = v[edge, 0] + (low - u[edge, 0]) * rise
    at_high = v[edge, 0] + (high - u[edge, 0]) * rise
    # Between two corners lines enter and leave at every other edge.
    order = np.lexsort((at_low + at_high, gap)).reshape(-1, 2)
    length_low = at_low[order[:, 1]] - at_low[order[:, 0]]
    length_high = at_high[order[:, 1]] - at_high[order[:, 0]]
    lengths = np.concatenate((length_low, length_high))
    longest_of = float(lengths.max())
    place = int(np.argmax(lengths >= longest_of * (1.0 - _ROUNDING)))
    enter, leave = order[place % len(order)]
    at, across = (low, at_low) if place < len(order) else (high, at_high)
    ends = [
        (origin + at[one] * along + across[one] * np.array([-along[1], along[0]])) / half
        for one in (enter, leave)
    ]
    start, stop = ((float(row), float(column)) for row, column in ends)
    return Line(longest_of, start, stop)


def _longest_inside(
    part: Part, pixels: Pixels, at_least: float, reach: float
) -> tuple[IntArray, float]:
    """Return the longest lines inside a part, and their squared length.

    Parameters
    ----------
    part : Part
    pixels : Pixels
    at_least, reach : float
        Squared lengths: below it nobody asks, and none is above.

    Returns
    -------
    ends : ndarray of int, shape (n, 4)
        Those that are equal but for rounding; empty where none is so long.
    squared : float
    """
    corners = part.corners
    lines = np.empty((_LINES, 4), dtype=np.int64)
    number = 0
    # Lines between few corners first: most others are shorter, and not looked at.
    few = np.ascontiguousarray(corners[:: max(1, len(corners) // _FEW)])
    for some in (convex_hull(corners), few, corners):
        at_least, number = longest_inside(
            part.inside[None], some, pixels.row_mm, pixels.column_mm, at_least, lines
        )
        if number and at_least >= reach * (1.0 - _ROUNDING):
            break
    return lines[:number].copy(), at_least
