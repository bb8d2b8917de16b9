"""Kernels against what NumPy and SciPy give the slow way."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_cdt, label
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist

import biomarker_cli.radiomics.lattice as lattice_module
from biomarker_cli.kernels.compiled import levels_between, measure_distances, sum_places
from biomarker_cli.radiomics.features.first_order import intensity_values, percentiles_of
from biomarker_cli.radiomics.features.shape_values import (
    farthest_pair,
    mesh_of,
    planar_diameter,
)
from biomarker_cli.radiomics.features.surface_cases import closed_surface
from biomarker_cli.radiomics.lattice import Lattice, half_neighbours


def _levels(values, edges):
    levels = np.empty(values.size, np.int64)
    levels_between(values, edges, levels)
    return levels


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 60), st.sampled_from([0.1, 1 / 3, 1.0, 25.0]))
def test_levels_are_those_of_digitize_also_on_edges(seed, n_edges, step):
    rng = np.random.default_rng(seed)
    edges = np.arange(n_edges) * step + rng.normal()
    values = np.concatenate([rng.choice(edges, 50), rng.uniform(edges[0], edges[-1], 200)])
    values = np.concatenate([values, np.nextafter(edges, -np.inf), [edges[0] - 1, edges[-1] + 1]])
    assert np.array_equal(_levels(values, edges), np.digitize(values, edges))
    uneven = np.sort(rng.normal(size=n_edges))
    assert np.array_equal(_levels(values, uneven), np.digitize(values, uneven))


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.02, 0.98))
def test_moments_are_those_of_the_voxels(seed, filling):
    mask = np.random.default_rng(seed).random((5, 7, 6)) < filling
    sums, products = np.zeros(3, dtype=np.int64), np.zeros((3, 3), dtype=np.int64)
    number = sum_places(mask, sums, products)
    places = np.argwhere(mask)
    assert number == len(places)
    assert np.array_equal(sums, places.sum(axis=0))
    assert np.array_equal(products, places.T @ places)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 5, 4095, 4096, 20_000]), st.booleans())
def test_percentiles_have_the_bits_of_numpy(seed, number, skewed):
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 60, number).round(rng.integers(0, 4))
    if skewed:
        values[0] = 1e9
    expected = np.percentile(values, [10, 25, 50, 75, 90])
    assert np.array_equal(percentiles_of(values), expected)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e300])
def test_percentiles_of_one_value_and_of_the_widest_range(value):
    assert percentiles_of(np.full(5000, value)) == [value] * 5
    values = np.full(5000, value)
    values[:2500] = 1.7e308
    values[-1] = -1.7e308
    assert np.array_equal(
        [percentiles_of(values)[k] for k in (0, 4)], np.percentile(values, [10, 90])
    )


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 5000))
def test_statistics_are_those_of_long_sums(seed, number):
    values = np.random.default_rng(seed).normal(40, 60, number)
    found = intensity_values(values)
    mean = math.fsum(values) / number
    variance = math.fsum((values - mean) ** 2) / number
    assert found["mean"] == pytest.approx(mean, rel=1e-14)
    assert found["variance"] == pytest.approx(variance, rel=1e-13)
    assert found["energy"] == pytest.approx(math.fsum(values**2), rel=1e-14)
    kept = values[(values >= found["p10"]) & (values <= found["p90"])]
    if kept.size:
        expected = np.mean(np.abs(kept - kept.mean()))
        assert found["robust_mean_absolute_deviation"] == pytest.approx(expected, rel=1e-12)


def test_equal_values_have_no_spread_whatever_their_sum_rounds_to():
    found = intensity_values(np.full(1001, 0.1))
    assert found["mean"] == 0.1
    assert found["variance"] == 0
    assert np.isnan(found["skewness"])


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([(1, 1, 1), (3, 4, 5), (1, 6, 7), (6, 7, 1)]),
    st.sampled_from([1, 2, 40]),
    st.floats(0.05, 1),
    st.booleans(),
)
def test_pairs_runs_zones_and_neighbours_are_those_of_a_slow_count(
    seed, shape, n_levels, filling, planar
):
    rng = np.random.default_rng(seed)
    mask = rng.random(shape) < filling
    mask[0, 0, 0] = True
    levels = rng.integers(1, n_levels + 1, np.count_nonzero(mask)) * 3
    lattice = Lattice.of(mask, levels)
    box = np.zeros(shape, dtype=np.int64)
    box[mask] = np.searchsorted(lattice.values, levels) + 1
    offsets = half_neighbours(1, planar)
    for offset, pairs, runs in zip(
        offsets, lattice.pairs(offsets), lattice.runs(offsets), strict=True
    ):
        assert np.array_equal(pairs, slow_pairs(box, offset, lattice.values.size))
        assert np.array_equal(runs, slow_runs(box, offset, runs.shape))
    zones = sorted(map(tuple, lattice.zones(planar)[:, :2]))
    assert zones == sorted(slow_zones(box, planar))
    found = lattice.neighbours(offsets, 0)
    assert found.dependence.sum() == np.count_nonzero(mask)
    both = [*offsets, *((-z, -y, -x) for z, y, x in offsets)]
    beside = [shifted(box, offset) for offset in both]
    dependent = sum((other == box) & (box > 0) for other in beside)
    for rank in range(lattice.values.size):
        counts = np.bincount(dependent[box == rank + 1], minlength=len(both) + 1)
        assert np.array_equal(found.dependence[rank], counts)


def test_zones_know_their_smallest_distance():
    mask = np.ones((1, 1, 5), dtype=bool)
    zones = Lattice.of(mask, np.array([1, 1, 2, 1, 1])).zones(
        True, np.array([1, 2, 3, 2, 1], np.int32)
    )
    assert sorted(map(tuple, zones)) == [(0, 2, 1), (0, 2, 1), (1, 1, 3)]


def test_tables_that_do_not_fit_together_are_counted_one_by_one(monkeypatch):
    rng = np.random.default_rng(5)
    lattice = Lattice.of(np.ones((4, 5, 6), dtype=bool), rng.integers(1, 9, 120))
    offsets = half_neighbours(1, False)
    together = [*lattice.pairs(offsets), *lattice.runs(offsets)]
    monkeypatch.setattr(lattice_module, "_TABLES", 1)
    apart = [*lattice.pairs(offsets), *lattice.runs(offsets)]
    assert all(np.array_equal(a, b) for a, b in zip(together, apart, strict=True))


def shifted(box, offset):
    """Return what lies a step away from each voxel, 0 beyond the box."""
    padded = np.pad(box, 1)
    z, y, x = (slice(1 + step, 1 + step + n) for step, n in zip(offset, box.shape, strict=True))
    return padded[z, y, x]


def slow_pairs(box, offset, size):
    there = shifted(box, offset)
    inside = (box > 0) & (there > 0)
    counts = np.zeros((size, size), dtype=np.int64)
    np.add.at(counts, (box[inside] - 1, there[inside] - 1), 1)
    return counts


def slow_runs(box, offset, shape):
    counts = np.zeros(shape, dtype=np.int64)
    before = shifted(box, tuple(-step for step in offset))
    for place in np.argwhere((box > 0) & (before != box)):
        length, here = 0, place
        while (
            all(0 <= p < n for p, n in zip(here, box.shape, strict=True))
            and box[tuple(here)] == box[tuple(place)]
        ):
            length, here = length + 1, here + np.array(offset)
        counts[box[tuple(place)] - 1, length - 1] += 1
    return counts


def slow_zones(box, planar):
    structure = np.ones((3, 3, 3), dtype=int)
    if planar:
        structure[[0, 2]] = 0
    for rank in range(1, box.max() + 1):
        labelled, number = label(box == rank, structure)
        yield from ((rank - 1, np.count_nonzero(labelled == k)) for k in range(1, number + 1))


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 3000), st.sampled_from([2, 3]))
def test_the_farthest_pair_is_that_of_all_pairs(seed, number, dimensions):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(number, dimensions))
    if seed % 2:
        # On a sphere nearly all pairs of opposite points are equally far.
        points /= np.linalg.norm(points, axis=1, keepdims=True)
    points = points.round(2) * [1, 0.3, 2][:dimensions]
    assert farthest_pair(points) == pytest.approx(pdist(points).max(), rel=1e-14)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.3, 1), st.booleans())
def test_distances_to_the_border_are_those_of_scipy(seed, filling, planar):
    mask = np.random.default_rng(seed).random((5, 9, 8)) < filling
    distance = np.zeros((7, 11, 10), dtype=np.int32)
    measure_distances(mask, planar, distance)
    parts = np.pad(mask, 1)[1:-1] if planar else [np.pad(mask, 1)]
    expected = np.squeeze([distance_transform_cdt(part, "taxicab") for part in parts])
    assert np.array_equal(distance[1:-1], expected if planar else expected[1:-1])


def _cut_edges(mask):
    """Return the midpoints of all edges between a voxel inside and one outside."""
    found = []
    for axis in range(3):
        places = np.argwhere(np.diff(mask.astype(np.int8), axis=axis) != 0).astype(np.float64)
        places[:, axis] += 0.5
        found.append(places)
    return np.concatenate(found)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.02, 0.9))
def test_what_is_left_of_the_surface_has_the_hull_and_the_widths_of_the_whole(seed, filling):
    rng = np.random.default_rng(seed)
    mask = rng.random((4, 6, 5)) < filling
    mask[rng.integers(4), rng.integers(6), rng.integers(5)] = True
    spacing = np.array([2.5, 0.7, 1.1])
    whole = _cut_edges(np.pad(mask, 1)) * spacing
    kept = mesh_of(mask, tuple(spacing), closed_surface()).vertices_mm
    assert len(kept) <= len(whole)
    assert pdist(kept).max() == pytest.approx(pdist(whole).max(), rel=1e-14)
    assert ConvexHull(kept).volume == pytest.approx(ConvexHull(whole).volume, rel=1e-12)
    for axis in range(3):
        widest = 0.0
        for plane in np.unique(whole[:, axis]):
            inside = whole[whole[:, axis] == plane]
            widest = max(widest, pdist(inside).max(initial=0.0))
        assert planar_diameter(mask, tuple(spacing), axis) == pytest.approx(widest, rel=1e-14)
