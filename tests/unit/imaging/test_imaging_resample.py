"""Resampling: grids aligned by their centres, interpolation with known truth."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biomarker_cli.imaging.errors import GeometryError
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.resample import (
    Interpolation,
    centred_grid,
    resample_image,
    resample_mask,
    smooth_for,
)

GRID = Geometry((6, 8, 10), (1.0, 1.5, 3.0), (-4.0, 7.0, 20.0))
METHODS = list(Interpolation)


def _linear_field(geometry):
    z, y, x = np.mgrid[tuple(map(slice, geometry.shape))]
    points = geometry.index_to_physical(np.stack([x, y, z], axis=-1))
    return points @ [0.5, -2.0, 3.0] + 7.0


@given(
    st.tuples(*[st.integers(1, 40)] * 3),
    st.tuples(*[st.floats(0.3, 6)] * 3),
    st.tuples(*[st.floats(0.3, 6)] * 3),
)
@settings(deadline=None, max_examples=100)
def test_grids_are_aligned_by_their_centres_and_the_new_one_covers_the_old(shape, old, new):
    grid = Geometry(shape, old, (1.0, -2.0, 3.0))
    target = centred_grid(grid, new)
    assert np.allclose(target.corners_mm().mean(axis=0), grid.corners_mm().mean(axis=0))
    before = np.array(shape[::-1]) * old
    after = np.array(target.shape[::-1]) * new
    assert (after >= before - 1e-4).all()
    assert (after < before + np.array(new) + 1e-4).all()


def test_the_number_of_voxels_is_rounded_up_but_not_by_rounding_noise():
    grid = Geometry((60, 3, 204), (0.977, 1.0, 2.9999999999998486))
    assert centred_grid(grid, (2.0, None, 2.0)).shape == (90, 3, 100)
    assert centred_grid(grid, (None, None, None)) == grid


@pytest.mark.parametrize("method", METHODS)
def test_the_same_grid_gives_the_same_numbers(method):
    image = np.random.default_rng(1).normal(size=GRID.shape)
    assert np.allclose(resample_image(image, GRID, GRID, method), image, atol=1e-12)


@pytest.mark.parametrize("method", [Interpolation.LINEAR, Interpolation.CUBIC])
def test_a_linear_field_is_interpolated_exactly_inside(method):
    inner = Geometry((4, 7, 9), (0.7, 0.9, 1.7), (-2.0, 10.0, 26.0))
    values = resample_image(_linear_field(GRID), GRID, inner, Interpolation.LINEAR)
    assert np.allclose(values, _linear_field(inner), atol=1e-10)


def test_a_cubic_spline_passes_through_the_voxels():
    image = np.random.default_rng(2).normal(size=(9, 9, 9))
    grid = Geometry((9, 9, 9), (2.0, 2.0, 2.0))
    finer = Geometry((17, 17, 17), (1.0, 1.0, 1.0))
    values = resample_image(image, grid, finer, Interpolation.CUBIC)
    assert np.allclose(values[::2, ::2, ::2], image, atol=1e-12)


def test_nearest_takes_values_that_occur():
    image = np.arange(480.0).reshape(GRID.shape)
    target = centred_grid(GRID, (0.8, 0.8, 0.8))
    assert set(np.unique(resample_image(image, GRID, target, Interpolation.NEAREST))) <= set(
        image.ravel()
    )


@pytest.mark.parametrize("method", METHODS)
def test_numbers_stay_where_they_are_in_the_patient(method):
    # A turned and shifted grid of the same field, at the physical points of the new voxels.
    c, s = math.cos(0.1), math.sin(0.1)
    turned = Geometry((3, 3, 3), (0.5, 0.5, 0.5), (0.0, 12.0, 27.0), (c, -s, 0, s, c, 0, 0, 0, 1))
    values = resample_image(_linear_field(GRID), GRID, turned, Interpolation.LINEAR)
    assert np.allclose(values, _linear_field(turned), atol=1e-9)


def test_outside_the_image_there_is_no_value():
    beyond = Geometry(GRID.shape, GRID.spacing_mm, (-4.0 - 2.0, 7.0, 20.0))
    values = resample_image(np.ones(GRID.shape), GRID, beyond, Interpolation.LINEAR)
    assert np.isnan(values[:, :, :2]).all()
    assert (values[:, :, 2:] == 1).all()
    assert not resample_mask(np.ones(GRID.shape, bool), GRID, beyond)[:, :, :2].any()


def test_an_oblique_target_that_sticks_out_is_refused():
    c, s = math.cos(0.5), math.sin(0.5)
    turned = Geometry(GRID.shape, GRID.spacing_mm, GRID.origin_mm, (c, -s, 0, s, c, 0, 0, 0, 1))
    with pytest.raises(GeometryError) as caught:
        resample_image(np.ones(GRID.shape), GRID, turned, Interpolation.LINEAR)
    assert caught.value.code == "RESAMPLE-OUTSIDE"


def test_a_cubic_spline_over_nan_is_refused():
    image = np.ones(GRID.shape)
    image[0, 0, 0] = np.nan
    with pytest.raises(GeometryError) as caught:
        resample_image(image, GRID, GRID, Interpolation.CUBIC)
    assert caught.value.code == "RESAMPLE-NOT-FINITE"


def test_a_mask_keeps_voxels_that_are_half_full():
    grid = Geometry((1, 1, 4), (2.0, 1.0, 1.0))
    mask = np.array([[[False, True, True, False]]])
    finer = centred_grid(grid, (1.0, None, None))
    # Centres at -0.5, 0.5, ... mm of voxel centres 0, 2, 4, 6 mm: fractions 0 .25 .75 1 1 .75 .25 0
    assert resample_mask(mask, grid, finer).astype(int).tolist() == [[[0, 0, 1, 1, 1, 1, 0, 0]]]
    halves = Geometry((1, 1, 3), (2.0, 1.0, 1.0), (1.0, 0.0, 0.0))
    assert resample_mask(mask, grid, halves).all()
    assert resample_mask(mask, grid, halves, threshold=0.6).tolist() == [[[False, True, False]]]


def test_a_mask_is_never_resampled_by_a_cubic_spline():
    with pytest.raises(ValueError, match="linear or nearest"):
        resample_mask(np.ones(GRID.shape, bool), GRID, GRID, Interpolation.CUBIC)


def test_a_full_mask_stays_full_on_a_centred_grid():
    for spacing in [(0.7, 2.2, 5.0), (2.0, 2.0, 2.0)]:
        target = centred_grid(GRID, spacing)
        assert resample_mask(np.ones(GRID.shape, bool), GRID, target).all()


def test_smoothing_keeps_the_mean_and_leaves_finer_axes_alone():
    image = np.random.default_rng(3).normal(size=(6, 40, 40))
    grid = Geometry(image.shape, (1.0, 1.0, 3.0))
    coarse = centred_grid(grid, (3.0, 3.0, 1.0))
    smooth = smooth_for(image, grid, coarse)
    assert np.allclose(smooth.mean(axis=(1, 2)), image.mean(axis=(1, 2)), atol=0.05)
    assert smooth.std() < 0.5 * image.std()
    finer = centred_grid(grid, (0.5, 0.5, 1.0))
    assert np.array_equal(smooth_for(image, grid, finer), image)


def test_smoothing_removes_what_the_coarse_grid_cannot_hold():
    # A wave of 2.2 mm, sampled at 1 mm; on 4 mm it would appear as a slow wave.
    x = np.arange(200)
    image = np.sin(2 * np.pi * x / 2.2)[None, None, :]
    grid = Geometry(image.shape, (1.0, 1.0, 1.0))
    coarse = centred_grid(grid, (4.0, None, None))
    aliased = resample_image(image, grid, coarse, Interpolation.LINEAR)
    clean = resample_image(smooth_for(image, grid, coarse), grid, coarse, Interpolation.LINEAR)
    inner = (0, 0, slice(3, -3))  # the border has no neighbours to be smoothed with
    assert np.abs(clean[inner]).max() < 0.01 * np.abs(aliased[inner]).max()


@pytest.mark.data
def test_simpleitk_agrees_with_linear_and_nearest_inside(data_dir):
    import SimpleITK as sitk

    from biomarker_cli.imaging.files import read_image_file
    from biomarker_cli.model.quantity import HU

    path = data_dir / "ibsi" / "ct_phantom" / "nifti" / "image" / "phantom.nii.gz"
    volume = read_image_file(path, HU)
    target = centred_grid(volume.geometry, (2.0, 2.0, 2.0))
    image = sitk.GetImageFromArray(volume.as_float64())
    image.SetSpacing(volume.geometry.spacing_mm)
    image.SetOrigin(volume.geometry.origin_mm)
    theirs = sitk.GetArrayFromImage(
        sitk.Resample(
            image,
            target.shape[::-1],
            sitk.Transform(),
            sitk.sitkLinear,
            target.origin_mm,
            target.spacing_mm,
            target.direction,
        )
    )
    ours = resample_image(volume.array, volume.geometry, target, Interpolation.LINEAR)
    inner = (slice(1, -1),) * 3
    assert np.abs(ours[inner] - theirs[inner]).max() < 1e-6
