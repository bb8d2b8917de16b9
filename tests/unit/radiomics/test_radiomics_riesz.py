"""Riesz transforms against what is known of them on paper."""

import numpy as np
import pytest
from pydantic import TypeAdapter

from biomarker_cli.protocol.loading import load_document, validate_section
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.radiomics.filters.applying import filtered_images
from biomarker_cli.radiomics.filters.riesz import riesz_transform
from biomarker_cli.radiomics.filters.rules import FilterRules
from biomarker_cli.radiomics.rules import RadiomicsRules

UNEQUAL = (3.0, 0.7, 1.2)
FIRST = [(1, 0, 0), (0, 1, 0), (0, 0, 1)]
SECOND = [(2, 0, 0), (0, 2, 0), (0, 0, 2), (1, 1, 0), (1, 0, 1), (0, 1, 1)]
LOG = {"filter": "riesz_log", "sigma_mm": [3], "truncation": 4, "boundary": "mirror"}


def noise(shape):
    return np.random.default_rng(6).normal(20, 50, shape)


def image_of(rules, image, spacing, planar=False):
    validated = TypeAdapter(FilterRules).validate_python(rules)
    ((name, voxels),) = filtered_images(image, spacing, validated, planar)
    return name, voxels


def plane_wave(shape, cycles):
    """Return the phase of a wave, and its frequency along z, y, x per mm."""
    z, y, x = np.indices(shape)
    phase = 2 * np.pi * sum(c * g / n for c, g, n in zip(cycles, (z, y, x), shape, strict=True))
    frequency = np.array(cycles) / np.array(shape) / np.array(UNEQUAL)
    return phase, frequency / np.linalg.norm(frequency)


@pytest.mark.parametrize("cycles", [(2, 3, 1), (0, -4, 5), (1, 0, 0)])
def test_a_plane_wave_becomes_its_quadrature_by_the_share_of_its_direction(cycles):
    phase, (z, y, x) = plane_wave((12, 15, 20), cycles)
    for order, share in zip(FIRST, (x, y, z), strict=True):
        found = riesz_transform(np.cos(phase), order, UNEQUAL, "periodic")
        np.testing.assert_allclose(found, share * np.sin(phase), atol=1e-12)
    found = riesz_transform(np.cos(phase), (1, 1, 0), UNEQUAL, "periodic")
    np.testing.assert_allclose(found, -np.sqrt(2) * x * y * np.cos(phase), atol=1e-12)
    found = riesz_transform(np.cos(phase), (2, 0, 1), UNEQUAL, "periodic")
    np.testing.assert_allclose(found, -np.sqrt(3) * x * x * z * np.sin(phase), atol=1e-12)


@pytest.mark.parametrize("orders", [FIRST, SECOND])
@pytest.mark.parametrize(
    ("boundary", "shape"), [("periodic", (9, 15, 21)), ("mirror", (9, 16, 22))]
)
def test_all_components_of_an_order_hold_the_energy_without_the_mean(orders, boundary, shape):
    image = noise(shape)
    energy = sum((riesz_transform(image, o, UNEQUAL, boundary) ** 2).sum() for o in orders)
    assert energy == pytest.approx(((image - image.mean()) ** 2).sum(), rel=1e-12)


@pytest.mark.parametrize("boundary", ["periodic", "mirror"])
def test_the_even_components_sum_to_the_image_without_its_mean_turned_round(boundary):
    image = noise((8, 11, 14))
    total = sum(riesz_transform(image, order, UNEQUAL, boundary) for order in SECOND[:3])
    np.testing.assert_allclose(total, image.mean() - image, atol=1e-10)


@pytest.mark.parametrize("boundary", ["zero", "periodic", "mirror"])
@pytest.mark.parametrize("order", [(1, 0, 0), (0, 2, 0), (1, 2, 3)])
def test_a_flipped_axis_changes_the_sign_of_its_odd_orders(order, boundary):
    image = noise((10, 13, 16))
    rules = {**LOG, "order": order, "boundary": boundary}
    _, found = image_of(rules, image, (2.0, 2.0, 2.0))
    for axis, power in zip((2, 1, 0), order, strict=True):
        _, flipped = image_of(rules, np.flip(image, axis), (2.0, 2.0, 2.0))
        np.testing.assert_allclose(np.flip(flipped, axis), (-1) ** power * found, atol=1e-9)


@pytest.mark.parametrize("order", [*FIRST, *SECOND, (1, 1, 1), (3, 0, 1)])
@pytest.mark.parametrize("shape", [(6, 9, 8), (1, 7, 10)])
def test_mirrored_is_periodic_in_twice_the_size(order, shape):
    image = noise(shape)
    doubled = np.pad(image, [(0, n) for n in shape], mode="symmetric")
    z, y, x = shape
    whole = riesz_transform(doubled, order, UNEQUAL, "periodic")
    found = riesz_transform(image, order, UNEQUAL, "mirror")
    np.testing.assert_allclose(found, whole[:z, :y, :x], atol=1e-10)


def test_slices_are_transformed_one_by_one():
    image = noise((3, 12, 17))
    for boundary in ("periodic", "mirror"):
        found = riesz_transform(image, (1, 2), UNEQUAL, boundary)
        alone = riesz_transform(image[1:2], (1, 2, 0), UNEQUAL, boundary)
        np.testing.assert_allclose(found[1:2], alone, atol=1e-10)
    rules = {**LOG, "order": (1, 0), "boundary": "zero"}
    _, found = image_of(rules, image, (2.0, 2.0, 2.0), planar=True)
    _, alone = image_of(rules, image[1:2], (2.0, 2.0, 2.0), planar=True)
    np.testing.assert_allclose(found[1:2], alone, atol=1e-10)


@pytest.mark.parametrize("boundary", ["zero", "periodic", "mirror"])
def test_the_second_order_of_a_log_is_a_second_derivative_of_the_gaussian(boundary):
    # The squared frequency of the Laplacian cancels that of the transform.
    image = np.zeros((41, 41, 41))
    image[20, 20, 20] = 1.0
    rules = {**LOG, "order": (0, 2, 0), "truncation": 7, "boundary": boundary}
    name, found = image_of(rules, image, (1.5, 1.5, 1.5))
    assert name == "log-sigma-3-0-mm-riesz-0-2-0"
    z, y, x = np.indices(image.shape) - 20.0
    gauss = np.exp(-(z**2 + y**2 + x**2) / 8) / (2 * np.sqrt(2 * np.pi)) ** 3
    expected = -(y**2 / 16 - 1 / 4) * gauss
    np.testing.assert_allclose(found, expected, atol=1e-6 * expected.max())


def test_zeros_beyond_the_border_keep_the_image_from_its_copies():
    image = noise((5, 9, 12))
    surrounded = np.pad(image, 40)
    rules = {**LOG, "order": (0, 2, 0), "boundary": "zero"}
    _, found = image_of(rules, image, (2.0, 2.0, 2.0))
    _, wide = image_of(rules, surrounded, (2.0, 2.0, 2.0))
    np.testing.assert_allclose(found, wide[40:-40, 40:-40, 40:-40], atol=1e-3 * np.ptp(found))


def test_rules_refuse_an_order_that_is_none_and_one_of_other_dimensions():
    document = load_document(ProtocolKind.ANALYSIS, "radiomics-ct")
    radiomics_ct = validate_section(RadiomicsRules, document, "radiomics").model_dump()

    def with_order(order, **changes):
        images = [{**LOG, "order": order}]
        return RadiomicsRules.model_validate({**radiomics_ct, "images": images, **changes})

    with_order([1, 0, 0])
    with pytest.raises(ValueError, match="at least 1"):
        with_order([0, 0, 0])
    with pytest.raises(ValueError, match="3 dimensions has 3 numbers"):
        with_order([1, 0])
    with pytest.raises(ValueError, match="2 dimensions has 2 numbers"):
        with_order([1, 0, 0], dimension="2d")
    with pytest.raises(ValueError, match="boundary"):
        RadiomicsRules.model_validate(
            {**radiomics_ct, "images": [{**LOG, "order": [1, 0, 0], "boundary": "nearest"}]}
        )
