"""Resampling: axes aligned by their centres, known truth between voxels, masks of other grids."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Crop
from biomarker_cli.imaging.resampling import (
    Axis,
    centred_axis,
    interpolate,
    interpolate_mask,
    length_on,
    mask_on_grid,
)

KINDS = ["nearest", "linear", "cubic"]


def axes_of(shape, spacing_zyx, wanted_zyx):
    z, y, x = map(centred_axis, shape, spacing_zyx, wanted_zyx)
    return z, y, x


def test_the_grid_is_aligned_by_its_centre():
    axis = centred_axis(5, 3.0, 2.0)
    assert axis.places.size == 8  # ceil(5 * 3 / 2)
    assert axis.places.mean() == pytest.approx(2.0)
    assert np.diff(axis.places) == pytest.approx(2.0 / 3.0)


def test_a_quotient_with_rounding_error_adds_no_voxel():
    assert centred_axis(10, 0.3, 0.1).places.size == 30


@given(
    length=st.integers(1, 40),
    spacing=st.floats(0.2, 6),
    wanted=st.floats(0.2, 6),
)
@settings(deadline=None, max_examples=80)
def test_the_new_axis_covers_the_old_one(length, spacing, wanted):
    axis = centred_axis(length, spacing, wanted)
    assert axis.places.mean() == pytest.approx((length - 1) / 2, abs=1e-6)
    assert axis.places.size * axis.spacing_mm >= length * spacing * (1 - 1e-5) - 1e-5 * wanted


@pytest.mark.parametrize("kind", ["linear", "cubic"])
def test_interpolation_keeps_a_plane(kind):
    z, y, x = np.indices((12, 14, 16)).astype(float)
    plane = 3 * z - 2 * y + 0.5 * x
    places = [np.linspace(4, 7, 5), np.linspace(4.3, 9, 6), np.linspace(5, 10, 4)]
    axes = tuple(Axis(p, 1.0) for p in places)
    expected = 3 * places[0][:, None, None] - 2 * places[1][:, None] + 0.5 * places[2]
    # The mirrored ends bend a spline near the border; far inside it is the plane.
    assert interpolate(plane, axes, kind) == pytest.approx(expected, abs=0.02)


def test_cubic_interpolation_is_that_of_scipy():
    from scipy.ndimage import map_coordinates

    image = np.random.default_rng(4).normal(size=(7, 8, 9))
    places = [np.linspace(0, 6, 5), np.linspace(0.2, 6.9, 11), np.linspace(1, 8, 6)]
    grid = np.meshgrid(*places, indexing="ij")
    expected = map_coordinates(image, grid, order=3, mode="mirror")
    found = interpolate(image, tuple(Axis(p, 1.0) for p in places), "cubic")
    assert found == pytest.approx(expected, abs=1e-12)


def test_a_mask_voxel_at_one_half_is_inside():
    mask = np.zeros((1, 1, 4), bool)
    mask[..., :2] = True
    axes = (Axis(np.zeros(1), 1.0), Axis(np.zeros(1), 1.0), Axis(np.array([1.5, 1.51]), 1.0))
    assert interpolate_mask(mask, axes, "linear").tolist() == [[[True, False]]]


def test_the_number_of_voxels_is_rounded_up_but_not_by_rounding_noise():
    assert length_on(204, 2.9999999999998486, 2.0) == 306
    assert length_on(60, 3.0, 2.0) == 90
    assert length_on(3, 0.7, None) == 3
    # A voxel wider than the image is one voxel; one of no width at all is refused by who asks.
    assert length_on(3, 1.0, 50.0) == 1
    assert length_on(3, 1.0, 5e-324) == math.inf


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_axes_give_the_same_numbers(kind):
    image = np.random.default_rng(1).normal(size=(4, 5, 6))
    axes = axes_of(image.shape, (3.0, 1.5, 1.0), (None, 1.5, None))
    assert np.array_equal(interpolate(image, axes, kind), image)


def test_a_cubic_spline_passes_through_the_voxels():
    image = np.random.default_rng(2).normal(size=(9, 8, 7))
    axes = tuple(Axis(np.arange(0, n - 0.9, 0.5), 1.0) for n in image.shape)
    found = interpolate(image, axes, "cubic")[::2, ::2, ::2]
    np.testing.assert_allclose(found, image, atol=1e-12)


def test_nearest_takes_values_that_occur_and_the_next_one_at_a_half():
    image = np.arange(4.0)[None, None]
    axes = (centred_axis(1, 1.0, None), centred_axis(1, 1.0, None))
    places = Axis(np.array([-0.4, 0.49, 0.5, 2.2, 3.4]), 1.0)
    assert interpolate(image, (*axes, places), "nearest").tolist() == [[[0, 0, 1, 2, 3]]]


@pytest.mark.parametrize("kind", KINDS)
def test_beyond_the_outermost_centres_the_border_goes_on(kind):
    image = np.random.default_rng(3).normal(size=(1, 1, 5))
    axes = (centred_axis(1, 1.0, None), centred_axis(1, 1.0, None))
    found = interpolate(image, (*axes, Axis(np.array([-0.5, 0.0, 4.0, 4.5]), 1.0)), kind)
    np.testing.assert_allclose(found[0, 0], image[0, 0, [0, 0, -1, -1]], atol=1e-12)


@pytest.mark.parametrize("spacing", [(5.0, 2.2, 0.7), (2.0, 2.0, 2.0)])
def test_a_full_mask_stays_full_on_a_centred_grid(spacing):
    mask = np.ones((6, 8, 10), bool)
    assert interpolate_mask(mask, axes_of(mask.shape, (3.0, 1.5, 1.0), spacing), "linear").all()


def test_a_mask_keeps_voxels_that_are_half_full():
    mask = np.array([[[False, True, True, False]]])
    # Centres at -0.5, 0.5, ... mm of voxel centres 0, 2, 4, 6 mm: fractions 0 .25 .75 1 1 .75 .25 0
    axes = axes_of(mask.shape, (1.0, 1.0, 2.0), (None, None, 1.0))
    found = interpolate_mask(mask, axes, "linear").astype(int)
    assert found.tolist() == [[[0, 0, 1, 1, 1, 1, 0, 0]]]


GRID = Geometry((12, 40, 44), (1.0, 1.5, 3.0), (-22.0, -30.0, -16.5))
"""Its middle lies close to the origin of the patient."""


def turned(shape, spacing, degrees):
    """Return a grid around the same middle, turned about the axis of the patient."""
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    axes = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    middle = GRID.index_to_physical([(n - 1) / 2 for n in GRID.shape[::-1]])
    half = [(n - 1) / 2 * step for n, step in zip(shape[::-1], spacing, strict=True)]
    return Geometry(shape, spacing, tuple(map(float, middle - axes @ half)), tuple(axes.ravel()))


def ellipsoid(grid, radii):
    z, y, x = np.indices(grid.shape)
    points = grid.index_to_physical(np.stack([x, y, z], axis=-1).reshape(-1, 3))
    middle = GRID.index_to_physical([(n - 1) / 2 for n in GRID.shape[::-1]])
    return (((points - middle) / radii) ** 2).sum(axis=1).reshape(grid.shape) < 1.0


@pytest.mark.parametrize("degrees", [0.0, 9.0, 90.0, 171.0])
def test_a_mask_stays_where_it_is_in_the_patient(degrees):
    radii = (11.0, 17.0, 12.0)
    target = turned((14, 60, 62), (1.1, 1.2, 2.5), degrees)
    moved = mask_on_grid(Crop(ellipsoid(GRID, radii)).tight(), GRID, target)
    found, expected = moved.whole(target.shape), ellipsoid(target, radii)
    assert 2 * np.count_nonzero(found & expected) / (found.sum() + expected.sum()) > 0.95
    before = np.count_nonzero(ellipsoid(GRID, radii)) * GRID.voxel_volume_mm3
    assert np.count_nonzero(found) * target.voxel_volume_mm3 == pytest.approx(before, rel=0.05)


def test_only_what_reaches_one_half_is_inside():
    mask = np.zeros(GRID.shape, bool)
    mask[4:7, 10:20, 10:20] = True
    x, y, z = GRID.origin_mm
    # Half a voxel on in x: the fractions are 1/2, 1 ... 1, 1/2; both halves are inside.
    half = mask_on_grid(Crop(mask), GRID, Geometry(GRID.shape, GRID.spacing_mm, (x + 0.5, y, z)))
    assert half.whole(GRID.shape)[5, 15].nonzero()[0].tolist() == list(range(9, 20))
    more = mask_on_grid(Crop(mask), GRID, Geometry(GRID.shape, GRID.spacing_mm, (x + 0.6, y, z)))
    assert more.whole(GRID.shape)[5, 15].nonzero()[0].tolist() == list(range(9, 19))


def test_a_mask_is_nothing_beyond_its_own_voxels():
    mask = np.ones(GRID.shape, bool)
    x, y, z = GRID.origin_mm
    target = Geometry(GRID.shape, GRID.spacing_mm, (x - 5.0, y, z))
    whole = mask_on_grid(Crop(mask), GRID, target).whole(GRID.shape)
    assert not whole[:, :, :5].any()
    assert whole[:, :, 5:].all()


def test_a_mask_that_does_not_reach_the_grid_is_empty():
    far = Geometry((3, 3, 3), (1.0, 1.0, 1.0), (500.0, 500.0, 500.0))
    assert mask_on_grid(Crop(np.ones(GRID.shape, bool)), GRID, far).mask.size == 0
    assert mask_on_grid(Crop(np.zeros((0, 0, 0), bool)), GRID, GRID).mask.size == 0


def test_a_mask_on_its_own_grid_is_the_same_mask():
    """Its box lies at other places along each axis: 12 in z, 7 in y, 1 in x."""
    grid = Geometry((16, 14, 9), (1.0, 1.5, 3.0), (-5.0, 4.0, 30.0))
    mask = np.random.default_rng(2).random((3, 5, 6)) < 0.6
    mask[[0, -1]] = mask[:, [0, -1]] = mask[:, :, [0, -1]] = True
    source = Crop(mask, (12, 7, 1))
    moved = mask_on_grid(source, grid, grid)
    np.testing.assert_array_equal(moved.whole(grid.shape), source.whole(grid.shape))
