"""Diameters of shapes with an analytic answer: one pixel is the tolerance, never more."""

from __future__ import annotations

import math

import numpy as np
import pytest
from synthetic_lesions import (
    Shape,
    angle_iron,
    both_axes,
    crescent,
    ellipse,
    pixels_of,
    rectangle,
    ring,
)

from biomarker_cli.radiomics.features.shape_values import planar_diameter
from biomarker_cli.size import diameters
from biomarker_cli.size.diameters import Pixels

FINE = Pixels(0.7, 0.7)
ONE_MM = Pixels(1.0, 1.0)


def draws(shape: Shape, pixels: Pixels = FINE, number: int = 60) -> list[tuple[float, ...]]:
    """Return longest, short, longest inside, over angles and offsets."""
    rng = np.random.default_rng(11)
    found = []
    for number_of_draw in range(number):
        angle = math.pi * number_of_draw / number
        offset = tuple(rng.uniform(-0.5, 0.5, 2))
        hull, inside = both_axes(pixels_of(shape, pixels, angle, offset), pixels)
        lines = hull.longest, hull.short, inside.longest
        found.append(tuple(line.length_mm for line in lines))
    return found


@pytest.mark.parametrize(
    ("shape", "longest", "short", "bias", "short_bias"),
    [
        (ellipse(20, 12), 20.0, 12.0, 0.27, 0.17),
        (ellipse(10, 10), 10.0, 10.0, 0.51, 0.05),
        (rectangle(24, 10), 26.0, 10 * 26 / 24, -0.01, 0.25),
    ],
    ids=["ellipse", "disc", "rectangle"],
)
def test_the_bias_of_the_contour_is_that_of_the_table(shape, longest, short, bias, short_bias):
    """Of sixty angles; pixel centres would give -0.14 to -0.65, corners +0.25 to +0.76."""
    found = np.array(draws(shape))
    error = found - [longest, short, longest]
    assert np.abs(error).max() <= 0.7
    assert error.mean(axis=0) == pytest.approx([bias, short_bias, bias], abs=0.1)
    # No concavity, but for steps of pixels at the corners of a rectangle.
    assert found[:, 2] == pytest.approx(found[:, 0], abs=0.2)


def test_the_contour_on_coarse_pixels():
    error = np.array(draws(ellipse(10, 10), Pixels(2.5, 2.5)))[:, 0] - 10.0
    assert error.mean() == pytest.approx(1.0, abs=0.25)
    assert np.abs(error).max() <= 2.5


@pytest.mark.parametrize(
    ("shape", "hull", "inside"),
    [
        (crescent, 40.0, 38.16),
        (ring, 30.0, 20.40),
        (angle_iron, math.hypot(30, 30), 31.92),
    ],
    ids=["crescent", "ring", "L"],
)
def test_over_a_concavity_and_inside(shape, hull, inside):
    found = np.array(draws(shape, Pixels(0.35, 0.35), 12))
    assert np.abs(found[:, 0] - hull).max() <= 0.7
    assert np.abs(found[:, 2] - inside).max() <= 0.7


def test_what_a_ring_encloses_counts_where_holes_are_filled():
    mask = pixels_of(ring, FINE)
    hull, inside = both_axes(mask, FINE, fill_holes=True)
    assert hull.longest.length_mm == inside.longest.length_mm == pytest.approx(30, abs=0.7)
    assert hull.short.length_mm == pytest.approx(30, abs=0.7)
    kept, around = both_axes(mask, FINE)
    assert kept.longest == hull.longest
    assert around.longest.length_mm == pytest.approx(20.4, abs=1.4)
    assert kept.short.length_mm < 21.8


def test_a_projected_width_is_no_short_axis():
    """A rectangle 24 x 10 projects 18.5 mm wide across its diagonal, and is 10.8 there."""
    hull, _ = both_axes(pixels_of(rectangle(24, 10), Pixels(0.1, 0.1)), Pixels(0.1, 0.1))
    assert hull.short.length_mm == pytest.approx(10.83, abs=0.2)


def test_the_short_axis_exists_where_no_pair_of_corners_is_perpendicular():
    for angle in np.linspace(0, math.pi, 40, endpoint=False):
        hull, _ = both_axes(pixels_of(ellipse(24, 8), ONE_MM, angle), ONE_MM)
        assert hull.short.length_mm == pytest.approx(8, abs=1)


def test_one_pixel_is_as_long_as_it_is_wide():
    mask = np.zeros((1, 3, 3), dtype=np.bool_)
    mask[0, 1, 1] = True
    hull, inside = both_axes(mask, Pixels(0.9, 0.6))
    assert hull == inside
    assert (hull.longest.length_mm, hull.short.length_mm) == pytest.approx((0.9, 0.6))


def test_anisotropic_pixels_are_measured_in_mm():
    """Distances in pixels would make the axes neither longest nor perpendicular."""
    pixels = Pixels(0.9, 0.6)
    for angle in np.linspace(0, math.pi, 30, endpoint=False):
        hull, _ = both_axes(pixels_of(ellipse(20, 12), pixels, angle), pixels)
        assert hull.longest.length_mm == pytest.approx(20, abs=0.9)
        assert hull.short.length_mm == pytest.approx(12, abs=0.9)
        long, short = (
            np.subtract(line.stop, line.start) * [0.9, 0.6] for line in (hull.longest, hull.short)
        )
        assert abs(long @ short) <= 1e-9 * hull.longest.length_mm


def test_a_diagonal_bar_of_single_pixels_is_one_part():
    mask = np.eye(11, dtype=np.bool_)[None]
    hull, inside = both_axes(mask, ONE_MM)
    assert hull == inside
    assert hull.part.n_parts == 1
    # From (-0.5, 0) to (10.5, 10) in pixels.
    assert hull.longest.length_mm == pytest.approx(math.hypot(11, 10))
    assert hull.short.length_mm < 1.5


def test_a_line_never_spans_two_islands():
    """pyradiomics gives 49.8 mm for two discs of 10 mm that are 40 mm apart."""
    two = lambda u, v: np.hypot(np.abs(u) - 20, v) <= 5  # noqa: E731
    hull, inside = both_axes(pixels_of(two, FINE), FINE)
    assert hull.part.n_parts == 2
    assert hull.longest.length_mm == inside.longest.length_mm == pytest.approx(10, abs=0.7)


def test_the_longest_slice_is_taken_not_the_largest():
    """A disc has the larger area, a bar beside it is longer."""
    mask = np.concatenate(
        [pixels_of(ellipse(20, 20), FINE), pixels_of(rectangle(40, 4), FINE)], axis=0
    )
    hull, _ = both_axes(mask, FINE)
    assert hull.part.index == 1
    assert hull.longest.length_mm == pytest.approx(math.hypot(40, 4), abs=0.7)
    assert hull.short.length_mm == pytest.approx(4, abs=0.7)


def test_of_equal_diameters_the_one_with_the_longer_short_axis_is_taken():
    bar = np.zeros((2, 9, 9), dtype=np.bool_)
    bar[0, 4, 1:8] = True
    bar[1] = bar[0]
    bar[1, 3:6, 4] = True
    hull, inside = both_axes(bar, ONE_MM)
    assert hull.part.index == inside.part.index == 1
    assert (hull.longest.length_mm, hull.short.length_mm) == (7.0, 3.0)


@pytest.mark.parametrize("thickness_mm", [1.0, 2.5, 5.0])
def test_a_sphere_is_as_long_on_slices_of_any_thickness(thickness_mm):
    """A slice goes through the middle, or misses it by half its thickness."""
    for shift in (0.0, 0.25, 0.5):
        z = (np.arange(-30, 31) + shift) * thickness_mm
        radii = np.sqrt(np.clip(15.0**2 - z[np.abs(z) < 15] ** 2, 0, None))
        mask = np.concatenate([pixels_of(ellipse(2 * r, 2 * r), FINE) for r in radii])
        hull, _ = both_axes(mask, FINE)
        widest = 2 * math.sqrt(15.0**2 - (shift * thickness_mm) ** 2)
        assert hull.longest.length_mm == pytest.approx(widest, abs=0.7)
        assert hull.longest.length_mm == pytest.approx(30.0, abs=0.7)


@pytest.mark.parametrize("together", [1, 7, 50])
def test_an_outline_is_looked_at_in_stretches_without_a_difference(together, monkeypatch):
    """An outline of noise has millions of crossings; they never stand in memory at once."""
    mask = np.random.default_rng(5).random((1, 14, 17)) < 0.6
    whole = both_axes(mask, Pixels(0.9, 0.6))
    monkeypatch.setattr(diameters, "_CROSSINGS", together)
    for found, expected in zip(both_axes(mask, Pixels(0.9, 0.6)), whole, strict=True):
        assert found.short.length_mm == pytest.approx(expected.short.length_mm, rel=1e-12)


def test_of_an_outline_of_many_corners_some_are_taken(monkeypatch):
    monkeypatch.setattr(diameters, "_CORNERS", 100)
    found = np.array(draws(ring, FINE, 4))
    assert np.abs(found[:, 2] - 20.4).max() <= 2 * 0.7


def test_slices_behind_an_empty_one_are_measured():
    mask = np.zeros((3, 5, 12), dtype=np.bool_)
    mask[0, 2, 1:5] = True
    mask[2, 2, 1:11] = True
    for axes in both_axes(mask, ONE_MM):
        assert (axes.part.index, axes.longest.length_mm) == (2, 10.0)


def test_a_part_of_a_smaller_box_may_be_the_longest():
    """The box of a disc has a longer diagonal than a bar that is longer than the disc."""
    disc = pixels_of(ellipse(10, 10), ONE_MM)
    bar = np.zeros_like(disc)
    bar[0, 3, 2:14] = True
    for axes in both_axes(np.concatenate([disc, bar]), ONE_MM):
        assert (axes.part.index, axes.longest.length_mm) == (1, 12.0)


def test_a_hole_at_the_edge_of_the_box_is_none():
    """What opens to the outside, also by a corner, is not enclosed; a closed diagonal gap is."""
    cup = np.array([[1, 0, 1], [1, 0, 1], [1, 1, 1]], dtype=np.bool_)[None]
    filled, _ = both_axes(cup, ONE_MM, fill_holes=True)
    assert filled.part.inside.sum() == 7
    ring_of_corners = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], dtype=np.bool_)[None]
    filled, _ = both_axes(ring_of_corners, ONE_MM, fill_holes=True)
    assert filled.part.inside.sum() == 5


def test_the_contour_is_that_of_the_planar_diameter_of_pyradiomics():
    """Of one part: it spans parts that do not touch, and these diameters do not."""
    for angle in np.linspace(0, math.pi, 12, endpoint=False):
        for shape in (ellipse(24, 8), crescent, angle_iron):
            mask = pixels_of(shape, Pixels(0.9, 0.6), angle)
            hull, _ = both_axes(mask, Pixels(0.9, 0.6))
            assert hull.part.n_parts == 1
            expected = planar_diameter(mask, (5.0, 0.9, 0.6), 0)
            assert hull.longest.length_mm == pytest.approx(expected, rel=1e-12)
