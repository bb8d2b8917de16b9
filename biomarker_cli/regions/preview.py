"""Pictures of imported regions, so that a person can see whether they fit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from biomarker_cli.drawing.contours import region_outlines
from biomarker_cli.drawing.greys import grey_pixels, scale_of
from biomarker_cli.drawing.slices import field_around, slices_across
from biomarker_cli.drawing.tiles import CAPTION_PIXELS, captioned, draw_lines, montage, png
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.wording import shown
from biomarker_cli.regions.errors import RegionError
from biomarker_cli.regions.result import RoiResult

if TYPE_CHECKING:
    from PIL.Image import Image

TILE_PIXELS = 320
SLICE_FRACTIONS = (0.25, 0.5, 0.75)
"""Where between the first and the last slice of a region the pictures lie."""

NAME_AT_MOST = 36
"""Characters of a name in a caption."""


def contour_preview(results: Iterable[RoiResult], volume: Volume, path: Path) -> None:
    """Write a PNG: a row for each region, three slices across.

    Parameters
    ----------
    results : iterable of RoiResult
        Those without a region are left out.
    volume : Volume
        The image that they were imported for.
    path : Path
        Ends in ``.png``.

    Raises
    ------
    RegionError
        ``REGION-NO-PREVIEW`` where no region can be shown.
    """
    regions = [result.region for result in results if result.region is not None]
    if not regions:
        raise RegionError("REGION-NO-PREVIEW", "no region was imported, so there is no picture")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(contour_picture(regions, volume, TILE_PIXELS))


def contour_picture(regions: Sequence[Region], volume: Volume, tile_pixels: int) -> bytes:
    """Return the content of a PNG file: a row for each region, three slices across.

    Parameters
    ----------
    regions : sequence of Region
        At least one, each with a voxel.
    volume : Volume
        The image whose grid they lie on.
    tile_pixels : int
        Of the side of each slice.
    """
    rows = [[(region, z) for z in slices_across(region, SLICE_FRACTIONS)] for region in regions]
    sheet = montage([[_tile(region, z, volume, tile_pixels) for region, z in row] for row in rows])
    for y, row in enumerate(rows):
        for x, (region, z) in enumerate(row):
            lines = map(field_around(region, tile_pixels).to_pixels, region_outlines(region, z))
            draw_lines(sheet, lines, (x * tile_pixels, y * (tile_pixels + CAPTION_PIXELS)))
    return png(sheet)


def _tile(region: Region, z: int, volume: Volume, pixels: int) -> Image:
    from PIL import Image

    values = field_around(region, pixels).sample(volume.array[z])
    return captioned(
        Image.fromarray(grey_pixels(values, scale_of(values))),
        f"{shown(region.name)[:NAME_AT_MOST]}\nslice {z + 1} of {region.geometry.shape[0]}, "
        f"{region.volume_mm3 / 1000:.2f} mL",
    )
