"""The picture of a registration: squares in turn, and outlines where the fixed body lies."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image
from synthetic_registration import GRID, body, motion, moved

from biomarker_cli.drawing.tiles import ORANGE
from biomarker_cli.imaging.region import Region
from biomarker_cli.registration.overlay import SQUARES, TILE_PIXELS, checkerboard, overlay_png


def _picture(*arguments) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(overlay_png(*arguments))).convert("RGB"))


def test_a_checkerboard_shows_both_in_turn():
    first, second = np.zeros((16, 8, 3), np.uint8), np.full((16, 8, 3), 255, np.uint8)
    board = checkerboard(first, second)[..., 0]
    side = 16 // SQUARES
    assert board[:side, :side].max() == 0
    assert board[:side, side : 2 * side].min() == 255
    assert board[side : 2 * side, :side].min() == 255
    assert board[side : 2 * side, side : 2 * side].max() == 0


def test_three_planes_of_two_pictures_the_same_bytes_each_time():
    pair = (body(1), moved(body(1, noise_seed=2), motion()))
    assert overlay_png(motion(), *pair) == overlay_png(motion(), *pair)
    picture = _picture(motion(), *pair)
    assert picture.shape[1] == 2 * TILE_PIXELS
    assert picture.shape[0] > 3 * TILE_PIXELS


def test_outlines_lie_on_the_moving_image_where_the_region_of_the_fixed_one_is():
    mask = np.zeros(GRID.shape, dtype=bool)
    mask[12:18, 20:28, 24:32] = True
    picture = _picture(np.eye(4), body(1), body(1), [Region(mask, GRID, "lesion", "lesion")])
    drawn = (picture == ORANGE).all(axis=-1)
    assert not drawn[:, :TILE_PIXELS].any()
    rows, columns = np.nonzero(drawn[:TILE_PIXELS, TILE_PIXELS:])
    # The longer side of the first plane is 56 voxels across.
    scale = TILE_PIXELS / (GRID.shape[2] * GRID.spacing_mm[0])
    assert abs(columns.min() - 24 * 2.0 * scale) < 3
    assert abs(columns.max() - 32 * 2.0 * scale) < 3
    # The plane lies in the middle of its picture.
    above = (TILE_PIXELS - GRID.shape[1] * GRID.spacing_mm[1] * scale) / 2
    assert abs(rows.min() - above - 20 * 2.0 * scale) < 3
    assert abs(rows.max() - above - 28 * 2.0 * scale) < 3


def test_a_region_without_voxels_draws_the_body():
    empty = Region(np.zeros(GRID.shape, dtype=bool), GRID, "none", "none")
    pair = (body(1), body(1, noise_seed=2))
    assert overlay_png(np.eye(4), *pair, [empty]) == overlay_png(np.eye(4), *pair)


def test_the_air_round_a_body_does_not_take_the_greys_of_its_tissue():
    """Tissue of 0 HU, a lesion of 60 HU in it: 60 of the 400 HU of the soft tissue window."""
    mask = np.zeros(GRID.shape, dtype=bool)
    mask[4:-4, 8:-8, 8:-8] = True
    inner = np.zeros(GRID.shape, dtype=bool)
    inner[12:18, 20:28, 24:32] = True
    template = body(1)
    values = np.where(inner, 60.0, np.where(mask, 0.0, -1000.0))
    image = template.with_array(values, template.quantity)
    picture = _picture(np.eye(4), image, image, [Region(mask, GRID, "body", "body")])
    scale = TILE_PIXELS / GRID.shape[2]
    lesion, tissue = (int(picture[int(24 * scale), int(x * scale), 0]) for x in (28, 14))
    assert abs((lesion - tissue) - 255 * 60 / 400) < 2
