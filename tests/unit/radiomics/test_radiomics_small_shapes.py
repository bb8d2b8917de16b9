"""Features of regions so small that their values follow by hand."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest

from biomarker_cli.radiomics.features.first_order import ivh_values
from biomarker_cli.radiomics.features.planar_shape import planar_shape_values
from biomarker_cli.radiomics.features.spatial_correlation import spatial_correlation

SLANT = math.hypot(2.0, 3.0)
"""Diagonal of a pixel of 2 by 3 mm; the outline cuts each corner by half of it."""


def test_a_rectangle_has_its_corners_cut():
    found = planar_shape_values(np.ones((2, 4), dtype=bool), (2.0, 3.0))
    area, perimeter = (8 - 4 / 8) * 6.0, 2 * 2.0 + 6 * 3.0 + 4 * SLANT / 2
    assert found == pytest.approx(
        {
            "mesh_area": area,
            "approximate_area": 48.0,
            "perimeter": perimeter,
            "perimeter_to_area_ratio": perimeter / area,
            "sphericity": 2 * math.sqrt(math.pi * area) / perimeter,
            "maximum_diameter": math.hypot(1 * 2.0, 4 * 3.0),
            "major_axis_length": 4 * math.sqrt(11.25),
            "minor_axis_length": 4.0,
            "elongation": 1 / math.sqrt(11.25),
        }
    )


def test_a_tall_rectangle_is_a_wide_one_turned():
    tall = planar_shape_values(np.ones((4, 2), dtype=bool), (3.0, 2.0))
    assert tall == pytest.approx(planar_shape_values(np.ones((2, 4), dtype=bool), (2.0, 3.0)))


def test_an_inner_corner_is_filled_as_an_outer_one_is_cut():
    found = planar_shape_values(np.array([[1, 0], [1, 1]], dtype=bool), (2.0, 3.0))
    assert found["mesh_area"] == pytest.approx((3 - 5 / 8 + 1 / 8) * 6.0)
    assert found["perimeter"] == pytest.approx(2.0 + 3.0 + 6 * SLANT / 2)


def test_pixels_that_touch_at_a_corner_are_two():
    found = planar_shape_values(np.eye(2, dtype=bool), (2.0, 3.0))
    assert found["mesh_area"] == pytest.approx(2 * 6.0 / 2)
    assert found["perimeter"] == pytest.approx(8 * SLANT / 2)


def test_one_pixel_has_no_elongation():
    assert math.isnan(planar_shape_values(np.ones((1, 1), dtype=bool), (2.0, 3.0))["elongation"])


def test_the_intensity_volume_histogram_of_a_ramp():
    found = ivh_values(np.arange(100.0), np.arange(101.0))
    assert found["v10"] == pytest.approx(0.9)
    assert found["v90"] == pytest.approx(0.1)
    assert (found["i10"], found["i90"]) == (90.0, 10.0)
    assert found["v10_minus_v90"] == pytest.approx(0.8)
    assert found["i10_minus_i90"] == 80.0


def test_correlation_in_space_is_the_sum_over_all_pairs():
    rng = np.random.default_rng(15)
    mask = rng.random((2, 6, 3)) < 0.7
    image = rng.normal(50.0, 10.0, mask.shape)
    places = np.argwhere(mask) * np.array([4.0, 2.0, 1.0])
    values = image[mask]
    deviation = values - values.mean()
    weights = near = apart = 0.0
    for i, j in product(range(len(values)), repeat=2):
        if i != j:
            weight = 1.0 / float(np.linalg.norm(places[i] - places[j]))
            weights += weight
            near += weight * deviation[i] * deviation[j]
            apart += weight * (values[i] - values[j]) ** 2
    n, total = len(values), float(np.sum(deviation**2))
    found = spatial_correlation(mask, image, (4.0, 2.0, 1.0))
    assert found["moran_i"] == pytest.approx(n / weights * near / total)
    assert found["geary_c"] == pytest.approx((n - 1) / (2 * weights) * apart / total)
