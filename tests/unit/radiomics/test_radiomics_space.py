"""Sums over pairs of voxels and over spheres, against the definitions the slow way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import pdist, squareform

from biomarker_cli.imaging.spheres import ONE_ML_RADIUS_MM
from biomarker_cli.radiomics.features.peaks import peak_values
from biomarker_cli.radiomics.features.spatial_correlation import spatial_correlation

SPACINGS = [(1.0, 1.0, 1.0), (2.5, 0.7, 1.1), (3.0, 3.0, 3.0)]


def slow_correlation(mask, image, spacing):
    places = np.argwhere(mask) * np.array(spacing)
    distance = squareform(pdist(places))
    np.fill_diagonal(distance, np.inf)
    weight = 1 / distance
    deviation = image[mask] - image[mask].mean()
    n, total = deviation.size, weight.sum()
    apart = (image[mask][:, None] - image[mask][None, :]) ** 2
    spread = np.sum(deviation**2)
    return {
        "moran_i": n / total * (deviation @ weight @ deviation) / spread,
        "geary_c": (n - 1) / (2 * total) * np.sum(weight * apart) / spread,
    }


@settings(deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([(1, 1, 2), (1, 5, 6), (4, 3, 5), (7, 1, 8), (6, 7, 9)]),
    st.sampled_from(SPACINGS),
    st.floats(0.2, 1),
)
def test_sums_over_pairs_are_those_of_all_pairs(seed, shape, spacing, filling):
    rng = np.random.default_rng(seed)
    mask = rng.random(shape) < filling
    mask[0, 0, :2] = True
    image = rng.normal(40, 60, shape)
    found = spatial_correlation(mask, image, spacing)
    expected = slow_correlation(mask, image, spacing)
    assert found == pytest.approx(expected, rel=1e-10, abs=1e-12)


def test_frequencies_taken_in_parts_give_the_same_sums(monkeypatch):
    rng = np.random.default_rng(7)
    mask, image = rng.random((5, 9, 8)) < 0.7, rng.normal(size=(5, 9, 8))
    whole = spatial_correlation(mask, image, SPACINGS[1])
    monkeypatch.setattr("biomarker_cli.radiomics.features.spatial_correlation._TOGETHER", 1)
    assert spatial_correlation(mask, image, SPACINGS[1]) == pytest.approx(whole, rel=1e-13)


def test_one_voxel_and_one_value_have_no_spatial_correlation():
    one = np.zeros((2, 2, 2), dtype=bool)
    one[0, 0, 0] = True
    for mask in (one, ~one, np.zeros_like(one)):
        found = spatial_correlation(mask, np.ones((2, 2, 2)), SPACINGS[0])
        assert found.keys() == {"moran_i", "geary_c"}
        assert np.isnan(list(found.values())).all()


def slow_means(image, spacing):
    places = np.argwhere(np.ones(image.shape, dtype=bool)) * np.array(spacing)
    near = squareform(pdist(places)) <= ONE_ML_RADIUS_MM * (1 + 1e-12)
    known = np.isfinite(image).reshape(-1)
    values = np.where(known, image.reshape(-1), 0.0)
    return ((near @ values) / (near @ known.astype(float))).reshape(image.shape)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.sampled_from(SPACINGS), st.booleans())
def test_peaks_are_means_over_a_millilitre_also_beside_the_edge(seed, spacing, unknown):
    rng = np.random.default_rng(seed)
    image = rng.normal(5, 2, (7, 12, 11))
    mask = rng.random(image.shape) < 0.1
    mask[0, 0, 0] = True
    if unknown:
        image[3, 4, 5] = np.nan
        mask[3, 4, 5] = False
    means = slow_means(image, spacing)
    found = peak_values(image, mask, spacing)
    at_highest = means[mask][np.argmax(image[mask])]
    assert found["local_peak"] == pytest.approx(at_highest, rel=1e-12)
    assert found["global_peak"] == pytest.approx(means[mask].max(), rel=1e-12)


def test_of_equally_high_voxels_the_one_with_the_higher_peak_counts():
    image = np.zeros((1, 1, 40))
    image[..., 3] = image[..., 30] = 9.0
    image[..., 31] = 5.0
    mask = image == 9.0
    found = peak_values(image, mask, (1.0, 1.0, 1.0))
    assert found["local_peak"] == pytest.approx(slow_means(image, (1.0, 1.0, 1.0))[0, 0, 30])
