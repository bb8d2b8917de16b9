"""Pictures: an image with lines over it, a caption below, and several on one sheet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

from biomarker_cli.model.arrays import FloatArray

if TYPE_CHECKING:
    from PIL.Image import Image

Colour = tuple[int, int, int]

ORANGE: Colour = (230, 159, 0)
"""Of the Okabe-Ito palette: seen on grey by everybody."""

CAPTION_PIXELS = 52
"""Room for three lines of text."""

LINE_PIXELS = 2

_FONT_PIXELS = 13
_INDENT_PIXELS = 4
_TEXT_COLOUR: Colour = (255, 255, 255)


def draw_lines(
    picture: Image,
    lines: Iterable[FloatArray],
    origin: tuple[int, int] = (0, 0),
    colour: Colour = ORANGE,
) -> None:
    """Draw lines into a picture.

    Parameters
    ----------
    picture : PIL.Image.Image
        RGB; what lies beyond it is cut off.
    lines : iterable of ndarray, shape (n, 2)
        ``(x, y)`` in pixels from `origin`.
    origin : tuple of int
        ``(x, y)`` in the picture: the corner of a tile on a sheet.
    colour : tuple of int
        Red, green, blue.
    """
    from PIL import ImageDraw

    draw = ImageDraw.Draw(picture)
    for line in lines:
        draw.line([(float(x), float(y)) for x, y in line + origin], fill=colour, width=LINE_PIXELS)


def captioned(picture: Image, text: str) -> Image:
    """Return a picture with a black strip of text below it.

    Parameters
    ----------
    picture : PIL.Image.Image
        RGB.
    text : str
        Up to three lines; what is wider than the picture is cut off.
    """
    from PIL import Image, ImageDraw, ImageFont

    tile = Image.new("RGB", (picture.width, picture.height + CAPTION_PIXELS))
    tile.paste(picture, (0, 0))
    font: Any = ImageFont.load_default(size=_FONT_PIXELS)
    place = (_INDENT_PIXELS, picture.height)
    ImageDraw.Draw(tile).multiline_text(place, text, fill=_TEXT_COLOUR, font=font)
    return tile


def draw_words(picture: Image, words: Iterable[tuple[tuple[int, int], str]]) -> None:
    """Write words into a picture, white on black so that they are read on any grey.

    Parameters
    ----------
    picture : PIL.Image.Image
        RGB.
    words : iterable of ((int, int), str)
        ``(x, y)`` of the upper left corner, and the text.
    """
    from PIL import ImageDraw, ImageFont

    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(size=_FONT_PIXELS)
    for place, text in words:
        draw.text(place, text, fill=_TEXT_COLOUR, font=font, stroke_width=1, stroke_fill="black")


def montage(rows: Sequence[Sequence[Image]]) -> Image:
    """Return one picture of many.

    Parameters
    ----------
    rows : sequence of sequence of PIL.Image.Image
        From the top, each from the left; all of one size.

    Raises
    ------
    ValueError
        Where there is none, or one has another size.
    """
    from PIL import Image

    tiles = [tile for row in rows for tile in row]
    if len({tile.size for tile in tiles}) != 1:
        raise ValueError("a montage is made of pictures of one size")
    width, height = tiles[0].size
    sheet = Image.new("RGB", (width * max(map(len, rows)), height * len(rows)))
    for y, row in enumerate(rows):
        for x, tile in enumerate(row):
            sheet.paste(tile, (x * width, y * height))
    return sheet


def png(picture: Image) -> bytes:
    """Return a picture as the content of a PNG file, the same bytes for the same picture."""
    stream = BytesIO()
    picture.save(stream, format="PNG")
    return stream.getvalue()
