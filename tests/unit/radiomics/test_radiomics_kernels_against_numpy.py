"""Kernels against what NumPy and SciPy give the slow way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import ConvexHull
from scipy.spatial.distance import pdist

from biomarker_cli.radiomics.features.shape_values import mesh_of, planar_diameter
from biomarker_cli.radiomics.features.surface_cases import closed_surface
from biomarker_cli.radiomics.kernels.binning import levels_between
from biomarker_cli.radiomics.kernels.surface import line_ends, voxel_moments


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
    number, sums, products = voxel_moments(mask)
    places = np.argwhere(mask)
    assert number == len(places)
    assert np.array_equal(sums, places.sum(axis=0))
    assert np.array_equal(products, places.T @ places)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_ends_of_lines_are_the_first_and_last_voxel(axis):
    mask = np.random.default_rng(axis).random((5, 7, 6)) < 0.3
    first, last = line_ends(mask, axis)
    turned = np.moveaxis(mask, axis, 2)
    for place in np.ndindex(first.shape):
        inside = np.flatnonzero(turned[place])
        expected = (inside[0], inside[-1]) if inside.size else (-1, -1)
        assert (first[place], last[place]) == expected


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
