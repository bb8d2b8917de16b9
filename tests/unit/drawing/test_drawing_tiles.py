"""Pictures: lines at their place, captions below, sheets of tiles, bytes of PNG."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from biomarker_cli.drawing.tiles import (
    CAPTION_PIXELS,
    ORANGE,
    captioned,
    draw_lines,
    montage,
    png,
)

SQUARE = np.array([(5.0, 6.0), (25.0, 6.0), (25.0, 16.0), (5.0, 16.0), (5.0, 6.0)])


def plain(colour=(9, 9, 9), size=(40, 30)):
    return Image.new("RGB", size, colour)


def box_of(picture, colour):
    rows, columns = (np.asarray(picture) == colour).all(axis=-1).nonzero()
    return columns.min(), columns.max(), rows.min(), rows.max()


@pytest.mark.parametrize("origin", [(0, 0), (10, 12)])
def test_lines_are_drawn_from_their_origin(origin):
    picture = plain()
    draw_lines(picture, [SQUARE], origin)
    box = np.array(box_of(picture, ORANGE)) - np.repeat(origin, 2)
    # Two pixels wide: one more on one side.
    np.testing.assert_allclose(box, [5, 25, 6, 16], atol=1)
    assert tuple(np.asarray(picture)[origin[1] + 11, origin[0] + 15]) == (9, 9, 9)


def test_every_line_is_drawn_in_the_colour_that_was_asked_for():
    picture = plain()
    draw_lines(picture, [SQUARE[:2], SQUARE[2:4]], colour=(0, 200, 0))
    left, right, top, bottom = box_of(picture, (0, 200, 0))
    assert (right - left, bottom - top) == pytest.approx((20, 10), abs=2)


def test_a_caption_stands_below_the_picture_and_leaves_it_alone():
    tile = captioned(plain(), "name\nslice 3")
    assert tile.size == (40, 30 + CAPTION_PIXELS)
    pixels = np.asarray(tile)
    np.testing.assert_array_equal(pixels[:30], np.asarray(plain()))
    caption = pixels[30:].max(axis=-1)
    # Two lines of white on black, each in its half.
    assert caption[: CAPTION_PIXELS // 2].max() == 255
    assert caption[CAPTION_PIXELS // 2 :].max() == 255
    assert np.median(caption) == 0


def test_tiles_lie_in_their_rows():
    a, b, c = plain((1, 0, 0)), plain((2, 0, 0)), plain((3, 0, 0))
    sheet = np.asarray(montage([[a, b], [c]]))
    assert sheet.shape == (60, 80, 3)
    reds = sheet[::30, ::40, 0]
    np.testing.assert_array_equal(reds, [[1, 2], [3, 0]])


@pytest.mark.parametrize("rows", [[], [[]], [[plain(), plain(size=(3, 3))]]])
def test_what_fits_no_sheet_is_refused(rows):
    with pytest.raises(ValueError, match="one size"):
        montage(rows)


def test_png_holds_the_picture_in_the_same_bytes():
    picture = plain()
    draw_lines(picture, [SQUARE])
    content = png(picture)
    assert content == png(picture.copy())
    with Image.open(BytesIO(content), formats=["PNG"]) as read:
        np.testing.assert_array_equal(np.asarray(read), np.asarray(picture))
