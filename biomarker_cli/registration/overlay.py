"""A picture of two registered images: a checkerboard, and outlines of one on the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from biomarker_cli.drawing.contours import outlines
from biomarker_cli.drawing.greys import grey_pixels
from biomarker_cli.drawing.planes import PlaneView, plane_view
from biomarker_cli.drawing.tiles import captioned, draw_lines, draw_words, montage, png
from biomarker_cli.drawing.windows import fixed_window
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.arrays import BoolArray, ByteArray, FloatArray
from biomarker_cli.registration.anatomy import (
    body_of,
    body_points_mm,
    on_grid,
    region_points_mm,
)
from biomarker_cli.registration.deformable.fields import Way
from biomarker_cli.registration.itk_images import image_of

if TYPE_CHECKING:
    from PIL.Image import Image

TILE_PIXELS = 360

SQUARES = 8
"""Of the checkerboard, along the longer side of a plane."""


def overlay_png(
    matrix: Way, fixed: Volume, moving: Volume, regions: Sequence[Region] = ()
) -> bytes:
    """Return the content of a PNG file: three planes, each with two pictures.

    Left a checkerboard of both images, right the moving image with the outlines of the
    regions, or of the body in the fixed image where there are none. The planes lie through
    the centre of the first region, or of the body; values are grey as everywhere
    (`biomarker_cli.drawing.windows`), so that air does not take the greys of tissue.

    Parameters
    ----------
    matrix : ndarray, shape (4, 4), or DisplacementField
        Fixed point to moving point, LPS mm.
    fixed, moving : Volume
    regions : sequence of Region
        On the grid of the fixed image.
    """
    target = image_of(fixed)
    there = on_grid(moving, fixed, matrix)
    filled = [one for one in regions if one.n_voxels]
    drawn = [one.mask for one in filled] or [body_of(target)]
    points = region_points_mm(filled[0]) if filled else body_points_mm(target)
    place = _voxel(fixed.geometry, points.mean(axis=0))
    rows = []
    for normal in (2, 1, 0):
        view = plane_view(fixed.geometry, normal)
        greys = [
            _greys(array, image, drawn[0], view.plane(array, place[normal]))
            for image, array in ((fixed, fixed.array), (moving, there))
        ]
        lines = [line for mask in drawn for line in _lines(view, mask, place[normal])]
        where = f"{view.name} at {view.position_mm(place[normal]):.1f} mm"
        rows.append(
            [
                captioned(_tile(checkerboard(*greys), view, []), f"{where}\nboth images"),
                captioned(_tile(greys[1], view, lines), f"{where}\nmoving, outlines of fixed"),
            ]
        )
    return png(montage(rows))


def _voxel(geometry: Geometry, point_mm: FloatArray) -> tuple[int, int, int]:
    """Return the voxel ``(x, y, z)`` next to a point, within the grid."""
    nearest = np.rint(geometry.physical_to_index(point_mm[None, :])[0])
    x, y, z = (np.clip(nearest, 0, np.array(geometry.shape[::-1]) - 1)).astype(int).tolist()
    return x, y, z


def _greys(array: FloatArray, image: Volume, mask: BoolArray, page: FloatArray) -> ByteArray:
    window = fixed_window(image.quantity, array[mask], page)
    return grey_pixels(np.asarray(page, np.float64), window.scale)


def _lines(view: PlaneView, mask: BoolArray, index: int) -> list[FloatArray]:
    page = np.ascontiguousarray(view.plane(mask, index))
    return [(line + 0.5) * view.spacing_mm for line in outlines(page)]


def checkerboard(first: ByteArray, second: ByteArray) -> ByteArray:
    """Return squares of two pictures in turn, the corner from the first.

    Parameters
    ----------
    first, second : ndarray of uint8, shape (y, x, 3)
    """
    side = -(-max(first.shape[:2]) // SQUARES)
    down, across = np.indices(first.shape[:2]) // side
    return np.where((down + across)[..., None] % 2 == 1, second, first)


def _tile(pixels: ByteArray, view: PlaneView, lines: list[FloatArray]) -> Image:
    from PIL import Image

    size_mm = np.array(pixels.shape[1::-1]) * view.spacing_mm
    scale = TILE_PIXELS / float(size_mm.max())
    width, height = (max(round(scale * float(mm)), 1) for mm in size_mm)
    picture = Image.new("RGB", (TILE_PIXELS, TILE_PIXELS))
    page = Image.fromarray(pixels)
    corner = (TILE_PIXELS - width) // 2, (TILE_PIXELS - height) // 2
    picture.paste(page.resize((width, height), Image.Resampling.NEAREST), corner)
    draw_lines(picture, (line * scale + corner for line in lines))
    middle = TILE_PIXELS // 2
    places = ((4, middle), (TILE_PIXELS - 20, middle), (middle, 2), (middle, TILE_PIXELS - 20))
    draw_words(picture, list(zip(places, view.letters, strict=True)))
    return picture
