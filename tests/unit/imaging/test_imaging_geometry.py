"""Geometry: indices and patient coordinates."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biomarker_cli.imaging.geometry import Geometry


def _turned(angle: float) -> tuple[float, ...]:
    c, s = math.cos(angle), math.sin(angle)
    return (c, -s, 0.0, s, c, 0.0, 0.0, 0.0, 1.0)


GRID = Geometry((3, 4, 5), (1.0, 2.0, 3.0), (-10.0, 20.0, 5.0), _turned(0.3))


def test_array_axes_are_z_y_x_and_physical_axes_x_y_z():
    grid = Geometry((3, 4, 5), (1.0, 2.0, 3.0), (-10.0, 20.0, 5.0))
    assert grid.index_to_physical([1, 0, 0]).tolist() == [-9.0, 20.0, 5.0]
    assert grid.index_to_physical([0, 1, 0]).tolist() == [-10.0, 22.0, 5.0]
    assert grid.index_to_physical([0, 0, 1]).tolist() == [-10.0, 20.0, 8.0]
    assert grid.corners_mm()[-1].tolist() == [-10.0 + 4, 20.0 + 6, 5.0 + 6]


def test_direction_columns_are_the_index_axes():
    assert np.allclose(
        GRID.index_to_physical([1, 0, 0]) - GRID.origin_mm, [math.cos(0.3), math.sin(0.3), 0]
    )
    assert np.allclose(GRID.normal, [0, 0, 1])


def test_voxel_volume_is_the_product_of_the_spacings():
    assert GRID.voxel_volume_mm3 == 6.0


@given(st.lists(st.floats(-1e3, 1e3), min_size=3, max_size=3), st.floats(-math.pi, math.pi))
@settings(deadline=None, max_examples=50)
def test_index_and_physical_are_inverse(point, angle):
    grid = Geometry((3, 4, 5), (0.5, 2.0, 3.0), (-10.0, 20.0, 5.0), _turned(angle))
    back = grid.index_to_physical(grid.physical_to_index(point))
    assert np.allclose(back, point, atol=1e-9)


def test_same_grid_is_judged_in_mm_at_the_corners():
    moved = Geometry(GRID.shape, GRID.spacing_mm, (-10.0, 20.0, 5.009), GRID.direction)
    assert GRID.same_grid(moved)
    moved = Geometry(GRID.shape, GRID.spacing_mm, (-10.0, 20.0, 5.011), GRID.direction)
    assert not GRID.same_grid(moved)
    assert not GRID.same_grid(Geometry((3, 4, 6), GRID.spacing_mm, GRID.origin_mm))


def test_a_small_spacing_error_adds_up_over_the_grid():
    wide = Geometry((3, 4, 500), (1.0, 2.0, 3.0))
    drifted = Geometry((3, 4, 500), (1.0001, 2.0, 3.0))
    assert not wide.same_grid(drifted)


def test_difference_names_size_spacing_origin_and_angle():
    other = Geometry((3, 4, 6), (1.0, 2.0, 3.5), (-10.0, 21.0, 5.0), _turned(0.3 + math.pi / 4))
    text = GRID.difference(other)
    assert "size (z, y, x) (3, 4, 5) against (3, 4, 6)" in text
    assert "spacing 1 x 2 x 3 against 1 x 2 x 3.5 mm" in text
    assert "origin 1.000 mm apart" in text
    assert "axes 45.00 degrees apart" in text
    assert GRID.difference(GRID) == "no difference"


@pytest.mark.parametrize("spacing", [(0.0, 1.0, 1.0), (1.0, -1.0, 1.0), (1.0, 1.0, math.nan)])
def test_a_grid_without_extent_is_no_grid(spacing):
    with pytest.raises(ValueError, match="spacing"):
        Geometry((3, 4, 5), spacing)


def test_the_angle_between_grids_is_that_of_their_own_axes():
    """An oblique grid turned about its own slice axis by 5 degrees."""
    oblique = np.array(_turned(0.7)).reshape(3, 3) @ np.array(
        [[1.0, 0.0, 0.0], [0.0, 0.6, -0.8], [0.0, 0.8, 0.6]]
    )
    turn = np.array(_turned(math.radians(5.0))).reshape(3, 3)
    one, other = (
        Geometry((3, 4, 5), (1.0, 2.0, 3.0), (0.0, 0.0, 0.0), tuple(axes.ravel()))
        for axes in (oblique, oblique @ turn)
    )
    assert one.difference(other) == "axes 5.00 degrees apart"
