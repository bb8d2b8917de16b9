"""Tiles of a region: the outline is that of the measured mask in the slice that a tile names."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset

from biomarker_cli.dicom.frames import FrameHeader, Frames
from biomarker_cli.drawing.picture_png import TILE_PIXELS, picture_png
from biomarker_cli.drawing.picture_svg import (
    SHOWN_PIXELS,
    NoPictureError,
    picture_svg,
    read_picture,
)
from biomarker_cli.drawing.planes import direction_letters, plane_view
from biomarker_cli.drawing.region_tiles import region_tiles, scale_bar_mm
from biomarker_cli.drawing.windows import fixed_window
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import ADC, HU, SIGNAL, SUL_JANMA, SUVBW

AXES = {
    "axial": (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
    "mirrored": (-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0),
    "feet up": (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, -1.0),
    # Rows run to the head, columns to the back: slices are sagittal.
    "sagittal": (0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0),
}
SHAPE = (14, 40, 44)


def grid(name="axial"):
    return Geometry(SHAPE, (2.0, 2.0, 3.0), (-40.0, -30.0, 12.0), AXES[name])


def lopsided(geometry, shift=0):
    """A region whose outline is another one on each slice, without symmetry."""
    mask = np.zeros(geometry.shape, dtype=np.bool_)
    for z in range(4, 10):
        mask[z + shift, 10 : 12 + z, 15:20] = True
        mask[z + shift, 10:13, 15 : 22 + z] = True
    return Region(mask, geometry, "label", "name")


def volume(geometry, quantity=HU, seed=1):
    values = np.random.default_rng(seed).normal(40.0, 10.0, geometry.shape)
    return Volume(values, geometry, quantity)


def inside(path, x, y):
    """Tell by the even-odd rule whether a point lies inside closed lines of a path."""
    crossings = 0
    for line in filter(None, path.split("Z")):
        points = [tuple(map(float, p.split(","))) for p in re.split("[ML]", line) if p]
        for (x0, y0), (x1, y1) in zip(points, points[1:] + points[:1], strict=True):
            if (y0 > y) != (y1 > y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
                crossings += 1
    return crossings % 2 == 1


def drawn_voxels(tile, geometry):
    """Voxels whose centre lies inside the outline of a tile: from the page back to the array."""
    facts = tile.facts
    normal = next(n for n in range(3) if plane_view(geometry, n).name == facts["plane"])
    view = plane_view(geometry, normal)
    left, top, width, height = facts["place_mm"]
    down, across = view.spacing_mm[1], view.spacing_mm[0]
    n_down, n_across = round(height / down), round(width / across)
    page = np.array(
        [
            [
                inside(tile.outline, left + (i + 0.5) * across, top + (j + 0.5) * down)
                for i in range(n_across)
            ]
            for j in range(n_down)
        ]
    )
    return view, page


@pytest.mark.parametrize("axes", AXES)
def test_each_outline_is_the_measured_mask_in_the_slice_that_its_tile_names(axes):
    geometry = grid(axes)
    region = lopsided(geometry)
    for tile in read_picture(picture_svg(region_tiles(region, volume(geometry)), "name")):
        view, page = drawn_voxels(tile, geometry)
        truth = view.plane(region.mask, int(tile.facts["index"]))
        assert page.sum() == truth.sum()
        rows, columns = np.nonzero(truth)
        if truth.any():
            found = np.argwhere(page)
            expected = np.column_stack([rows, columns])
            # The same shape at one offset: the tile shows a part of the plane.
            np.testing.assert_array_equal(
                found - found.min(axis=0), expected - expected.min(axis=0)
            )


def test_a_mask_that_sits_one_slice_off_has_other_outlines():
    geometry = grid()
    by_slice = []
    for shift in (0, 1):
        tiles = region_tiles(lopsided(geometry, shift), volume(geometry))
        read = read_picture(picture_svg(tiles, "name"))
        by_slice.append({(t.facts["plane"], t.facts["index"]): t.outline for t in read})
    both = by_slice[0].keys() & by_slice[1].keys()
    assert any(by_slice[0][key] != by_slice[1][key] for key in both)


def test_first_largest_last_one_beyond_each_end_and_three_planes_are_shown():
    tiles = region_tiles(lopsided(grid()), volume(grid()))
    assert [(t.plane, t.index, bool(t.outlines_mm)) for t in tiles[:5]] == [
        ("axial", 3, False),
        ("axial", 4, True),
        ("axial", 9, True),
        ("axial", 10, False),
        ("coronal", 10, True),
    ]
    assert [t.what for t in tiles[:4]] == [
        "one before the first", "first slice", "largest slice", "one behind the last",
    ]  # fmt: skip
    assert tiles[5].plane == "sagittal"
    assert tiles[1].position_mm == pytest.approx(12.0 + 4 * 3.0)


def test_at_the_end_of_the_image_there_is_nothing_beyond():
    mask = np.zeros(SHAPE, dtype=np.bool_)
    mask[0:14, 5:9, 5:9] = True
    whats = [t.what for t in region_tiles(Region(mask, grid(), "", "n"), volume(grid()))]
    assert not [what for what in whats if what.startswith("one ")]


@pytest.mark.parametrize("axes", AXES)
def test_the_right_of_the_patient_is_on_the_left_and_the_head_is_up(axes):
    views = {plane_view(grid(axes), n).name: plane_view(grid(axes), n).letters for n in range(3)}
    assert views["axial"] == ("R", "L", "A", "P")
    assert views["coronal"] == ("R", "L", "H", "F")
    assert views["sagittal"] == ("A", "P", "H", "F")


def test_an_oblique_direction_has_a_second_letter():
    assert direction_letters(np.array([0.8, -0.6, 0.0])) == "LA"
    assert direction_letters(np.array([0.99, -0.14, 0.0])) == "L"


@pytest.mark.parametrize(
    ("quantity", "mean", "expected"),
    [
        (HU, 40.0, (-160.0, 240.0, False)),
        (HU, -310.0, (-1350.0, 150.0, False)),
        (HU, -290.0, (-160.0, 240.0, False)),
        (SUVBW, 4.0, (0.0, 10.0, True)),
        (SUL_JANMA, 4.0, (0.0, 10.0, True)),
        (ADC, 1e-3, (0.0, 3e-3, False)),
        (SIGNAL, 5.0, (0.0, 99.0, False)),
    ],
)
def test_windows_are_fixed_by_quantity(quantity, mean, expected):
    window = fixed_window(quantity, np.full(4, mean), np.linspace(-1.0, 100.0, 102))
    assert (window.low, window.high, window.is_inverse) == pytest.approx(expected, abs=0.1)


def test_the_share_beyond_the_window_is_told_and_shown_in_a_window_of_the_roi():
    geometry = grid()
    hot = volume(geometry)
    region = lopsided(geometry)
    hot.array[region.mask] = np.linspace(0.0, 20.0, region.n_voxels)
    tiles = region_tiles(region, Volume(hot.array, geometry, SUVBW))
    assert tiles[0].share_outside == pytest.approx(0.5, abs=0.01)
    assert (tiles[-1].window.name, tiles[-1].index) == ("of the ROI", tiles[2].index)
    assert tiles[-1].window.high == pytest.approx(19.8, abs=0.1)
    usual = region_tiles(region, volume(geometry))
    assert "of the ROI" not in {t.window.name for t in usual}


def test_a_scale_bar_is_round_and_a_quarter_of_the_tile_or_less():
    assert [scale_bar_mm(side) for side in (60.0, 80.0, 250.0, 3.0)] == [10.0, 20.0, 50.0, 5.0]


@pytest.mark.parametrize(
    "damage",
    [
        lambda c: b"",
        lambda c: c[: len(c) // 2],
        lambda c: b"<!DOCTYPE svg>" + c,
        lambda c: c.replace(b"data:image/", b"https://example.org/", 1),
        lambda c: c.replace(b' d="M', b' d="Murl(x)'),
        lambda c: c.replace(b"place_mm", b"place", 1),
        lambda c: c.replace(b"R L A P", b"R L", 1),
        lambda c: re.sub(rb'(<metadata id="tiles">).*(</metadata>)', rb"\g<1>3\2", c),
    ],
)  # fmt: skip
def test_a_picture_that_is_none_of_ours_is_refused(damage):
    content = picture_svg(region_tiles(lopsided(grid()), volume(grid())), "name")
    assert read_picture(content)
    with pytest.raises(NoPictureError):
        read_picture(damage(content))


def test_the_scale_bar_is_seen_on_a_light_image():
    """SUV is drawn dark on light: a white bar alone is not there."""
    suv = replace(volume(grid()), quantity=SUVBW, array=np.zeros(grid().shape))
    tiles = region_tiles(lopsided(grid()), suv)
    sheet = np.asarray(Image.open(io.BytesIO(picture_png([("GTV", tiles)]))).convert("RGB"))
    foot = sheet[TILE_PIXELS - 12 : TILE_PIXELS, 6:30].reshape(-1, 3)
    assert {0, 255} <= {*foot.max(axis=1).tolist()}
    bars = re.findall(rb'h[0-9.]+" stroke="(black|white)"', picture_svg(tiles, "GTV"))
    assert bars[:2] == [b"black", b"white"]


def test_no_line_below_a_tile_runs_into_the_next():
    """Seven slices of a PET were told in one line each, over its neighbour."""
    content = picture_svg(region_tiles(lopsided(grid()), volume(grid())), "name").decode()
    said = re.findall(r'<text x="0.0" [^>]*>([^<]*)</text>', content)
    assert "largest slice" in said
    # A letter of 9 px is about half as wide.
    assert max(map(len, said)) * 4.5 <= SHOWN_PIXELS


def test_hostile_names_stay_text():
    content = picture_svg(
        region_tiles(lopsided(grid()), volume(grid())), "</svg><script>x()</script>"
    )
    assert b"<script" not in content


@pytest.mark.parametrize(("word", "warning"), [("YES", "text burned in"), ("NO", "")])
def test_text_in_the_pixels_is_warned_of_on_every_tile(word, warning):
    header = Dataset()
    header.BurnedInAnnotation = word
    geometry = grid()
    frames = Frames([FrameHeader(Dataset()), FrameHeader(header)])
    found = replace(volume(geometry), frames=frames)
    tiles = region_tiles(lopsided(geometry), found)
    assert {tile.warning for tile in tiles} == {warning}
    content = picture_svg(tiles, "GTV")
    assert {tile.facts["warning"] for tile in read_picture(content)} == {warning}
    assert (b"HU, text burned in</text>" in content) is bool(warning)
    assert (b"warning" in content) is bool(warning)


def test_the_outline_of_a_body_fills_its_picture():
    """There is nothing round the image that a margin would show."""
    mask = np.zeros(SHAPE, dtype=np.bool_)
    mask[:, 2:-2, 2:-2] = True
    tiles = region_tiles(Region(mask, grid(), "body", "body"), volume(grid()))
    assert {tile.side_mm for tile in tiles} == {SHAPE[2] * 2.0}
