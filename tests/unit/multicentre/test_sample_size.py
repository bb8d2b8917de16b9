"""Sample sizes: published ones, limits of repeats, sites, losses."""

from __future__ import annotations

import math

import pytest

from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.multicentre.icc import Estimate
from biomarker_cli.multicentre.losses import Loss, loss_of
from biomarker_cli.multicentre.planned_sizes import Noise, noise_of_wcv, planned_sizes
from biomarker_cli.multicentre.pooling.pool import pool_runs
from biomarker_cli.multicentre.pooling.rules import PoolRules
from biomarker_cli.multicentre.proportions import clopper_pearson
from biomarker_cli.multicentre.repeatability import chi_square_factors, upper_factor
from biomarker_cli.multicentre.sample_size import (
    TrialDesign,
    observed_effect,
    power_of,
    retest_subjects,
    sample_size,
)
from tests.pool_runs import FEATURE_IDS, measurement, write_whole_run

CONTRAST, MEAN, VOLUME = FEATURE_IDS


@pytest.mark.parametrize(
    ("effect", "power", "arms", "subjects"),
    [
        (0.5, 0.8, 2, 64),
        (0.2, 0.8, 2, 394),
        (0.8, 0.8, 2, 26),
        (0.5, 0.9, 2, 86),
        (1.0, 0.8, 2, 17),
        (0.5, 0.8, 1, 34),
        (0.3, 0.8, 1, 90),
        (40.0, 0.8, 2, 2),
    ],
)
def test_published_sizes_of_t_tests(effect, power, arms, subjects):
    found = sample_size(effect, TrialDesign(power=power, arms=arms))
    assert (found.per_arm, found.with_sites, found.to_recruit) == (subjects,) * 3


def test_the_power_is_enough_with_that_size_and_not_with_one_less():
    for effect in (0.31, 0.47, 0.9):
        n = sample_size(effect, TrialDesign()).per_arm
        assert power_of(n, effect, 0.05, 2) >= 0.8 > power_of(n - 1, effect, 0.05, 2)


def test_without_an_effect_the_power_is_alpha():
    assert power_of(30, 0.0, 0.05, 2) == pytest.approx(0.05, abs=1e-9)


def test_a_change_is_seen_through_the_noise_of_two_measurements():
    s = 0.12
    assert observed_effect(20, 0, s) == pytest.approx(math.log(1.2) / (s * math.sqrt(2)))
    between = math.sqrt(math.log(1 + 0.25**2))
    assert observed_effect(20, 25, 0) == pytest.approx(math.log(1.2) / between)
    both = observed_effect(-20, 25, s)
    assert both == pytest.approx(-math.log(0.8) / math.sqrt(between**2 + 2 * s**2))


def test_noise_costs_subjects_and_its_upper_limit_more():
    noise = Noise("f", "", Estimate(0.12, 0.09, 0.2), 20)
    (one,) = planned_sizes([noise], 20, 25, TrialDesign())
    assert one.without_noise.per_arm < one.size.per_arm < one.upper.per_arm
    (one,) = planned_sizes([noise_of_wcv(12)], 20, 0, TrialDesign())
    assert one.without_noise is None
    assert one.upper is None
    assert noise_of_wcv(12).wsd_log.value == pytest.approx(math.sqrt(math.log(1.0144)))


# The factors of the chi-square distribution.

UPPER = {10: 1.593, 20: 1.358, 35: 1.248, 50: 1.199}


@pytest.mark.parametrize("subjects", UPPER)
def test_the_upper_limit_of_wsd(subjects):
    assert upper_factor(subjects) == pytest.approx(UPPER[subjects], abs=5e-4)
    percent = 100 * (upper_factor(subjects) - 1)
    assert retest_subjects(percent + 1e-9) == subjects
    assert retest_subjects(percent - 1e-6) == subjects + 1


def test_the_two_sided_limits_of_ten_pairs():
    low, high = chi_square_factors(10)
    assert 0.030578 * low == pytest.approx(0.021365, abs=2e-6)
    assert 0.030578 * high == pytest.approx(0.053662, abs=2e-6)


def test_25_percent_needs_35_subjects_and_half_of_them_with_three_repeats():
    assert retest_subjects(25) == 35
    assert retest_subjects(25, repeats=3) == 18


# Sites and losses.


def test_subjects_of_one_site_are_alike():
    found = sample_size(0.5, TrialDesign(sites=10, icc=0.05))
    total = 128 * (1 - 0.05) / (1 - 128 * 0.05 / 10)
    assert found.with_sites == math.ceil(total / 2)
    inflation = 1 + (total / 10 - 1) * 0.05
    assert total / inflation == pytest.approx(128)
    assert sample_size(0.5, TrialDesign(sites=10)).with_sites == 64
    with pytest.raises(BiomarkerError, match="no number of subjects") as caught:
        sample_size(0.5, TrialDesign(sites=6, icc=0.05))
    assert caught.value.hint == "It needs 7 sites or more."
    assert sample_size(0.5, TrialDesign(sites=7, icc=0.05)).with_sites > 64
    assert sample_size(0.5, TrialDesign(sites=1000, icc=0.05)).with_sites == 64


def test_the_lost_are_recruited_as_well():
    assert sample_size(0.5, TrialDesign(loss=0.2)).to_recruit == 80
    assert sample_size(0.5, TrialDesign(loss=0.21)).to_recruit == 82


@pytest.mark.parametrize(
    "design",
    [
        {"power": 0.04},
        {"power": 1.0},
        {"alpha": 0.0},
        {"loss": 1.0},
        {"loss": -0.1},
        {"icc": 0.1},
        {"icc": 1.0, "sites": 3},
        {"power": math.nan},
    ],
)
def test_a_design_that_is_none_is_refused(design):
    with pytest.raises(BiomarkerError) as caught:
        TrialDesign(**design)
    assert caught.value.code == "SAMPLE-SIZE-ASKED"


@pytest.mark.parametrize(
    "asked", [(0, 1, 1), (-100, 1, 1), (math.nan, 1, 1), (5, -1, 1), (5, 0, 0), (math.inf, 1, 1)]
)
def test_a_change_that_is_none_is_refused(asked):
    with pytest.raises(BiomarkerError) as caught:
        observed_effect(*asked)
    assert caught.value.code == "SAMPLE-SIZE-ASKED"


def test_an_effect_that_cannot_be_shown_is_refused():
    with pytest.raises(BiomarkerError) as caught:
        sample_size(1e-5, TrialDesign())
    assert caught.value.code == "SAMPLE-SIZE-UNREACHABLE"
    for percent in (1e-9, math.nan, 0):
        with pytest.raises(BiomarkerError):
            retest_subjects(percent)


def test_losses_are_subjects_with_a_value_that_is_not_usable(tmp_path):
    ids = [f"A/S{n}/{visit}/ct" for n in range(5) for visit in ("T1", "T2")]
    rows = [measurement(i, VOLUME, None if i in ids[:3] else 1.0) for i in ids]
    rows += [measurement(i, MEAN, 1.0) for i in ids]
    run = write_whole_run(tmp_path / "run", ids, rows)
    assert loss_of(run, {VOLUME}) == Loss(2, 5)
    assert loss_of(run, {MEAN}) == Loss(0, 5)
    assert loss_of(run, {VOLUME}, "GTV") == Loss(2, 5)
    (tmp_path / "pool").mkdir()
    pool_runs([run], tmp_path / "pool", PoolRules())
    assert loss_of(tmp_path / "pool", {VOLUME}) == Loss(2, 5)
    assert loss_of(tmp_path / "pool", {MEAN}) == Loss(0, 5)
    for features, roi in (({"none"}, ""), ({VOLUME}, "NODE")):
        with pytest.raises(BiomarkerError) as caught:
            loss_of(run, features, roi)
        assert caught.value.code == "NOTHING-FOUND"


def test_the_exact_limits_of_a_proportion():
    found = clopper_pearson(103, 124)
    assert found.value == pytest.approx(0.830645, abs=1e-6)
    assert (found.low, found.high) == (
        pytest.approx(0.752849, abs=1e-6),
        pytest.approx(0.892003, abs=1e-6),
    )

    def tail(counts, p):
        return sum(math.comb(124, k) * p**k * (1 - p) ** (124 - k) for k in counts)

    assert tail(range(103, 125), found.low) == pytest.approx(0.025, abs=1e-9)
    assert tail(range(104), found.high) == pytest.approx(0.025, abs=1e-9)
    assert clopper_pearson(0, 10) == Estimate(0.0, 0.0, pytest.approx(0.308497, abs=1e-6))
    assert clopper_pearson(10, 10) == Estimate(1.0, pytest.approx(0.691503, abs=1e-6), 1.0)
    for bad in ((1, 0), (-1, 5), (6, 5)):
        with pytest.raises(ValueError, match="no proportion"):
            clopper_pearson(*bad)
