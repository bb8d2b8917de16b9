"""One plane of contours: which are holes, which unite, which exclude each other.

DICOM says of CLOSED_PLANAR contours of one ROI on one plane only that each
encloses an area. By long practice of planning systems a contour inside another
is a hole, and one inside that an island. Contours that cross are undefined; they
are united, and the audit says so. CLOSEDPLANAR_XOR is defined: a point is inside
when an odd number of contours encloses it.

References
----------
DICOM PS3.3 C.8.8.6.3 (Representing Inner and Outer Contours).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biomarker_cli.model.arrays import BoolArray
from biomarker_cli.regions.polygons import (
    SAMPLES,
    PixelWindow,
    Ring,
    area,
    clip,
    fill,
    fraction_inside,
    window_of,
)

CROSSING_TOLERANCE = 0.01
"""Contours of which a smaller part than this overlaps, or sticks out, do not
cross: planning systems draw a hole that touches the outer contour with rounding."""


MOST_COMPARED = 10_000
"""Pairs of contours of one ROI that are compared: some seconds. A lung with all its
vessels has some hundreds on a plane."""


@dataclass(frozen=True)
class Nesting:
    """How the contours of one plane lie in each other.

    Attributes
    ----------
    depth : tuple of int
        Number of contours around each one; odd is a hole, -1 a duplicate.
    n_crossing : int
        Pairs that cross.
    n_compared : int
        Pairs that were compared: what finding this out has cost.
    """

    depth: tuple[int, ...]
    n_crossing: int
    n_compared: int = 0

    @property
    def n_holes(self) -> int:
        """Contours that take away."""
        return sum(d > 0 and d % 2 == 1 for d in self.depth)

    @property
    def n_duplicates(self) -> int:
        """Contours that repeat another one."""
        return sum(d < 0 for d in self.depth)


def nest(rings: list[Ring], most: int = MOST_COMPARED) -> Nesting:
    """Find which contours of a plane lie inside which, and which cross.

    The order of the contours decides nothing. The search ends where more than `most`
    pairs would have to be compared, as `Nesting.n_compared` then tells.
    """
    depth = [0] * len(rings)
    n_crossing = n_compared = 0
    if len(rings) < 2:
        return Nesting(tuple(depth), 0)
    areas = [area(ring) for ring in rings]
    order = sorted(range(len(rings)), key=lambda i: (-areas[i], rings[i].tobytes()))
    low = np.array([rings[i].min(axis=0) for i in order])
    high = np.array([rings[i].max(axis=0) for i in order])
    for position, small in enumerate(order):
        touching = (low[:position] <= high[position]) & (low[position] <= high[:position])
        for larger in np.flatnonzero(touching.all(axis=1)):
            large = order[larger]
            if depth[large] < 0:
                continue
            n_compared += 1
            if n_compared > most:
                return Nesting(tuple(depth), n_crossing, n_compared)
            inside = fraction_inside(rings[small], rings[large])
            if inside == 1.0 and areas[small] > (1 - 1e-6) * areas[large]:
                depth[small] = -1
                break
            if inside >= 1.0 - CROSSING_TOLERANCE:
                depth[small] += 1
            elif inside > CROSSING_TOLERANCE:
                n_crossing += 1
    return Nesting(tuple(depth), n_crossing, n_compared)


@dataclass(frozen=True)
class ContourPlane:
    """The contours of one ROI that lie on one plane.

    Attributes
    ----------
    position_mm : float
        Along the slice axis of the image, from the centre of slice 0.
    closed, exclusive : list of Ring
        CLOSED_PLANAR and CLOSEDPLANAR_XOR contours, in pixels of the image.
    nesting, exclusive_nesting : Nesting
        How each kind lies in itself.
    """

    position_mm: float
    closed: list[Ring]
    exclusive: list[Ring]
    nesting: Nesting
    exclusive_nesting: Nesting

    def draw(self, window: PixelWindow) -> BoolArray:
        """Return which pixel centres lie inside, shape (rows, columns)."""
        mask = np.zeros((window.rows, window.columns), dtype=np.bool_)
        for ring, depth in sorted(
            zip(self.closed, self.nesting.depth, strict=True), key=lambda pair: pair[1]
        ):
            if depth < 0:
                continue
            part, place = _draw_ring(ring, window)
            if depth % 2:
                mask[place] &= ~part
            else:
                mask[place] |= part
        for ring in self.exclusive:
            part, place = _draw_ring(ring, window)
            mask[place] ^= part
        return mask

    def area(self, window: PixelWindow | None = None) -> float:
        """Return the enclosed area in pixels, of the part within a window if given.

        Exact where contours do not cross; contours that do are compared on
        sub-pixel samples.
        """
        crossing = self.nesting.n_crossing + self.exclusive_nesting.n_crossing
        repeated = self.exclusive_nesting.n_duplicates
        if crossing or repeated or (self.closed and self.exclusive):
            return self._sampled_area(window)
        rings = self.closed or self.exclusive
        nesting = self.nesting if self.closed else self.exclusive_nesting
        return float(
            sum(
                (-1.0) ** depth * area(clip(ring, window) if window else ring)
                for ring, depth in zip(rings, nesting.depth, strict=True)
                if depth >= 0
            )
        )

    def _sampled_area(self, window: PixelWindow | None) -> float:
        rings = self.closed + self.exclusive
        low = np.min([ring.min(axis=0) for ring in rings], axis=0)
        high = np.max([ring.max(axis=0) for ring in rings], axis=0)
        if window:
            low = np.maximum(low, (window.column - 0.5, window.row - 0.5))
            high = np.minimum(
                high, (window.column + window.columns - 0.5, window.row + window.rows - 0.5)
            )
        if (high <= low).any():
            return 0.0
        samples = 4 * SAMPLES
        scale = samples / (high - low)
        fine = ContourPlane(
            0.0,
            [(ring - low) * scale - 0.5 for ring in self.closed],
            [(ring - low) * scale - 0.5 for ring in self.exclusive],
            self.nesting,
            self.exclusive_nesting,
        )
        inside = np.count_nonzero(fine.draw(PixelWindow(0, 0, samples, samples)))
        return float(inside / (scale[0] * scale[1]))


def _draw_ring(ring: Ring, window: PixelWindow) -> tuple[BoolArray, tuple[slice, slice]]:
    """Fill a ring within its own box; return it and its place in the window."""
    own = window_of(ring)
    row = min(max(own.row, window.row), window.row + window.rows)
    column = min(max(own.column, window.column), window.column + window.columns)
    rows = max(min(own.row + own.rows, window.row + window.rows) - row, 0)
    columns = max(min(own.column + own.columns, window.column + window.columns) - column, 0)
    place = (
        slice(row - window.row, row - window.row + rows),
        slice(column - window.column, column - window.column + columns),
    )
    return fill(ring, PixelWindow(row, column, rows, columns)), place
