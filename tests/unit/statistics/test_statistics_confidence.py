"""Confidence limits of a proportion, against published values and their own definition."""

from __future__ import annotations

import pytest
from scipy.stats import binom, norm

from biomarker_cli.statistics.confidence import NORMAL_975, exact_limits


@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [
        (8, 10, 0.4439, 0.9748),
        (0, 10, 0.0, 0.3085),
        (10, 10, 0.6915, 1.0),
        (81, 263, 0.2527, 0.3676),
    ],
)
def test_limits_of_clopper_and_pearson_as_published(count, of, low, high):
    # 81 of 263 is the example of Newcombe 1998, Statistics in Medicine 17:857.
    assert exact_limits(count, of) == pytest.approx((low, high), abs=6e-5)


@pytest.mark.parametrize(
    ("n_events", "n", "low", "high"),
    # R, binom.test.
    [
        (0, 10, 0.0, 0.3085),
        (10, 10, 0.6915, 1.0),
        (3, 10, 0.0667, 0.6525),
        (13, 50, 0.1463, 0.4034),
    ],
)
def test_exact_intervals(n_events, n, low, high):
    assert exact_limits(n_events, n) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.99])
def test_each_limit_leaves_half_of_the_rest_in_its_tail(confidence):
    low, high = exact_limits(3, 17, confidence)
    tail = (1 - confidence) / 2
    assert binom.sf(2, 17, low) == pytest.approx(tail, rel=1e-9)
    assert binom.cdf(3, 17, high) == pytest.approx(tail, rel=1e-9)


@pytest.mark.parametrize(("count", "of"), [(-1, 3), (4, 3), (0, 0)])
def test_counts_that_are_no_proportion_are_refused(count, of):
    with pytest.raises(ValueError, match="no proportion"):
        exact_limits(count, of)


def test_the_normal_quantile_is_that_of_the_distribution():
    assert norm.ppf(0.975) == NORMAL_975
