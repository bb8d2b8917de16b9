"""The axis of the intensity-volume histogram, and the threshold of Otsu, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from biomarker_cli.radiomics.preprocess.intensities import histogram_axis
from biomarker_cli.radiomics.preprocess.normalising import normalised
from biomarker_cli.radiomics.rules import (
    FixedBinNumber,
    FixedBinSize,
    NoDiscretisation,
    NormalisationRules,
    ResegmentationRules,
)


def axis_of(values, bins, range_=(None, None), step=1.0):
    resegmentation = ResegmentationRules(range=range_)
    found, axis = histogram_axis(np.asarray(values, dtype=float), bins, resegmentation, step)
    assert (found.dtype, axis.dtype) == (np.float64, np.float64)
    return found.tolist(), axis.tolist()


def test_a_fixed_number_of_bins_is_an_axis_of_bin_numbers():
    bins = FixedBinNumber(method="fixed_bin_number", bins=4)
    assert axis_of([0, 1, 2, 8], bins) == ([1, 1, 2, 4], [1, 2, 3, 4])


@pytest.mark.parametrize(
    ("range_", "axis"),
    [
        # Up to the upper bound of the range, in whole bins; without one to the highest bin.
        ((-5.0, 45.0), [0, 10, 20, 30, 40]),
        ((-5.0, 41.0), [0, 10, 20, 30, 40]),
        ((-5.0, None), [0, 10, 20]),
    ],
)
def test_bins_of_a_fixed_size_stand_for_their_centres(range_, axis):
    bins = FixedBinSize(method="fixed_bin_size", width=10, anchor="resegmentation")
    assert axis_of([-5, 4, 6, 24], bins, range_) == ([0, 0, 10, 20], axis)


@pytest.mark.parametrize(
    ("range_", "axis"),
    [((None, None), [2.0, 4.5, 7.0]), ((0.0, 5.0), [0.0, 2.5, 5.0]), ((None, 3.0), [2.0])],
)
def test_without_bins_the_axis_runs_in_steps_through_the_range(range_, axis):
    bins = NoDiscretisation(method="none")
    assert axis_of([2, 3, 7], bins, range_, step=2.5) == ([2.0, 3.0, 7.0], axis)


def otsu_by_definition(array):
    """Return the edge of 256 bins below and above which the variance is least, weighted."""
    counts, edges = np.histogram(array, bins=256)
    centres = (edges[:-1] + edges[1:]) / 2
    within = []
    for k in range(1, 256):
        parts = [(counts[:k], centres[:k]), (counts[k:], centres[k:])]
        if any(c.sum() == 0 for c, _ in parts):
            within.append(np.inf)
            continue
        means = [np.average(x, weights=c) for c, x in parts]
        within.append(
            sum(float(c @ (x - mean) ** 2) for (c, x), mean in zip(parts, means, strict=True))
        )
    return float(edges[1 + int(np.argmin(within))])


def images():
    rng = np.random.default_rng(4)
    yield np.concatenate([rng.exponential(5, 3000), rng.normal(60, 9, 1000)])
    yield rng.exponential(1.0, 2000)
    # One dark voxel; the rest lies in the two highest bins, and these are parted.
    upper = np.linspace(255.1 / 256, 1, 200_000)
    yield np.concatenate([[0.0], np.full(200_000, 254.5 / 256), upper])
    # Whole numbers on the edges of the bins: one on the threshold is not above it.
    whole = np.concatenate([rng.normal(60, 30, 3000), rng.normal(200, 40, 2000), [0, 256]])
    yield np.clip(np.rint(whole), 0, 256)
    # Few voxels far below the rest.
    yield np.concatenate([rng.normal(0, 1, 40), rng.normal(90, 2, 3000)])


@pytest.mark.parametrize("values", tuple(images()))
def test_mean_and_sd_are_those_above_the_threshold_of_otsu(values):
    array = values.reshape(1, 1, -1)
    above = values[values > otsu_by_definition(values)]
    found = normalised(array, NormalisationRules(over="otsu", scale=100.0))
    expected = 100.0 * (array - above.mean()) / above.std()
    np.testing.assert_allclose(found, expected, rtol=1e-12)
