"""Outlines run between the voxels inside and those outside, in indices of the whole grid."""

from __future__ import annotations

import numpy as np
import pytest

from biomarker_cli.drawing.contours import outlines, region_outlines
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region


def area(line):
    x, y = line.T
    return abs(np.dot(x[:-1], y[1:]) - np.dot(x[1:], y[:-1])) / 2


def test_one_voxel_is_a_diamond_around_its_centre():
    mask = np.zeros((4, 5), dtype=np.bool_)
    mask[2, 3] = True
    (line,) = outlines(mask)
    corners = {tuple(map(float, point)) for point in line}
    assert corners == {(2.5, 2.0), (3.5, 2.0), (3.0, 1.5), (3.0, 2.5)}
    np.testing.assert_array_equal(line[0], line[-1])


def test_a_mask_up_to_the_border_is_closed():
    (line,) = outlines(np.ones((3, 4), dtype=np.bool_))
    np.testing.assert_array_equal(line[0], line[-1])
    np.testing.assert_allclose(line.min(axis=0), [-0.5, -0.5])
    np.testing.assert_allclose(line.max(axis=0), [3.5, 2.5])


def test_a_hole_and_a_second_part_have_lines_of_their_own():
    mask = np.zeros((9, 16), dtype=np.bool_)
    mask[1:8, 1:8] = True
    mask[4, 4] = False
    mask[2:4, 11:14] = True
    assert sorted(round(area(line), 1) for line in outlines(mask)) == [0.5, 5.5, 48.5]


def test_nothing_has_no_outline():
    assert outlines(np.zeros((3, 3), dtype=np.bool_)) == []


@pytest.fixture
def lesion():
    grid = Geometry((6, 20, 30), (1.0, 1.0, 2.0))
    mask = np.zeros(grid.shape, dtype=np.bool_)
    mask[2, 5:9, 20:25] = True
    mask[4, 6:8, 18:20] = True
    return Region(mask, grid, "label", "name")


@pytest.mark.parametrize("index", [2, 4])
def test_a_region_is_outlined_where_it_lies(lesion, index):
    found = region_outlines(lesion, index)
    expected = outlines(lesion.mask[index])
    assert len(found) == len(expected) == 1
    np.testing.assert_array_equal(found[0], expected[0])


@pytest.mark.parametrize("index", [0, 1, 3, 5])
def test_a_slice_beside_the_region_has_no_outline(lesion, index):
    assert region_outlines(lesion, index) == []
