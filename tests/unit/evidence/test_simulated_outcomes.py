"""Simulated outcomes: a known separation is found, and nothing is found where nothing is."""

from __future__ import annotations

import math
import os

import numpy as np
import pytest
from scipy import stats

from biomarker_cli.evidence.combining import combined_associations
from biomarker_cli.evidence.concordance import c_index
from biomarker_cli.evidence.correlation import spearman
from biomarker_cli.evidence.models import (
    Survival,
    cox_gain,
    linear_gain,
    logistic_gain,
    ordinal_gain,
)
from biomarker_cli.evidence.roc import auc, auc_and_se

WHOLE = os.environ.get("BIOMARKER_SLOW_TESTS") == "all"
SEED = 20240311
N = 120
"""Subjects of a simulated study."""


@pytest.mark.parametrize("d", [0.0, 0.5, 1.0, 2.0])
def test_binormal_data_give_an_auc_of_phi_of_d_over_root_two(d):
    rng = np.random.default_rng(SEED)
    areas, errors = [], []
    for _ in range(400):
        area, se = auc_and_se(rng.normal(d, 1.0, 60), rng.normal(0.0, 1.0, 80))
        areas.append(area)
        errors.append(se)
    truth = stats.norm.cdf(d / math.sqrt(2.0))
    spread = np.std(areas, ddof=1)
    assert np.mean(areas) == pytest.approx(truth, abs=3.5 * spread / math.sqrt(400))
    # DeLong's error is the one that the simulations have.
    assert np.mean(errors) == pytest.approx(spread, rel=0.12)


def test_delongs_interval_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(SEED + 1)
    truth = stats.norm.cdf(1.0 / math.sqrt(2.0))
    has = np.arange(N) < N // 2
    held = 0
    for _ in range(600):
        found = auc(rng.normal(0.0, 1.0, N) + has, has)
        held += found.low <= truth <= found.high
    # 95 % of 600, within three and a half standard deviations of counting.
    assert 0.918 <= held / 600 <= 0.98


def _null_cox(rng):
    time, event = rng.exponential(size=N), rng.random(N) < 0.6
    return cox_gain(Survival(time, event), rng.normal(size=N), np.zeros((N, 0))).p_value


def _null_combined(rng):
    of_sites = []
    for _ in range(3):
        has = np.arange(N) % 2 == 0
        of_sites.append(auc(rng.normal(size=N), has))
    return combined_associations(of_sites)["fixed"].p_value


NULL = {
    "auc": lambda rng: auc(rng.normal(size=N), np.arange(N) % 2 == 0).p_value,
    "spearman": lambda rng: spearman(rng.normal(size=N), rng.integers(0, 4, N) * 1.0).p_value,
    "c_index": lambda rng: (
        c_index(rng.exponential(size=N), rng.random(N) < 0.6, rng.normal(size=N)).p_value
    ),
    "logistic": lambda rng: (
        logistic_gain(rng.random(N) < 0.4, rng.normal(size=N), rng.normal(size=(N, 2))).p_value
    ),
    "linear": lambda rng: (
        linear_gain(rng.normal(size=N), rng.normal(size=N), rng.normal(size=(N, 2))).p_value
    ),
    "ordinal": lambda rng: (
        ordinal_gain(rng.integers(0, 3, N), rng.normal(size=N), np.zeros((N, 0))).p_value
    ),
    "cox": _null_cox,
    "combined": _null_combined,
}
SLOW_TO_FIT = {"ordinal", "cox"}


@pytest.mark.slow
@pytest.mark.parametrize("test", NULL)
def test_null_data_are_found_significant_as_often_as_is_nominal(test):
    n = 2000 if WHOLE else 20 if test in SLOW_TO_FIT else 150
    rng = np.random.default_rng(SEED + 2)
    false_positives = sum(NULL[test](rng) < 0.05 for _ in range(n))
    # The share is nominal where the count is one of the middle 99.9 % of a binomial of 5 %,
    # and half a percent more: tests by normal deviates are exact in the limit alone.
    low = stats.binom.ppf(0.0005, n, 0.045)
    high = stats.binom.ppf(0.9995, n, 0.055)
    assert low <= false_positives <= high
