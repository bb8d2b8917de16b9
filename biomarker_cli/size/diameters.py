"""Longest diameter and short axis of the parts of a region.

The longest diameter is the largest distance of two corners of the contour of one part:
over a concavity (``hull``), or with every point inside (``inside``). The short axis is the
longest line across it, at a right angle, on the same slice and wholly inside.

Of equal diameters the one with the longest short axis is taken, then the one on the lower
slice, then the one whose ends stand first: a flipped image has the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from biomarker_cli.kernels.compiled import longest_inside
from biomarker_cli.model.arrays import FloatArray, IntArray
from biomarker_cli.size.outline import Island

_ROUNDING = 1e-12
"""Relative difference of two lengths that are equal but for rounding."""

_FEW = 64
"""Corners whose lines give a first bound of the longest one inside."""

_LINES = 4096
"""Equally long lines of a part that are looked at, at most."""

_CORNERS = 4096
"""Corners of a part between which lines inside are looked for, at most: of more, every nth."""

_CROSSINGS = 1_000_000
"""Edges that lines across a longest diameter meet, looked at together."""


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
    part : Island
    longest, short : Line
    """

    part: Island
    longest: Line
    short: Line


def axes_of(parts: Sequence[Island], pixels: Pixels) -> Axes:
    """Return the longest diameter over all parts, over concavities, and its short axis.

    Parameters
    ----------
    parts : sequence of Island
        At least one.
    pixels : Pixels
    """
    return _longest_of(parts, pixels, _over_concavities)


def inside_axes_of(parts: Sequence[Island], pixels: Pixels) -> Axes:
    """Return the longest line that is wholly inside a part, and its short axis.

    Parameters
    ----------
    parts : sequence of Island
        At least one.
    pixels : Pixels
    """
    return _longest_of(parts, pixels, _inside)


_Search = Callable[[Island, Pixels, float], tuple[IntArray, float]]
"""Finds the longest lines of a part that are not shorter than a squared length.

Returns their ends, shape (n, 4), in half pixels, and the squared length of the longest one.
"""


def _longest_of(parts: Sequence[Island], pixels: Pixels, search: _Search) -> Axes:
    spread = [float(pixels.squared(part.spread)) for part in parts]
    best = 0.0
    found: dict[int, tuple[IntArray, float]] = {}
    # The largest parts first: those whose box is smaller than a line are not looked at.
    for place in np.argsort(spread)[::-1].tolist():
        if spread[place] < best * (1.0 - _ROUNDING):
            break
        ends, squared = search(parts[place], pixels, best)
        best = max(best, squared)
        found[place] = ends, squared
    longest = [
        (parts[place], ends)
        for place, (ends, squared) in sorted(found.items())
        if len(ends) and squared >= best * (1.0 - _ROUNDING)
    ]
    return _with_longest_short_axis(longest, pixels)


def _over_concavities(part: Island, pixels: Pixels, at_least: float) -> tuple[IntArray, float]:
    hull = part.hull
    squared = _squared_between(hull, pixels)
    longest = max(at_least, float(squared.max()))
    one, other = np.nonzero(np.triu(squared) >= longest * (1.0 - _ROUNDING))
    return np.hstack((hull[one], hull[other])), longest


def _squared_between(points: IntArray, pixels: Pixels) -> FloatArray:
    return pixels.squared(points[:, None] - points[None, :])


def _with_longest_short_axis(found: Iterable[tuple[Island, IntArray]], pixels: Pixels) -> Axes:
    best: Axes | None = None
    seen: set[tuple[tuple[int, ...], bytes]] = set()
    for part, ends in found:
        # A stack of equal slices has one answer.
        what = part.inside.shape, part.inside.tobytes()
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


def short_axis(part: Island, longest: IntArray, pixels: Pixels) -> Line:
    """Return the longest line inside a part at a right angle to another one.

    The length of the lines changes linearly between the corners of the contour, so that
    the longest one runs through a corner.

    Parameters
    ----------
    part : Island
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
    best = _Chord(0.0, 0.0, 0.0, 0.0)
    for low, high in _stretches(first, last, len(stops)):
        found = _longest_chord(u, v, stops, np.maximum(first, low), np.minimum(last, high))
        if found.length > best.length * (1.0 + _ROUNDING):
            best = found
    across = np.array([-along[1], along[0]])
    start, stop = (
        (origin + best.at * along + place * across) / half for place in (best.enter, best.leave)
    )
    ends = ((float(row), float(column)) for row, column in (start, stop))
    return Line(best.length, *ends)


class _Chord(NamedTuple):
    """A line across another one: its length, where along that it lies, and its ends."""

    length: float
    at: float
    enter: float
    leave: float


def _stretches(first: IntArray, last: IntArray, n_stops: int) -> Iterator[tuple[int, int]]:
    """Yield stretches of stops that few edges cross, so that an outline of noise fits in memory."""
    steps = np.bincount(first, minlength=n_stops) - np.bincount(last, minlength=n_stops)
    crossing = np.cumsum(np.cumsum(steps))
    low = 0
    while low < n_stops - 1:
        before = crossing[low - 1] if low else 0
        high = int(np.searchsorted(crossing, before + _CROSSINGS, side="right"))
        high = min(max(high, low + 1), n_stops - 1)
        yield low, high
        low = high


def _longest_chord(
    u: FloatArray, v: FloatArray, stops: FloatArray, first: IntArray, last: IntArray
) -> _Chord:
    """Return the longest chord between the stops that each edge has from `first` to `last`."""
    count = np.maximum(last - first, 0)
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
    longest = float(lengths.max())
    place = int(np.argmax(lengths >= longest * (1.0 - _ROUNDING)))
    enter, leave = order[place % len(order)]
    at, ends = (low, at_low) if place < len(order) else (high, at_high)
    return _Chord(longest, float(at[enter]), float(ends[enter]), float(ends[leave]))


def _inside(part: Island, pixels: Pixels, at_least: float) -> tuple[IntArray, float]:
    reach = float(_squared_between(part.hull, pixels).max())
    lines = np.empty((_LINES, 4), dtype=np.int64)
    number = 0
    if reach < at_least * (1.0 - _ROUNDING):
        return lines[:0], at_least
    corners = _some(part.corners, _CORNERS)
    # Lines between few corners first: most others are shorter, and not looked at.
    few = _some(corners, _FEW)
    for some in (part.hull, few, corners):
        at_least, number = longest_inside(
            part.inside[None], some, pixels.row_mm, pixels.column_mm, at_least, lines
        )
        if number and at_least >= reach * (1.0 - _ROUNDING):
            break
    return lines[:number].copy(), at_least


def _some(corners: IntArray, most: int) -> IntArray:
    return np.ascontiguousarray(corners[:: -(-len(corners) // most)])
