"""Definitions that move every radiomics number: limits, percentiles, axes of filters."""

from __future__ import annotations

import math

import numpy as np
import pytest

from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.imaging.region import Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import HU
from biomarker_cli.protocol.loading import load_document, validate_section
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.radiomics.features.first_order import intensity_values, percentiles_of
from biomarker_cli.radiomics.features.largest_eigenvalues import second_largest
from biomarker_cli.radiomics.features.shape_values import ellipsoid_area
from biomarker_cli.radiomics.filters.classic import LAWS, laws_response, log_response
from biomarker_cli.radiomics.filters.ibsi_rules import LawsFilter, LogFilter
from biomarker_cli.radiomics.filters.recursive_gaussian import laplacians_of_gaussian
from biomarker_cli.radiomics.measuring import radiomics_of_regions
from biomarker_cli.radiomics.preprocess.intensities import resegment
from biomarker_cli.radiomics.preprocess.pyradiomics_intensities import resegment_as_pyradiomics
from biomarker_cli.radiomics.rules import (
    PyradiomicsRules,
    RadiomicsRules,
    ResegmentationRules,
)

# Mean 5, squared deviations 9 + 3 x 1 + 0 + 0 + 4 + 16 = 32.
EIGHT = np.array([2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0])


# First order


def test_percentiles_lie_between_their_neighbours_in_proportion():
    """At (n - 1) p / 100 of the ordered values, Hyndman and Fan's definition 7."""
    found = percentiles_of(np.array([4.0, 1.0, 8.0, 2.0]))
    assert found == pytest.approx([1.3, 1.75, 3.0, 5.0, 6.8], rel=1e-12)


@pytest.mark.parametrize("size", [1, 2, 3, 4095, 4096, 10_000])
def test_percentiles_have_the_bits_of_the_rule_of_the_statistics_room(size):
    values = np.random.default_rng(size).normal(size=size)
    expected = np.percentile(values, [10, 25, 50, 75, 90], method="linear")
    assert percentiles_of(values) == expected.tolist()


def test_moments_are_those_of_the_population_and_kurtosis_is_the_excess():
    found = intensity_values(EIGHT)
    assert found["variance"] == pytest.approx(4.0)
    # Fourth powers 81 + 3 x 1 + 16 + 256 = 356, cubes -27 - 3 + 8 + 64 = 42.
    assert found["kurtosis"] == pytest.approx(356 / 8 / 16 - 3)
    assert found["skewness"] == pytest.approx(42 / 8 / 8)
    assert found["coefficient_of_variation"] == pytest.approx(0.4)
    assert (found["p10"], found["median"], found["p90"]) == pytest.approx((3.4, 4.5, 7.6))
    assert found["iqr"] == pytest.approx(5.5 - 4.0)
    assert intensity_values(np.array([0.0, 1.0]))["kurtosis"] == pytest.approx(-2.0)


# Re-segmentation

IMAGE = np.array([[[-501.0, -500.0, -499.0, 0.0, 399.0, 400.0, 401.0]]])
ALL = np.ones(IMAGE.shape, bool)


def kept(rules: ResegmentationRules) -> list[float]:
    return IMAGE[resegment(IMAGE, ALL, rules)].tolist()


def test_both_bounds_of_resegmentation_are_kept():
    assert kept(ResegmentationRules(range=(-500, 400))) == [-500, -499, 0, 399, 400]
    assert kept(ResegmentationRules(range=(None, -500))) == [-501, -500]
    assert kept(ResegmentationRules(range=(400, None))) == [400, 401]


def test_an_outlier_lies_beyond_its_number_of_standard_deviations():
    # Mean 5, sd 2: at 2 sd lies 9 and is kept, below 2 sd it is not.
    image = EIGHT.reshape(1, 1, -1)
    mask = np.ones(image.shape, bool)
    found = resegment(image, mask, ResegmentationRules(outlier_sigma=2.0))
    assert image[found].tolist() == EIGHT.tolist()
    found = resegment(image, mask, ResegmentationRules(outlier_sigma=1.5))
    assert image[found].tolist() == [2, 4, 4, 4, 5, 5, 7]


@pytest.mark.parametrize(
    ("limits", "mode", "expected"),
    [
        ((-500, 400), "absolute", [-500, -499, 0, 399, 400]),
        ((400, -500), "absolute", [-500, -499, 0, 399, 400]),
        ((400,), "absolute", [400, 401]),
        ((0, 399 / 401), "relative", [0, 399]),
        ((0,), "sigma", [0, 399, 400, 401]),
    ],
)
def test_both_bounds_of_pyradiomics_are_kept(limits, mode, expected):
    rules = PyradiomicsRules.model_construct(
        resegment_range=limits, resegment_mode=mode, resegment_shape=False
    )
    if mode == "sigma":
        assert IMAGE.mean() < 0  # so that 0 lies above the mean
    assert IMAGE[resegment_as_pyradiomics(IMAGE, ALL, rules)].tolist() == expected


# Filters

SPACING_ZYX = (3.0, 2.0, 1.5)


def impulse(shape: tuple[int, int, int]) -> np.ndarray:
    image = np.zeros(shape)
    image[tuple(n // 2 for n in shape)] = 1.0
    return image


def test_the_laplacian_has_the_width_of_each_axis_in_its_own_voxels():
    """The response to an impulse is the kernel: the analytic Laplacian of a Gaussian."""
    sigma_mm = 3.0
    rules = LogFilter(filter="log", sigma_mm=(sigma_mm,), truncation=4, boundary="zero")
    shape = (9, 13, 17)
    found = log_response(impulse(shape), sigma_mm, rules, SPACING_ZYX, planar=False)
    sigma = sigma_mm / np.array(SPACING_ZYX)
    places = np.indices(shape) - np.array([n // 2 for n in shape]).reshape(3, 1, 1, 1)
    scaled = places / sigma.reshape(3, 1, 1, 1)
    gauss = np.exp(-0.5 * (scaled**2).sum(axis=0)) / ((2 * np.pi) ** 1.5 * sigma.prod())
    curvature = ((scaled**2 - 1) / (sigma**2).reshape(3, 1, 1, 1)).sum(axis=0)
    np.testing.assert_allclose(found, gauss * curvature, rtol=1e-9, atol=1e-15)


def test_the_planar_laplacian_leaves_the_slices_alone():
    rules = LogFilter(filter="log", sigma_mm=(3.0,), truncation=4, boundary="zero")
    found = log_response(impulse((3, 13, 17)), 3.0, rules, SPACING_ZYX, planar=True)
    assert not found[0].any()
    # Width 1.5 voxels along y and 2 along x.
    at_centre = -(1 / 1.5**2 + 1 / 2.0**2) / (2 * np.pi * 1.5 * 2.0)
    assert found[1, 6, 8] == pytest.approx(at_centre)
    ratio = found[1, 7, 8] / found[1, 6, 9]
    along_y = ((1 / 1.5**2 - 1) / 1.5**2 - 1 / 2.0**2) * math.exp(-0.5 / 1.5**2)
    along_x = ((1 / 2.0**2 - 1) / 2.0**2 - 1 / 1.5**2) * math.exp(-0.5 / 2.0**2)
    assert ratio == pytest.approx(along_y / along_x)


def test_the_recursive_laplacian_has_the_width_of_each_axis_in_its_own_voxels():
    """Of a slow wave along one axis nothing is left but its curvature and its damping."""
    sigma, wavelength = 3.0, 24.0
    for axis, spacing in enumerate(SPACING_ZYX):
        shape = [24, 24, 24]
        shape[axis] = 96
        box = tuple(slice(n // 4, 3 * n // 4) for n in shape)
        k = 2 * np.pi / wavelength
        wave = np.cos(k * spacing * (np.arange(shape[axis]) - shape[axis] // 2))
        image = np.broadcast_to(
            wave.reshape([-1 if a == axis else 1 for a in range(3)]), shape
        ).copy()
        (found,) = laplacians_of_gaussian(image, box, SPACING_ZYX, (sigma,))
        # Normalised across scale; the Gaussian damps a wave of this length.
        expected = -(sigma**2) * k**2 * math.exp(-0.5 * (sigma * k) ** 2) * image[box]
        np.testing.assert_allclose(found, expected, atol=0.01)


def laws(kernels: str, **changes: object) -> LawsFilter:
    values = {"boundary": "zero", "pooling": None, "energy_distance_voxels": None, **changes}
    return LawsFilter.model_validate({"filter": "laws", "kernels": kernels, **values})


def test_the_name_of_laws_kernels_runs_along_x_y_z():
    found = laws_response(impulse((7, 7, 7)), laws("L5E5S5"), planar=False)
    x, y, z = LAWS["L5"], LAWS["E5"], LAWS["S5"]
    expected = z[:, None, None] * y[:, None] * x
    np.testing.assert_allclose(found[1:6, 1:6, 1:6], expected, atol=1e-15)


def test_in_a_plane_the_name_of_laws_kernels_runs_along_x_y():
    found = laws_response(impulse((3, 7, 7)), laws("W5R5"), planar=True)
    np.testing.assert_allclose(found[1, 1:6, 1:6], LAWS["R5"][:, None] * LAWS["W5"], atol=1e-15)
    assert not found[0].any()


def test_laws_kernels_are_those_of_ibsi_2():
    raw = {
        "L3": (1, 2, 1),
        "E3": (-1, 0, 1),
        "S3": (-1, 2, -1),
        "L5": (1, 4, 6, 4, 1),
        "E5": (-1, -2, 0, 2, 1),
        "S5": (-1, 0, 2, 0, -1),
        "W5": (-1, 2, 0, -2, 1),
        "R5": (1, -4, 6, -4, 1),
    }
    assert set(LAWS) == set(raw)
    for name, values in raw.items():
        length = math.sqrt(sum(v * v for v in values))
        np.testing.assert_allclose(LAWS[name], np.array(values) / length, rtol=1e-14)


def test_texture_energy_is_the_mean_magnitude_around_a_voxel():
    plain = laws_response(impulse((1, 9, 9)), laws("E3E3"), planar=True)
    found = laws_response(impulse((1, 9, 9)), laws("E3E3", energy_distance_voxels=1), planar=True)
    expected = np.abs(plain)[0, 3:6, 3:6].mean()
    assert found[0, 4, 4] == pytest.approx(expected)


@pytest.mark.parametrize(("pooling", "combine"), [("max", np.max), ("average", np.mean)])
def test_pooling_takes_every_right_angle_rotation(pooling, combine):
    found = laws_response(impulse((1, 7, 7)), laws("L5E5", pooling=pooling), planar=True)
    alone = laws_response(impulse((1, 7, 7)), laws("L5E5"), planar=True)[0]
    expected = combine([np.rot90(alone, turns) for turns in range(4)], axis=0)
    np.testing.assert_allclose(found[0], expected, atol=1e-15)


def measured_mean(ident: str, image: dict[str, object]) -> tuple[float, np.ndarray, np.ndarray]:
    """Measure the mean of a filtered image; return it with the voxels and the mask."""
    shape = (12, 14, 16)
    # Spacing is told along x, y, z; arrays run along z, y, x.
    geometry = Geometry(shape, (1.5, 2.0, 3.0))
    array = np.random.default_rng(3).normal(0, 50, shape).round()
    mask = np.zeros(shape, bool)
    mask[3:9, 4:10, 5:12] = True
    document = load_document(ProtocolKind.ANALYSIS, ident)
    rules = validate_section(RadiomicsRules, document, "radiomics")
    rules = RadiomicsRules.model_validate(
        {
            **rules.model_dump(),
            **dict.fromkeys(("interpolation", "round_to", "resegmentation")),
            "images": [image],
            "families": ["intensity"],
        }
    )
    volume, region = Volume(array, geometry, HU), Region(mask, geometry, "x", "x")
    rows = radiomics_of_regions(volume, [region], rules)["x"]
    assert isinstance(rows, list)
    (mean,) = [row.value for row in rows if row.definition.key == "intensity.mean"]
    return mean, array, mask


def test_filters_get_the_spacing_of_the_volume_along_its_axes():
    settings = {"filter": "log", "sigma_mm": (3.0,), "truncation": 4, "boundary": "mirror"}
    mean, array, mask = measured_mean("ibsi-2-config-4-b", settings)
    rules = LogFilter.model_validate(settings)
    expected = log_response(array, 3.0, rules, SPACING_ZYX, planar=False)[mask].mean()
    assert mean == pytest.approx(expected, rel=1e-9)


def test_filters_of_pyradiomics_get_the_spacing_of_the_volume_along_its_axes():
    settings = {"filter": "pyradiomics_log", "sigma_mm": (3.0,)}
    mean, array, mask = measured_mean("pyradiomics-default", settings)
    whole = tuple(slice(0, n) for n in array.shape)
    (expected,) = laplacians_of_gaussian(array, whole, SPACING_ZYX, (3.0,))
    assert mean == pytest.approx(expected[mask].astype(float).mean(), rel=1e-6)


# Shape


@pytest.mark.parametrize(
    ("a", "b", "c"), [(3.0, 2.7, 2.4), (3.0, 2.0, 2.0), (3.0, 2.0, 1.0), (5.0, 4.9, 0.5)]
)
def test_the_area_of_an_ellipsoid_is_the_series_of_ibsi(a, b, c):
    """Twenty terms behind the first, whatever geometry says (IBSI-1, RDD2)."""
    alpha, beta = math.sqrt(1 - (b / a) ** 2), math.sqrt(1 - (c / a) ** 2)
    argument = (alpha**2 + beta**2) / (2 * alpha * beta)
    coefficients = [(alpha * beta) ** n / (1 - 4 * n**2) for n in range(21)]
    expected = 4 * math.pi * a * b * np.polynomial.legendre.legval(argument, coefficients)
    assert ellipsoid_area(a, b, c) == pytest.approx(expected, rel=1e-9)


def test_the_area_of_a_sphere_is_that_of_geometry():
    assert ellipsoid_area(3.0, 3.0, 3.0) == pytest.approx(36 * math.pi)


@pytest.mark.parametrize("c", [2.99, 2.0, 0.5])
def test_two_equal_axes_give_the_area_that_two_almost_equal_ones_give(c):
    assert ellipsoid_area(3.0, 3.0, c) == pytest.approx(ellipsoid_area(3.0, 3 - 1e-9, c), rel=1e-8)


@pytest.mark.parametrize("band", [1, 40])
def test_the_second_largest_eigenvalue_of_many_levels_is_that_of_the_whole_matrix(band):
    """Levels that meet their neighbours alone, and levels that meet many others."""
    size, rng = 150, np.random.default_rng(6)
    p = rng.uniform(1, 2, (size, size))
    apart = np.abs(np.subtract.outer(np.arange(size), np.arange(size)))
    p[apart > band] = 0.0
    p = (p + p.T) / (p + p.T).sum()
    here, there = p.sum(axis=1), p.sum(axis=0)
    whole = (p / np.outer(here, there)) @ p.T
    expected = np.sort(np.linalg.eigvals(whole).real)[-2]
    assert second_largest(p, here, there, 1e-15) == pytest.approx(expected, rel=1e-9)
