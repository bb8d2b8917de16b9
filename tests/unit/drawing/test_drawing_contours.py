"""Outlines run between the voxels inside and those outside."""

from __future__ import annotations

import numpy as np

from biomarker_cli.drawing.contours import outlines


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
