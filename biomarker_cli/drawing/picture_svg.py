"""The picture of a region as one SVG file, and the same file read back tile by tile.

It opens in any browser. Each tile is an image of one pixel per voxel (PNG, or lossy WebP
where that is too large) under the outline of the mask as a path, in mm::

    <svg> <metadata id="tiles"> what each tile shows, as JSON </metadata>
          <svg> <image id="image-0"/> <path id="outline-0"/> ... </svg> ...
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape

from biomarker_cli.drawing.axes import svg_page, svg_text
from biomarker_cli.drawing.region_tiles import RegionTile, scale_bar_mm, tile_words
from biomarker_cli.model.arrays import ByteArray, FloatArray

SHOWN_PIXELS = 192.0
"""Side of a tile on the page of the SVG file."""

MOST_PIXELS = 112
"""Of the longer side of an image; a larger one is averaged down."""

_LOSSLESS_BYTES = 1500
"""Up to which an image stays PNG."""

_WEBP_QUALITY = 70
_CAPTION, _COLUMNS, _GAP = 52.0, 4, 6.0
_NO_VALUE = "#00003c"

CONTOUR_BACK, CONTOUR = "black", "#f0e442"
"""A yellow line on a black one is seen on any grey, by everybody."""

_IMAGE = re.compile(r"data:image/(?:png|webp|jpeg);base64,[A-Za-z0-9+/]+={0,2}")
_PATH = re.compile(r"[MLZ0-9. ,-]*")
_WORDS = ("what", "plane", "where", "window_name", "window", "unit", "letters")
_NUMBERS = ("index", "n_slices", "position_mm", "low", "high", "share_outside", "side_mm", "bar_mm")
_MOST_TILES = 64
_LONGEST_WORD = 200


@dataclass(frozen=True)
class PictureTile:
    """A tile of a picture that was read back.

    Attributes
    ----------
    facts : dict
        ``what``, ``plane``, ``where``, ``window`` (text), ``index`` (from 0), ``n_slices``,
        ``position_mm``, ``low``, ``high``, ``unit``, ``is_inverse``, ``share_outside``,
        ``side_mm``, ``bar_mm``, ``letters``, ``warning``, and ``place_mm`` of the image.
    image : str
        ``data:`` URI.
    outline : str
        Path of the contour in mm from the corner of the tile; empty beside the region.
    """

    facts: dict[str, Any]
    image: str
    outline: str


class NoPictureError(ValueError):
    """A file that is no picture of ours."""


def picture_svg(tiles: Sequence[RegionTile], title: str) -> bytes:
    """Return the content of an SVG file, the same bytes for the same tiles.

    Parameters
    ----------
    tiles : sequence of RegionTile
        At least one.
    title : str
        Name of the region.
    """
    step_x, step_y = SHOWN_PIXELS + _GAP, SHOWN_PIXELS + _CAPTION
    rows = -(-len(tiles) // _COLUMNS)
    facts = json.dumps([_facts(tile) for tile in tiles], allow_nan=False)
    parts = [
        f"<title>{escape(title)}</title>",
        f'<metadata id="tiles">{escape(facts)}</metadata>',
        svg_text(4, 18, title),
    ]
    for number, tile in enumerate(tiles):
        row, column = divmod(number, _COLUMNS)
        parts += _shown_tile(number, tile, column * step_x, 28 + row * step_y)
    width = step_x * min(len(tiles), _COLUMNS)
    return svg_page(width, 28 + rows * step_y, parts).encode()


def outline_path(lines: Iterable[FloatArray]) -> str:
    """Return closed lines as the path of an SVG element, to a hundredth of a mm."""
    return "".join("M" + "L".join(f"{x:.2f},{y:.2f}" for x, y in line[:-1]) + "Z" for line in lines)


def read_picture(content: bytes) -> list[PictureTile]:
    """Return the tiles of a picture that `picture_svg` wrote.

    Nothing but text, numbers, images and paths is taken from the file.

    Raises
    ------
    NoPictureError
    """
    import xml.etree.ElementTree as ET

    if b"<!" in content:
        # Nothing of ours declares a type or an entity.
        raise NoPictureError("it has a declaration")
    try:
        root = ET.fromstring(content)  # noqa: S314 - without declarations, see above
        named = {element.get("id"): element for element in root.iter() if element.get("id")}
        facts = json.loads(named["tiles"].text or "")
        return [
            PictureTile(
                _checked_facts(one),
                _matched(_IMAGE, named[f"image-{number}"].get("href", "")),
                _matched(_PATH, named[f"outline-{number}"].get("d", "")),
            )
            for number, one in enumerate(_listed(facts))
        ]
    except NoPictureError:
        raise
    except (ET.ParseError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise NoPictureError(f"{type(error).__name__}: {error}") from error


def _listed(facts: Any) -> list[Any]:
    if not isinstance(facts, list) or not 0 < len(facts) <= _MOST_TILES:
        raise NoPictureError("it has no tiles")
    return facts


def _facts(tile: RegionTile) -> dict[str, Any]:
    where, window = tile_words(tile)
    return {
        "what": tile.what,
        "plane": tile.plane,
        "where": where,
        "index": tile.index,
        "n_slices": tile.n_slices,
        "position_mm": tile.position_mm,
        "window_name": tile.window.name,
        "window": window,
        "low": tile.window.low,
        "high": tile.window.high,
        "unit": tile.window.unit,
        "is_inverse": tile.window.is_inverse,
        "share_outside": tile.share_outside,
        "side_mm": tile.side_mm,
        "bar_mm": scale_bar_mm(tile.side_mm),
        "place_mm": list(tile.place_mm),
        "letters": " ".join(tile.letters),
        **({"warning": tile.warning} if tile.warning else {}),
    }


def _checked_facts(one: Any) -> dict[str, Any]:
    # A warning is there where there is one.
    words = {name: one[name] for name in _WORDS} | {"warning": one.get("warning", "")}
    if not all(isinstance(word, str) and len(word) <= _LONGEST_WORD for word in words.values()):
        raise NoPictureError("a word is none")
    if len(words["letters"].split(" ")) != 4:
        raise NoPictureError("its letters are not four")
    numbers = {name: float(one[name]) for name in _NUMBERS}
    place = [float(number) for number in one["place_mm"]]
    if len(place) != 4 or not numbers["side_mm"] > 0:
        raise NoPictureError("it has no place")
    return words | numbers | {"place_mm": place, "is_inverse": one["is_inverse"] is True}


def _matched(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(text):
        raise NoPictureError("an image or a path is none")
    return text


def _shown_tile(number: int, tile: RegionTile, x: float, y: float) -> list[str]:
    side, middle = tile.side_mm, SHOWN_PIXELS / 2
    left, top, width, height = tile.place_mm
    path = outline_path(tile.outlines_mm)
    line = SHOWN_PIXELS / side
    where, window = tile_words(tile)
    # One line of both would run into the next tile.
    what, _, place = where.partition(": ")
    said = (what, place, f"{window}, {tile.warning}" if tile.warning else window)
    edges = (
        (6.0, middle + 4, ""),
        (SHOWN_PIXELS - 6, middle + 4, "end"),
        (middle, 14.0, "middle"),
        (middle, SHOWN_PIXELS - 6, "middle"),
    )
    letters = zip(tile.letters, edges, strict=True)
    bar = scale_bar_mm(side)
    return [
        f'<g transform="translate({x:g} {y:g})">',
        f'<svg width="{SHOWN_PIXELS:g}" height="{SHOWN_PIXELS:g}" viewBox="0 0 {side:g} {side:g}">',
        f'<rect width="{side:g}" height="{side:g}" fill="{_NO_VALUE}"/>',
        f'<image id="image-{number}" x="{left:.3f}" y="{top:.3f}" width="{width:.3f}" '
        f'height="{height:.3f}" preserveAspectRatio="none" image-rendering="pixelated" '
        f'href="{image_uri(tile.pixels)}"/>',
        f'<g fill="none" stroke="{CONTOUR_BACK}" stroke-width="{3 / line:.3f}">'
        f'<path id="outline-{number}" d="{path}"/></g>',
        f'<use href="#outline-{number}" fill="none" stroke="{CONTOUR}" '
        f'stroke-width="{1.2 / line:.3f}"/>',
        # White on black, so that it is seen on an image that is light as well.
        *(
            f'<path d="M{2 / line:.2f} {side - 3 / line:.2f}h{bar:g}" stroke="{colour}" '
            f'stroke-width="{pixels / line:.3f}"/>'
            for colour, pixels in (("black", 4), ("white", 2))
        ),
        "</svg>",
        '<g fill="white" stroke="black" stroke-width="3" paint-order="stroke">',
        *(svg_text(left, top, text, anchor) for text, (left, top, anchor) in letters),
        svg_text(4, SHOWN_PIXELS - 8, f"{bar:g} mm"),
        "</g>",
        '<g font-size="9">',
        *(svg_text(0, SHOWN_PIXELS + 12 * n, text) for n, text in enumerate(said, 1)),
        "</g></g>",
    ]


def image_uri(pixels: ByteArray) -> str:
    """Return pixels as a ``data:`` URI.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (y, x, 3)
    """
    from PIL import Image

    image = Image.fromarray(pixels)
    if (pixels == pixels[..., :1]).all():
        image = image.convert("L")
    longer = max(image.size)
    if longer > MOST_PIXELS:
        size = [max(1, round(n * MOST_PIXELS / longer)) for n in image.size]
        image = image.resize((size[0], size[1]), Image.Resampling.BOX)
    kind, content = "png", _saved(image, format="PNG", optimize=True)
    if len(content) > _LOSSLESS_BYTES:
        lossy = _saved(image, format="WEBP", quality=_WEBP_QUALITY, method=4)
        if len(lossy) < len(content):
            kind, content = "webp", lossy
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _saved(image: Any, **how: Any) -> bytes:
    stream = BytesIO()
    image.save(stream, **how)
    return stream.getvalue()
