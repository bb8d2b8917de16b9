"""The tiles that show a region: first, largest and last slice, one beyond each end, three planes.

A tile holds the voxels that it shows as they were measured, one pixel for each, and the
outline of the mask in that very slice; how it is put on paper is a matter of others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from biomarker_cli.drawing.contours import outlines
from biomarker_cli.drawing.greys import grey_pixels
from biomarker_cli.drawing.planes import PlaneView, plane_view
from biomarker_cli.drawing.windows import Window, fixed_window, region_window
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.arrays import ByteArray, FloatArray

MARGIN_FRACTION = 0.6
"""How much of its own size is shown around a region."""

LEAST_FIELD_MM = 60.0

SECOND_WINDOW_SHARE = 0.01
"""Share of the ROI beyond the fixed window from which it is shown in a window of its own."""

BURNED_IN = "text burned in"

_BARS_MM = (5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0)

SLICES, ACROSS_ROWS, ACROSS_COLUMNS = 2, 1, 0
"""Index axes across the planes."""


@dataclass(frozen=True, eq=False)
class RegionTile:
    """A square part of one plane, with the outline of a region.

    Attributes
    ----------
    what : str
        Why this plane is shown: ``largest slice``.
    plane : str
        Of `planes.PLANES`.
    index, n_slices : int
        Which plane it is, from 0, and of how many.
    position_mm : float
        Of the plane, along the axis of the patient across it (LPS).
    window : Window
    share_outside : float
        Of the voxels of the region, from 0 to 1, beyond the window.
    side_mm : float
        Of the square.
    pixels : ndarray of uint8, shape (down, across, 3)
        One for each voxel that the square meets.
    place_mm : tuple of float
        ``(x, y, width, height)`` of the pixels from the corner of the square.
    outlines_mm : tuple of ndarray, shape (n, 2)
        Closed lines ``(x, y)`` from the corner of the square.
    letters : tuple of str
        At the left, right, upper and lower edge.
    warning : str
        What to know before it is shown around; empty for nothing.
    """

    what: str
    plane: str
    index: int
    n_slices: int
    position_mm: float
    window: Window
    share_outside: float
    side_mm: float
    pixels: ByteArray
    place_mm: tuple[float, float, float, float]
    outlines_mm: tuple[FloatArray, ...]
    letters: tuple[str, str, str, str]
    warning: str = ""


def region_tiles(region: Region, volume: Volume) -> list[RegionTile]:
    """Return the tiles of a region.

    Parameters
    ----------
    region : Region
        With at least one voxel.
    volume : Volume
        What was measured, on the grid of the region.
    """
    inside = volume.array[region.box][region.crop.mask].astype(np.float64)
    slices = plane_view(region.geometry, SLICES)
    largest = _fullest(region, SLICES)
    draw = _Drawing(region, volume)
    whole = draw.values(slices, largest)
    fixed = fixed_window(volume.quantity, inside, whole)
    share = fixed.share_outside(inside)
    tiles = [
        draw.tile(slices, index, what, fixed, share)
        for what, index in _wanted(region, largest)
        if 0 <= index < slices.n_slices
    ]
    for normal in (ACROSS_ROWS, ACROSS_COLUMNS):
        view = plane_view(region.geometry, normal)
        tiles.append(draw.tile(view, _fullest(region, normal), "widest plane", fixed, share))
    if share >= SECOND_WINDOW_SHARE:
        own = region_window(fixed, inside)
        what = "largest slice, window of the ROI"
        tiles.append(draw.tile(slices, largest, what, own, own.share_outside(inside)))
    return tiles


def _wanted(region: Region, largest: int) -> Iterator[tuple[str, int]]:
    first, last = region.box[0].start, region.box[0].stop - 1
    yield "one before the first", first - 1
    if first != largest:
        yield "first slice", first
    yield ("only slice" if first == last else "largest slice"), largest
    if last != largest:
        yield "last slice", last
    yield "one behind the last", last + 1


def _fullest(region: Region, normal: int) -> int:
    """Return the plane that holds most voxels of a region, the first of several."""
    array_axis = 2 - normal
    others = tuple(axis for axis in range(3) if axis != array_axis)
    counts = region.crop.mask.sum(axis=others)
    return int(counts.argmax()) + region.crop.offset[array_axis]


def tile_words(tile: RegionTile) -> tuple[str, str]:
    """Return two lines that say what a tile shows: which plane and where, and its window."""
    where = f"{tile.plane} {tile.index + 1} of {tile.n_slices}, {tile.position_mm:.1f} mm"
    window = tile.window
    unit = f" {window.unit}" if window.unit else ""
    inverse = ", inverse" if window.is_inverse else ""
    beyond = f"; {100 * tile.share_outside:.1f} % of the ROI beyond" if tile.share_outside else ""
    return f"{tile.what}: {where}", f"{window.low:.4g} .. {window.high:.4g}{unit}{inverse}{beyond}"


def scale_bar_mm(side_mm: float) -> float:
    """Return the length of the scale bar of a tile: a round one, a quarter of it or less."""
    return max(length for length in _BARS_MM if length <= max(side_mm / 4, _BARS_MM[0]))


class _Drawing:
    """Draws one region on one volume.

    Parameters
    ----------
    region : Region
    volume : Volume
    """

    def __init__(self, region: Region, volume: Volume) -> None:
        self._region, self._volume = region, volume
        box = region.box
        spacing = region.geometry.spacing_mm
        extent_mm, image_mm = (
            max(n * mm for n, mm in zip(voxels, spacing, strict=True))
            for voxels in (
                [box[2 - axis].stop - box[2 - axis].start for axis in range(3)],
                region.geometry.shape[::-1],
            )
        )
        # Round the outline of a body there is nothing more than the image.
        field_mm = min(extent_mm * (1 + 2 * MARGIN_FRACTION), image_mm)
        self._side_mm = max(LEAST_FIELD_MM, field_mm)

    def values(self, view: PlaneView, index: int) -> FloatArray:
        """Return the values that a tile of a plane shows."""
        (left, right), (top, bottom) = self._span(view)
        page = view.plane(self._volume.array, index)
        return page[top:bottom, left:right].astype(np.float64)

    def tile(
        self, view: PlaneView, index: int, what: str, window: Window, share: float
    ) -> RegionTile:
        """Return the tile of a plane."""
        corner = self._corner(view)
        spacing = view.spacing_mm
        (left, _), (top, _) = self._span(view)
        values = self.values(view, index)
        place = np.array([left, top]) * spacing - corner
        size = np.array(values.shape[::-1]) * spacing
        lines = tuple((line + 0.5) * spacing - corner for line in self._outlines(view, index))
        return RegionTile(
            what,
            view.name,
            index,
            view.n_slices,
            view.position_mm(index),
            window,
            share,
            self._side_mm,
            grey_pixels(values, window.scale),
            (float(place[0]), float(place[1]), float(size[0]), float(size[1])),
            lines,
            view.letters,
            BURNED_IN if self._volume.frames.is_burned_in else "",
        )

    def _outlines(self, view: PlaneView, index: int) -> list[FloatArray]:
        """Return the outlines on a page, in voxels: whole numbers are centres."""
        box = self._region.box[2 - view.normal]
        if not box.start <= index < box.stop:
            return []
        mask = view.plane(self._region.crop.mask, index - box.start)
        starts = np.array([self._page_box(view, place)[0] for place in (0, 1)])
        return [line + starts for line in outlines(np.ascontiguousarray(mask))]

    def _page_box(self, view: PlaneView, place: int) -> tuple[int, int]:
        """Return first and last voxel of the region on a page, across (0) or down (1)."""
        array_axis = 2 - (view.across, view.down)[place]
        box, n = self._region.box[array_axis], self._region.geometry.shape[array_axis]
        if view.signs[place] > 0:
            return box.start, box.stop
        return n - box.stop, n - box.start

    def _corner(self, view: PlaneView) -> FloatArray:
        """Return the corner of the square from that of the page, mm."""
        middle = [sum(self._page_box(view, place)) / 2 for place in (0, 1)]
        corner: FloatArray = np.array(middle) * view.spacing_mm - self._side_mm / 2
        return corner

    def _span(self, view: PlaneView) -> tuple[tuple[int, int], tuple[int, int]]:
        """Return the voxels of a page that the square meets: across, and down."""
        corner, spacing = self._corner(view), view.spacing_mm
        spans = []
        for place, axis in enumerate((view.across, view.down)):
            n = self._region.geometry.shape[2 - axis]
            first = int(np.floor(corner[place] / spacing[place]))
            stop = int(np.ceil((corner[place] + self._side_mm) / spacing[place]))
            spans.append((max(first, 0), min(stop, n)))
        return spans[0], spans[1]
