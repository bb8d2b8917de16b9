"""Draw contours over the image, so that a person can see whether a region fits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.regions.errors import RegionError
from biomarker_cli.regions.result import RoiResult

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

TILE_PIXELS = 320
CAPTION_PIXELS = 34
MARGIN_FRACTION = 0.6
"""How much of its own size is shown around a region."""
LEAST_FIELD_MM = 60.0
SLICE_FRACTIONS = (0.25, 0.5, 0.75)
"""Where between the first and the last slice of a region the pictures lie."""
GREY_PERCENTILES = (1.0, 99.0)
CONTOUR_COLOUR = (230, 159, 0)
"""Orange of the Okabe-Ito palette: seen on grey by everybody."""

FloatArray = npt.NDArray[np.float64]


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
    from PIL import Image, ImageDraw

    regions = [result.region for result in results if result.region is not None]
    if not regions:
        raise RegionError("REGION-NO-PREVIEW", "no region was imported, so there is no picture")
    height = TILE_PIXELS + CAPTION_PIXELS
    sheet = Image.new("RGB", (TILE_PIXELS * len(SLICE_FRACTIONS), height * len(regions)))
    draw = ImageDraw.Draw(sheet)
    for row, region in enumerate(regions):
        for column, index in enumerate(preview_slices(region)):
            place = (column * TILE_PIXELS, row * height)
            _draw_tile(sheet, draw, place, region, index, volume)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path, format="PNG")


def preview_slices(region: Region) -> list[int]:
    """Return three slices of a region: at a quarter, the middle and three quarters.

    A region of fewer slices is shown on one of them more than once.
    """
    filled = np.flatnonzero(region.crop.mask.any(axis=(1, 2))) + region.crop.offset[0]
    last = len(filled) - 1
    return [int(filled[round(fraction * last)]) for fraction in SLICE_FRACTIONS]


def _draw_tile(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    place: tuple[int, int],
    region: Region,
    index: int,
    volume: Volume,
) -> None:
    from PIL import Image, ImageFont

    low, pixels_per_mm = _field(region)
    spacing = np.asarray(region.geometry.spacing_mm[:2])
    grey = _sample(volume.array[index], low, pixels_per_mm, spacing)
    left, top = place
    sheet.paste(Image.fromarray(_to_grey(grey)), place)
    for line in _outlines(region, index):
        # A pixel centre lies half a pixel behind the corner that it starts at.
        points = ((line + 0.5) * spacing - low) * pixels_per_mm + (left, top)
        draw.line([(float(x), float(y)) for x, y in points], fill=CONTOUR_COLOUR, width=2)
    # Lines of a neighbouring field end at the border of the tile.
    draw.rectangle(
        (left, top + TILE_PIXELS, left + TILE_PIXELS, top + TILE_PIXELS + CAPTION_PIXELS),
        fill=(0, 0, 0),
    )
    text = f"{region.name[:36]}\nslice {index + 1} of {region.geometry.shape[0]}, "
    text += f"{region.volume_mm3 / 1000:.2f} mL"
    font: Any = ImageFont.load_default(size=13)
    draw.multiline_text((left + 4, top + TILE_PIXELS), text, fill=(255, 255, 255), font=font)


def _field(region: Region) -> tuple[FloatArray, float]:
    """Return the corner (x, y) in mm of the square to show, and pixels per mm."""
    spacing = np.asarray(region.geometry.spacing_mm[:2])
    _, rows, columns = region.box
    start = np.array([columns.start, rows.start]) * spacing
    stop = np.array([columns.stop, rows.stop]) * spacing
    side = max(float((stop - start).max()) * (1 + 2 * MARGIN_FRACTION), LEAST_FIELD_MM)
    return (start + stop) / 2 - side / 2, TILE_PIXELS / side


def _sample(
    plane: npt.NDArray[Any], low: FloatArray, pixels_per_mm: float, spacing: FloatArray
) -> FloatArray:
    """Return the nearest voxel of each pixel of a tile; beyond the image NaN."""
    rows, columns = plane.shape
    ticks = (np.arange(TILE_PIXELS) + 0.5) / pixels_per_mm
    x = np.floor((low[0] + ticks) / spacing[0]).astype(int)
    y = np.floor((low[1] + ticks) / spacing[1]).astype(int)
    tile: FloatArray = plane[np.clip(y, 0, rows - 1)][:, np.clip(x, 0, columns - 1)].astype(
        np.float64
    )
    tile[(y < 0) | (y >= rows)] = np.nan
    tile[:, (x < 0) | (x >= columns)] = np.nan
    return tile


def _to_grey(tile: FloatArray) -> npt.NDArray[np.uint8]:
    """Scale a tile between percentiles of what it shows; beyond the image dark blue."""
    shown = tile[np.isfinite(tile)]
    if not len(shown):
        shown = np.zeros(1)
    dark, bright = np.percentile(shown, GREY_PERCENTILES)
    scaled = (tile - dark) / (bright - dark if bright > dark else 1.0)
    grey = (np.clip(np.nan_to_num(scaled), 0.0, 1.0) * 255).astype(np.uint8)
    colours = np.stack([grey] * 3, axis=-1)
    colours[~np.isfinite(tile)] = (0, 0, 60)
    return colours


def _outlines(region: Region, index: int) -> Sequence[FloatArray]:
    """Return the outline of a slice as lines of (column, row) indices."""
    import contourpy

    z, y, x = region.crop.offset
    padded = np.pad(region.crop.mask[index - z], 1).astype(np.float64)
    lines: Any = contourpy.contour_generator(z=padded).lines(0.5)
    return [np.asarray(line) + np.array([x - 1, y - 1]) for line in lines]
