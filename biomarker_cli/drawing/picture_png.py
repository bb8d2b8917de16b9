"""The tiles of regions on one sheet, as PNG, for a look at a segmentation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from biomarker_cli.drawing.greys import NO_VALUE_COLOUR
from biomarker_cli.drawing.region_tiles import RegionTile, scale_bar_mm, tile_words
from biomarker_cli.drawing.tiles import (
    captioned,
    draw_lines,
    draw_words,
    montage,
    png,
)
from biomarker_cli.model.wording import bounded, shown

if TYPE_CHECKING:
    from PIL.Image import Image

TILE_PIXELS = 320
COLUMNS = 4

NAME_AT_MOST = 36
"""Characters of a name in a caption."""

_WHITE = (255, 255, 255)
_BLACK = (0, 0, 0)


def picture_png(regions: Sequence[tuple[str, Sequence[RegionTile]]]) -> bytes:
    """Return the content of a PNG file: the tiles of each region, four in a row.

    Parameters
    ----------
    regions : sequence of (str, sequence of RegionTile)
        Name of each region, and its tiles.
    """
    rows = [
        [captioned(_tile_image(tile), _caption(name, tile)) for tile in tiles[start:][:COLUMNS]]
        for name, tiles in regions
        for start in range(0, len(tiles), COLUMNS)
    ]
    return png(montage(rows))


def _caption(name: str, tile: RegionTile) -> str:
    where, window = tile_words(tile)
    warning = f", {tile.warning}" if tile.warning else ""
    return f"{bounded(shown(name), NAME_AT_MOST)}{warning}\n{where}\n{window}"


def _tile_image(tile: RegionTile) -> Image:
    from PIL import Image

    scale = TILE_PIXELS / tile.side_mm
    picture = Image.new("RGB", (TILE_PIXELS, TILE_PIXELS), NO_VALUE_COLOUR)
    left, top, width, height = (scale * number for number in tile.place_mm)
    box = (round(left), round(top), round(left + width), round(top + height))
    size = (max(box[2] - box[0], 1), max(box[3] - box[1], 1))
    picture.paste(Image.fromarray(tile.pixels).resize(size, Image.Resampling.NEAREST), box[:2])
    draw_lines(picture, (line * scale for line in tile.outlines_mm))
    foot = TILE_PIXELS - 6
    bar = scale_bar_mm(tile.side_mm)
    for below, colour in ((2.0, _BLACK), (0.0, _WHITE)):
        ends = np.array([[6.0, foot + below], [6.0 + bar * scale, foot + below]])
        draw_lines(picture, [ends], colour=colour)
    middle = TILE_PIXELS // 2
    places = ((4, middle), (TILE_PIXELS - 20, middle), (middle, 2), (middle, TILE_PIXELS - 20))
    draw_words(picture, [*zip(places, tile.letters, strict=True), ((6, foot - 20), f"{bar:g} mm")])
    return picture
