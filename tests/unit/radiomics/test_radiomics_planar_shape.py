"""Shape in a plane by marching squares, worked out by hand on pixels of 2 x 5 mm."""

from __future__ import annotations

import math

import numpy as np
import pytest

from biomarker_cli.radiomics.features.planar_shape import planar_shape_values

A, B = 2.0, 5.0
CUT = math.hypot(A, B) / 2
"""Length of an outline that cuts off a corner of a pixel: from middle to middle of its edges."""

SHAPES = {
    # A single pixel is a diamond: half its area.
    "pixel": ([[1]], 0.5, 4 * CUT),
    # A rectangle loses an eighth of a pixel at each corner.
    "rectangle": ([[1] * 4] * 3, 12 - 4 / 8, 2 * 2 * A + 2 * 3 * B + 4 * CUT),
    # The square of three pixels has seven eighths.
    "angle": ([[1, 1], [1, 0]], 20 / 8, A + B + 6 * CUT),
    # Pixels that touch at a corner are two diamonds.
    "diagonal": ([[1, 0], [0, 1]], 1.0, 8 * CUT),
    "other diagonal": ([[0, 1], [1, 0]], 1.0, 8 * CUT),
    # The outline of a hole counts, the hole does not.
    "ring": (
        [[1, 1, 1], [1, 0, 1], [1, 1, 1]],
        9 - 4 / 8 - 0.5,
        2 * 2 * A + 2 * 2 * B + 4 * CUT + 4 * CUT,
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_area_and_perimeter_are_those_of_the_outline(name):
    pixels, area, perimeter = SHAPES[name]
    found = planar_shape_values(np.array(pixels, dtype=bool), (A, B))
    assert found["mesh_area"] == pytest.approx(area * A * B)
    assert found["perimeter"] == pytest.approx(perimeter)
    assert found["approximate_area"] == np.sum(pixels) * A * B
    assert found["perimeter_to_area_ratio"] == pytest.approx(perimeter / (area * A * B))
    of_circle = 2 * math.sqrt(math.pi * area * A * B)
    assert found["sphericity"] == pytest.approx(of_circle / perimeter)


def test_axes_are_four_standard_deviations_of_the_centres():
    """Of n pixels in a row the variance is (n^2 - 1) / 12 times the square of the step."""
    found = planar_shape_values(np.ones((3, 4), dtype=bool), (A, B))
    minor, major = (4 * step * math.sqrt((n * n - 1) / 12) for n, step in ((3, A), (4, B)))
    assert found["major_axis_length"] == pytest.approx(major)
    assert found["minor_axis_length"] == pytest.approx(minor)
    assert found["elongation"] == pytest.approx(minor / major)
    # From the middle of the left edge of the first row to that of the right edge of the last.
    assert found["maximum_diameter"] == pytest.approx(math.hypot(2 * A, 4 * B))
    turned = planar_shape_values(np.ones((4, 3), dtype=bool), (B, A))
    assert turned == pytest.approx(found)


def test_a_pixel_has_no_elongation():
    found = planar_shape_values(np.ones((1, 1), dtype=bool), (A, B))
    assert found["major_axis_length"] == 0.0
    assert math.isnan(found["elongation"])
    assert found["maximum_diameter"] == pytest.approx(B)
