"""Which slices are shown, which part of them, and where an index lies in the picture."""

from __future__ import annotations

import numpy as np
import pytest

from biomarker_cli.drawing.slices import LEAST_FIELD_MM, SquareField, field_around, slices_across
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region

GRID = Geometry((12, 40, 50), (2.0, 1.0, 3.0))


def region(slices, rows, columns):
    mask = np.zeros(GRID.shape, dtype=np.bool_)
    mask[np.asarray(slices)[:, None, None], slice(*rows), slice(*columns)] = True
    return Region(mask, GRID, "label", "name")


@pytest.mark.parametrize(
    ("slices", "expected"),
    [
        (range(2, 11), [2, 4, 6, 8, 10]),
        # Slices that hold nothing of the region are none of its slices.
        ([1, 2, 9, 10, 11], [1, 2, 9, 10, 11]),
        ([7], [7, 7, 7, 7, 7]),
        ([3, 4], [3, 3, 3, 4, 4]),
    ],
)
def test_slices_lie_between_the_first_and_the_last(slices, expected):
    found = slices_across(region(slices, (0, 5), (0, 5)), (0.0, 0.25, 0.5, 0.75, 1.0))
    assert found == expected


def test_a_field_is_a_square_in_mm_around_the_middle_of_the_region():
    # 60 mm across in x, 10 mm in y.
    field = field_around(region([3], (10, 20), (10, 40)), 320)
    assert field.side_mm == pytest.approx(60 * 2.2)
    np.testing.assert_allclose(field.corner_mm + field.side_mm / 2, [50.0, 15.0])
    assert field.pixels_per_mm == pytest.approx(320 / 132)


def test_a_small_region_is_shown_with_its_neighbourhood():
    assert field_around(region([3], (10, 12), (10, 12)), 320).side_mm == LEAST_FIELD_MM


def test_a_pixel_shows_the_voxel_that_it_lies_in():
    plane = np.arange(12.0).reshape(3, 4)
    # 2 mm voxels in x, 1 mm in y, one pixel for each mm, from 1 mm left of the image on.
    field = SquareField(np.array([-1.0, 1.0]), 4.0, 4, np.array([2.0, 1.0]))
    expected = [
        [np.nan, 4.0, 4.0, 5.0],
        [np.nan, 8.0, 8.0, 9.0],
        [np.nan] * 4,
        [np.nan] * 4,
    ]
    np.testing.assert_array_equal(field.sample(plane), expected)


def test_the_centre_of_a_voxel_lies_in_the_middle_of_the_pixels_that_show_it():
    field = SquareField(np.array([3.0, -2.0]), 10.0, 200, np.array([2.0, 1.0]))
    plane = np.zeros((8, 8))
    plane[4, 5] = 1.0
    rows, columns = (field.sample(plane) == 1.0).nonzero()
    # A pixel reaches from its index to the next one.
    middle = [columns.mean() + 0.5, rows.mean() + 0.5]
    np.testing.assert_allclose(field.to_pixels(np.array([[5.0, 4.0]])), [middle])
