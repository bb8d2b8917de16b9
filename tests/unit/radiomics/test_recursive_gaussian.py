"""The recursive Laplacian of Gaussian has the bits of SimpleITK's passes on the whole image."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import HU
from biomarker_cli.protocol.loading import load_document, validate_section
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.radiomics.filters.recursive_gaussian import (
    coefficients,
    filter_axis,
    laplacians_of_gaussian,
)
from biomarker_cli.radiomics.measuring import radiomics_measurements
from biomarker_cli.radiomics.rules import RadiomicsRules

SimpleITK = pytest.importorskip("SimpleITK")

SIGMAS = (0.4, 1.0, 2.5, 7.0)


def itk_pass(image, axis, order, spacing_zyx, sigma_mm):
    array = SimpleITK.GetImageFromArray(np.ascontiguousarray(image))
    array.SetSpacing(spacing_zyx[::-1])
    recursive = SimpleITK.RecursiveGaussianImageFilter()
    recursive.SetSigma(sigma_mm)
    recursive.SetDirection(2 - axis)
    recursive.SetOrder(order)
    recursive.SetNormalizeAcrossScale(True)
    return SimpleITK.GetArrayFromImage(recursive.Execute(array))


def itk_laplacian(image, spacing_zyx, sigma_mm):
    """Return the sum of three derivatives in the order of the whole image."""
    total = np.zeros(image.shape, dtype=np.float32)
    for derived in (2, 1, 0):
        part = itk_pass(image, derived, 2, spacing_zyx, sigma_mm)
        for axis in (2, 1, 0):
            if axis != derived:
                part = itk_pass(part, axis, 0, spacing_zyx, sigma_mm)
        scale = 1.0 / (spacing_zyx[derived] * spacing_zyx[derived])
        total = (total.astype(np.float64) + part.astype(np.float64) * scale).astype(np.float32)
    return total


def own_pass(image, axis, order, spacing_zyx, sigmas_mm, bounds=None):
    bounds = bounds or slice(0, image.shape[axis])
    shape = list(image.shape)
    shape[axis] = bounds.stop - bounds.start
    result = np.full((len(sigmas_mm), *shape), np.nan, dtype=np.float32)
    sets = np.array([coefficients(sigma, spacing_zyx[axis], order) for sigma in sigmas_mm])
    filter_axis(image, axis, bounds, sets, result)
    return result


def same_bits(one, two):
    return one.dtype == two.dtype and one.tobytes() == two.tobytes()


@pytest.mark.parametrize("order", [0, 2])
@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("spacing", [(2.0, 0.8, 0.8), (0.37, 5.0, 1.0)])
def test_each_pass(axis, order, dtype, spacing):
    image = np.random.default_rng(1).normal(0, 300, (19, 21, 35)).astype(dtype)
    found = own_pass(image, axis, order, spacing, SIGMAS)
    for sigma, own in zip(SIGMAS, found, strict=True):
        assert same_bits(own, itk_pass(image, axis, order, spacing, sigma))


@pytest.mark.parametrize("length", [4, 5, 6, 15, 16, 17, 33])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_short_lines_and_any_number_of_lines(length, axis):
    for others in ((1, 1), (4, 16), (7, 31)):
        shape = list(others)
        shape.insert(axis, length)
        image = np.random.default_rng(length).normal(0, 60, shape)
        (found,) = own_pass(image, axis, 2, (1.5, 1.0, 0.7), (2.0,))
        assert same_bits(found, itk_pass(image, axis, 2, (1.5, 1.0, 0.7), 2.0))


@pytest.mark.parametrize("value", [0.0, 7.0, -1024.0, 1e-300, 3e4])
def test_constant_images_keep_their_rounding(value):
    # What a derivative leaves of a constant is rounding, and its sign decides bins at 0.
    image = np.full((9, 12, 40), value)
    for sigma, own in zip(
        SIGMAS,
        laplacians_of_gaussian(image, (slice(2, 5), slice(0, 12), slice(9, 33)), (2, 1, 1), SIGMAS),
        strict=True,
    ):
        assert same_bits(own, itk_laplacian(image, (2.0, 1.0, 1.0), sigma)[2:5, 0:12, 9:33])


def test_far_away_voxels_decide_the_last_bit():
    # Why no line may start nearer to the box: forty standard deviations leave a trace.
    image = np.full((4, 4, 800), -1000.0)
    image[:, :, :40] = np.random.default_rng(3).normal(0, 60, (4, 4, 40))
    whole = itk_pass(image, 2, 2, (1.0, 1.0, 1.0), 4.0)
    cut = itk_pass(image[:, :, 400:], 2, 2, (1.0, 1.0, 1.0), 4.0)
    assert not np.array_equal(whole[:, :, 600:], cut[:, :, 200:])


@st.composite
def boxes(draw):
    shape = tuple(draw(st.integers(4, 40)) for _ in range(3))
    box = []
    for length in shape:
        start = draw(st.integers(0, length - 1))
        box.append(slice(start, draw(st.integers(start + 1, length))))
    return shape, tuple(box)


@given(
    boxes(),
    st.lists(st.floats(0.3, 8), min_size=1, max_size=3),
    st.tuples(*[st.floats(0.3, 6)] * 3),
    st.sampled_from(["noise", "whole", "half"]),
    st.integers(0, 99),
)
@settings(deadline=None, max_examples=40)
def test_any_box_has_the_bits_of_the_whole_image(place, sigmas, spacing, kind, seed):
    shape, box = place
    image = np.random.default_rng(seed).normal(0, 100, shape)
    if kind != "noise":
        image = image.round()
    if kind == "half":
        image[:, shape[1] // 2 :] = -1000
    for sigma, own in zip(sigmas, laplacians_of_gaussian(image, box, spacing, sigmas), strict=True):
        assert same_bits(own, np.ascontiguousarray(itk_laplacian(image, spacing, sigma)[box]))


def test_itk_puts_the_passes_together_in_this_order():
    image = np.random.default_rng(5).normal(0, 60, (12, 15, 18))
    array = SimpleITK.GetImageFromArray(image)
    array.SetSpacing((0.8, 0.9, 2.0))
    whole = SimpleITK.LaplacianRecursiveGaussianImageFilter()
    whole.SetSigma(2.0)
    whole.SetNormalizeAcrossScale(True)
    found = SimpleITK.GetArrayFromImage(whole.Execute(array)).astype(np.float32)
    assert same_bits(found, itk_laplacian(image, (2.0, 0.9, 0.8), 2.0))


def test_a_part_of_an_array_is_read_and_written_in_place():
    image = np.random.default_rng(2).normal(0, 60, (20, 30, 40))
    part = image[3:17, 5:26, 2:33]
    wide = np.full((1, 20, 30, 40), np.nan, dtype=np.float32)
    sets = np.array([coefficients(2.0, 1.0, 0)])
    filter_axis(part, 1, slice(4, 9), sets, wide[:, 3:17, 8:13, 2:33])
    expected = itk_pass(part, 1, 0, (1.0, 1.0, 1.0), 2.0)[:, 4:9]
    assert same_bits(
        np.ascontiguousarray(wide[0, 3:17, 8:13, 2:33]), np.ascontiguousarray(expected)
    )
    wide[0, 3:17, 8:13, 2:33] = np.nan
    assert np.isnan(wide).all()


def test_few_slices_give_undefined_rows_with_the_reason():
    document = load_document(ProtocolKind.ANALYSIS, "pyradiomics-default")
    data = validate_section(RadiomicsRules, document, "radiomics").model_dump()
    images = [{"filter": "none"}, {"filter": "pyradiomics_log", "sigma_mm": [2.0]}]
    rules = RadiomicsRules.model_validate({**data, "engine": "native", "images": images})
    geometry = Geometry((3, 12, 12), (1.0, 1.0, 1.0))
    array = np.random.default_rng(4).normal(0, 60, geometry.shape)
    region = Region(np.ones(geometry.shape, dtype=np.bool_), geometry, "x", "x")
    rows = radiomics_measurements(Volume(array, geometry, HU), [region], rules)["x"]
    for row in rows:
        if row.image == "original":
            assert row.value is not None
        else:
            assert row.value is None
            assert "3 voxels along an axis" in row.reason
