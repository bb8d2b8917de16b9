"""Which slices of an image are shown, and which part of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from biomarker_cli.imaging.region import Region
from biomarker_cli.model.arrays import AnyArray, FloatArray

MARGIN_FRACTION = 0.6
"""How much of its own size is shown around a region."""

LEAST_FIELD_MM = 60.0


def slices_across(region: Region, fractions: Sequence[float]) -> list[int]:
    """Return slices of a region by where they lie between its first and its last one.

    A region of few slices is shown on one of them more than once.

    Parameters
    ----------
    region : Region
        With at least one voxel.
    fractions : sequence of float
        0 is the first slice of the region, 1 the last.

    Returns
    -------
    list of int
        Indices in the whole grid, one for each fraction.
    """
    filled = np.flatnonzero(region.crop.mask.any(axis=(1, 2))) + region.crop.offset[0]
    last = len(filled) - 1
    return [int(filled[round(fraction * last)]) for fraction in fractions]


@dataclass(frozen=True)
class SquareField:
    """A square part of the plane of a slice, and the pixels that it is drawn with.

    Attributes
    ----------
    corner_mm : ndarray, shape (2,)
        ``(x, y)`` of its first corner; the first voxel of the slice begins at zero.
    side_mm : float
    pixels : int
        Across and down.
    spacing_mm : ndarray, shape (2,)
        ``(x, y)`` of the voxels of the slice.
    """

    corner_mm: FloatArray
    side_mm: float
    pixels: int
    spacing_mm: FloatArray

    @property
    def pixels_per_mm(self) -> float:
        """Scale of the picture."""
        return self.pixels / self.side_mm

    def to_pixels(self, indices: FloatArray) -> FloatArray:
        """Return where points lie in the picture.

        Parameters
        ----------
        indices : ndarray, shape (n, 2)
            ``(column, row)``; whole numbers are the centres of voxels.

        Returns
        -------
        ndarray, shape (n, 2)
            ``(x, y)`` in pixels from the corner of the picture.
        """
        # The centre of a voxel lies half a voxel behind the corner that it starts at.
        pixels: FloatArray = (
            (indices + 0.5) * self.spacing_mm - self.corner_mm
        ) * self.pixels_per_mm
        return pixels

    def sample(self, plane: AnyArray) -> FloatArray:
        """Return the nearest voxel of each pixel.

        Parameters
        ----------
        plane : ndarray, shape (y, x)
            A slice.

        Returns
        -------
        ndarray of float64, shape (pixels, pixels)
            NaN beyond the image.
        """
        rows, columns = plane.shape
        ticks = (np.arange(self.pixels) + 0.5) / self.pixels_per_mm
        x = np.floor((self.corner_mm[0] + ticks) / self.spacing_mm[0]).astype(int)
        y = np.floor((self.corner_mm[1] + ticks) / self.spacing_mm[1]).astype(int)
        sampled: FloatArray = plane[np.clip(y, 0, rows - 1)][:, np.clip(x, 0, columns - 1)].astype(
            np.float64
        )
        sampled[(y < 0) | (y >= rows)] = np.nan
        sampled[:, (x < 0) | (x >= columns)] = np.nan
        return sampled


def field_around(region: Region, pixels: int) -> SquareField:
    """Return the square that shows a region on any slice, with what lies around it.

    Parameters
    ----------
    region : Region
    pixels : int
        Of the side of the picture.
    """
    spacing = np.asarray(region.geometry.spacing_mm[:2])
    _, rows, columns = region.box
    start = np.array([columns.start, rows.start]) * spacing
    stop = np.array([columns.stop, rows.stop]) * spacing
    side = max(float((stop - start).max()) * (1 + 2 * MARGIN_FRACTION), LEAST_FIELD_MM)
    return SquareField((start + stop) / 2 - side / 2, side, pixels, spacing)
