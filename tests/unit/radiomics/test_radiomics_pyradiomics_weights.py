"""Weights of directions and grey tone differences as pyradiomics defines them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from biomarker_cli.radiomics.features.pyradiomics_values import (
    Measured,
    glcm_as_pyradiomics,
    glrlm_as_pyradiomics,
    ngtdm_as_pyradiomics,
)
from biomarker_cli.radiomics.lattice import Lattice
from biomarker_cli.radiomics.rules import PyradiomicsRules

SPACING = (3.0, 2.0, 1.0)


def measured(levels, mask=None, **rules):
    levels = np.asarray(levels)
    mask = levels > 0 if mask is None else mask
    lattice = Lattice.of(mask, levels[mask])
    return Measured(lattice, mask.shape, SPACING, PyradiomicsRules(**rules))


@pytest.mark.parametrize(
    ("norm", "of_runs", "of_pairs"),
    [
        ("infinity", 3.0, math.exp(-9.0)),
        ("euclidean", math.sqrt(13.0), math.exp(-13.0)),
        ("manhattan", 5.0, math.exp(-25.0)),
        ("no_weighting", 1.0, 1.0),
        (None, 1.0, 1.0),
    ],
)
@pytest.mark.parametrize("offset", [(1, 1, 0), (1, -1, 0)])
def test_a_direction_weighs_by_its_length_in_mm(norm, of_runs, of_pairs, offset):
    one = measured([[[1]]], weighting_norm=norm)
    assert one.run_weight(offset) == pytest.approx(of_runs)
    assert one.weight(offset) == pytest.approx(of_pairs)


def test_runs_of_all_directions_are_merged_by_their_weights():
    # In the slice, along x: 1 1, 2 2; along y: four runs of one; along the diagonals: four, four.
    levels = [[[1, 1], [2, 2]]]
    found = glrlm_as_pyradiomics(measured(levels, weighting_norm="manhattan", force_2d=True))
    # Lengths 1 mm (x), 2 mm (y), 3 mm (both diagonals).
    long_runs, short_runs = 2 * 1.0, 4 * 2.0 + 2 * 4 * 3.0
    expected = (short_runs + long_runs / 4) / (short_runs + long_runs)
    assert found["short_run_emphasis"] == pytest.approx(expected)
    alike = glrlm_as_pyradiomics(measured(levels, weighting_norm="no_weighting", force_2d=True))
    assert alike["short_run_emphasis"] == pytest.approx((12 + 2 / 4) / 14)


def test_contrast_counts_voxels_without_a_neighbour():
    # Differences: 0, 1 and 2 of the three in a row; the one alone has none.
    levels = np.zeros((1, 3, 5), dtype=np.int64)
    levels[0, 0, :3] = 1, 1, 3
    alone = levels.copy()
    alone[0, 2, 4] = 3
    found = ngtdm_as_pyradiomics(measured(levels))
    assert found["contrast"] == pytest.approx(16 / 9 / 2 * 3 / 3)
    found = ngtdm_as_pyradiomics(measured(alone))
    assert found["contrast"] == pytest.approx(2 / 2 * 3 / 4)


def test_one_grey_level_has_the_values_of_a_flat_region():
    found = ngtdm_as_pyradiomics(measured(np.full((1, 2, 2), 4)))
    assert found == {
        "coarseness": 1e6,
        "contrast": 0.0,
        "busyness": 0.0,
        "complexity": 0.0,
        "strength": 0.0,
    }
    pairs = glcm_as_pyradiomics(measured(np.full((1, 2, 2), 4)))
    assert pairs["correlation"] == 1.0
    assert pairs["information_correlation_1"] == 0.0
    assert pairs["information_correlation_2"] == 0.0
