"""Estimates against published worked examples, statsmodels and lifelines."""

from __future__ import annotations

import math
import warnings
from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from biomarker_cli.evidence.combining import combine, combined_associations
from biomarker_cli.evidence.concordance import c_index, c_index_and_se
from biomarker_cli.evidence.correlation import spearman
from biomarker_cli.evidence.errors import NotEstimableError
from biomarker_cli.evidence.estimates import LOGIT, Association
from biomarker_cli.evidence.models import (
    Survival,
    cox_gain,
    linear_gain,
    logistic_gain,
    ordinal_gain,
)
from biomarker_cli.evidence.multiplicity import adjusted
from biomarker_cli.evidence.roc import auc, auc_and_se, cross_table, proportion

NONE = np.zeros((432, 0))


@pytest.fixture(scope="module")
def rossi():
    """432 men released from prison, the worked example of Fox and of lifelines."""
    from lifelines.datasets import load_rossi

    data = load_rossi()
    names = ["fin", "age", "race", "wexp", "mar", "paro", "prio"]
    return (
        data["week"].to_numpy(float),
        data["arrest"].to_numpy(bool),
        data[names].to_numpy(float),
    )


def readings():
    """Hanley and McNeil 1982: 109 CT images, rated 1 to 5."""
    normal = np.repeat([1.0, 2, 3, 4, 5], [33, 6, 6, 11, 2])
    abnormal = np.repeat([1.0, 2, 3, 4, 5], [3, 2, 2, 11, 33])
    return abnormal, normal


def test_delong_of_hanley_and_mcneils_readings_is_that_of_the_manual_of_stata():
    # [R] roctab: ROC area 0.8932, Std. err. 0.0307, 0.83295 to 0.95339.
    area, se = auc_and_se(*readings())
    assert (round(area, 4), round(se, 4)) == (0.8932, 0.0307)
    abnormal, normal = readings()
    found = auc(np.concatenate((abnormal, normal)), np.repeat([True, False], [51, 58]))
    assert (round(found.low, 5), round(found.high, 5)) == (0.83295, 0.95339)
    assert found.scale is LOGIT
    assert found.se_on_scale == pytest.approx(se / (area * (1 - area)), rel=1e-12)
    assert found.p_value == pytest.approx(stats.mannwhitneyu(abnormal, normal).pvalue, rel=1e-9)


def test_delong_is_what_the_definition_gives_pair_by_pair():
    rng = np.random.default_rng(3)
    positive, negative = rng.integers(0, 6, 17).astype(float), rng.integers(0, 5, 23).astype(float)
    kernel = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    variance = kernel.mean(1).var(ddof=1) / 17 + kernel.mean(0).var(ddof=1) / 23
    area, se = auc_and_se(positive, negative)
    assert area == pytest.approx(kernel.mean(), abs=1e-12)
    assert se == pytest.approx(math.sqrt(variance), abs=1e-12)


def test_the_auc_is_mann_whitneys_u():
    abnormal, normal = readings()
    u = stats.mannwhitneyu(abnormal, normal).statistic
    assert auc_and_se(abnormal, normal)[0] == pytest.approx(u / (51 * 58), abs=1e-12)


def test_an_auc_without_overlap_has_no_interval_and_says_why():
    found = auc(np.array([1.0, 2, 3, 4]), np.array([False, False, True, True]))
    assert (found.value, found.low, found.scale) == (1.0, None, None)
    # One of the six ways to choose two of four, on either side.
    assert found.p_value == pytest.approx(2 / 6)
    assert "overlap" in found.note


def test_a_feature_that_does_not_vary_has_no_auc():
    with pytest.raises(NotEstimableError, match="the same in all"):
        auc(np.ones(6), np.arange(6) < 3)


@pytest.mark.parametrize("n_positive", [0, 1, 4, 5])
def test_an_auc_needs_two_of_each_class(n_positive):
    with pytest.raises(NotEstimableError, match="two of each"):
        auc(np.arange(5.0), np.arange(5) < n_positive)


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    # None and all of ten have limits in closed form.
    [(103, 124, 0.752862, 0.892051), (0, 10, 0.0, 1 - 0.025**0.1), (10, 10, 0.025**0.1, 1.0)],
)
def test_the_interval_of_a_proportion_is_exact(hits, of, low, high):
    found = proportion(hits, of)
    exact = stats.binomtest(hits, of).proportion_ci(0.95, "exact")
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high), abs=1e-9)
    assert (found.low, found.high) == pytest.approx((low, high), abs=2e-3)


def test_a_proportion_of_nobody_is_none():
    with pytest.raises(NotEstimableError, match="no subject"):
        proportion(0, 0)


def test_the_cross_table_has_each_subject_once():
    test = np.array([True, True, False, False, False, True])
    truth = np.array([True, False, True, False, False, True])
    table = cross_table(test, truth)
    assert (table.true_positive, table.false_positive) == (2, 1)
    assert (table.false_negative, table.true_negative) == (1, 2)


def test_cox_of_the_rossi_data_is_that_of_fox_and_of_lifelines(rossi):
    from lifelines import CoxPHFitter
    from lifelines.datasets import load_rossi

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # lifelines speaks pandas 2
        peer = CoxPHFitter().fit(load_rossi(), "week", "arrest")
    time, event, columns = rossi
    # Fox 2002, appendix to An R and S-PLUS Companion: prio 0.0915, fin -0.3794.
    published = {0: -0.3794, 1: -0.0574, 6: 0.0915}
    for place in range(7):
        rest = np.delete(columns, place, axis=1)
        found = cox_gain(Survival(time, event), columns[:, place], rest)
        assert found.coefficient == pytest.approx(peer.params_.iloc[place], abs=1e-6)
        assert found.se == pytest.approx(peer.standard_errors_.iloc[place], abs=1e-6)
        if place in published:
            assert round(found.coefficient, 4) == published[place]


def test_the_gain_of_a_cox_model_is_that_of_the_log_likelihoods_of_lifelines(rossi):
    from lifelines import CoxPHFitter
    from lifelines.datasets import load_rossi

    time, event, columns = rossi
    data = load_rossi()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        larger = CoxPHFitter().fit(data, "week", "arrest").log_likelihood_
        smaller = CoxPHFitter().fit(data.drop(columns="prio"), "week", "arrest").log_likelihood_
        alone = CoxPHFitter().fit(data[["week", "arrest", "prio"]], "week", "arrest")
    found = cox_gain(Survival(time, event), columns[:, 6], columns[:, :6])
    assert found.chi2 == pytest.approx(2 * (larger - smaller), abs=1e-6)
    assert found.p_value == pytest.approx(stats.chi2.sf(found.chi2, 1), rel=1e-9)
    without = cox_gain(Survival(time, event), columns[:, 6], NONE)
    assert without.chi2 == pytest.approx(alone.log_likelihood_ratio_test().test_statistic, abs=1e-6)


def test_strata_have_baselines_of_their_own(rossi):
    from lifelines import CoxPHFitter
    from lifelines.datasets import load_rossi

    time, event, columns = rossi
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        data = load_rossi()[["week", "arrest", "prio", "race"]]
        peer = CoxPHFitter().fit(data, "week", "arrest", strata=["race"])
    found = cox_gain(Survival(time, event, columns[:, 2].astype(np.int64)), columns[:, 6], NONE)
    assert found.coefficient == pytest.approx(peer.params_.iloc[0], abs=1e-6)


def test_the_c_index_of_the_rossi_data_is_that_of_r_and_of_lifelines(rossi):
    from lifelines.utils import concordance_index

    time, event, columns = rossi
    # coefficients of Fox; summary(coxph): Concordance= 0.64 (se = 0.027)
    score = columns @ np.array([-0.3794, -0.0574, 0.3139, -0.1498, -0.4337, -0.0849, 0.0915])
    value, se = c_index_and_se(time, event, score)
    assert value == pytest.approx(concordance_index(time, -score, event), abs=1e-12)
    assert (round(value, 2), round(se, 3)) == (0.64, 0.027)
    found = c_index(time, event, score)
    z = math.log(value / (1 - value)) / (se / (value * (1 - value)))
    assert found.p_value == pytest.approx(2 * stats.norm.sf(z), rel=1e-9)
    assert (found.low, found.high) == pytest.approx((value - 1.96 * se, value + 1.96 * se), 1e-4)


def test_the_c_index_of_ties_is_what_pairs_give_one_by_one():
    # Times 1, 2, 2, 3: the second is censored at 2, the third an event.
    time, event = np.array([1.0, 2, 2, 3]), np.array([True, False, True, True])
    score = np.array([5.0, 1, 3, 3])
    # Pairs: 1-2, 1-3, 1-4 concordant; 3-2 (censored outlives) concordant; 3-4 tied.
    assert c_index_and_se(time, event, score)[0] == pytest.approx(4.5 / 5)


def test_the_standard_error_of_a_c_index_is_that_of_dropping_each_subject():
    rng = np.random.default_rng(1)
    time, event, score = rng.exponential(size=300), rng.random(300) < 0.6, rng.normal(size=300)
    value, se = c_index_and_se(time, event, score)
    kept = np.arange(300)
    dropped = [c_index_and_se(time[kept != i], event[kept != i], score[kept != i])[0] for i in kept]
    jackknife = math.sqrt(((np.array(dropped) - value) ** 2).sum())
    assert se == pytest.approx(jackknife, rel=0.02)


def test_a_c_index_without_a_pair_is_none():
    with pytest.raises(NotEstimableError, match="no two subjects"):
        c_index(np.array([1.0, 2.0]), np.array([False, False]), np.array([1.0, 2.0]))


def test_a_logistic_gain_is_that_of_iterated_least_squares():
    rng = np.random.default_rng(5)
    x, age = rng.normal(size=80), rng.normal(size=(80, 1))
    y = rng.random(80) < 1 / (1 + np.exp(-(0.8 * x + age[:, 0])))

    def fitted(design):
        beta = np.zeros(design.shape[1])
        for _ in range(50):
            mu = 1 / (1 + np.exp(-design @ beta))
            information = design.T @ (design * (mu * (1 - mu))[:, None])
            beta = beta + np.linalg.solve(information, design.T @ (y - mu))
        mu = 1 / (1 + np.exp(-design @ beta))
        return beta, np.linalg.inv(information), np.log(np.where(y, mu, 1 - mu)).sum()

    one = np.ones((80, 1))
    _, _, before = fitted(np.hstack((one, age)))
    beta, covariance, after = fitted(np.hstack((one, age, x[:, None])))
    found = logistic_gain(y, x, age)
    assert found.coefficient == pytest.approx(beta[2], abs=1e-6)
    assert found.se == pytest.approx(math.sqrt(covariance[2, 2]), abs=1e-6)
    assert found.chi2 == pytest.approx(2 * (after - before), abs=1e-6)
    assert found.n_parameters == 2


def test_proportional_odds_of_two_levels_are_a_logistic_regression():
    rng = np.random.default_rng(6)
    x, age = rng.normal(size=90), rng.normal(size=(90, 1))
    y = rng.random(90) < 1 / (1 + np.exp(-x))
    for covariates in (age, age[:, :0]):
        ordinal = ordinal_gain(y.astype(np.int64), x, covariates)
        logistic = logistic_gain(y, x, covariates)
        assert ordinal.coefficient == pytest.approx(logistic.coefficient, abs=1e-5)
        assert ordinal.chi2 == pytest.approx(logistic.chi2, abs=1e-6)


def test_a_linear_gain_is_the_f_test_of_scipy():
    rng = np.random.default_rng(7)
    x = rng.normal(size=40)
    y = 2.0 + 0.5 * x + rng.normal(size=40)
    found, peer = linear_gain(y, x, np.zeros((40, 0))), stats.linregress(x, y)
    assert (found.coefficient, found.se) == pytest.approx((peer.slope, peer.stderr), abs=1e-9)
    assert found.p_value == pytest.approx(peer.pvalue, abs=1e-9)
    assert found.chi2 == pytest.approx(-40 * math.log(1 - peer.rvalue**2), abs=1e-9)


SEPARATED = np.linspace(-2.0, 2.0, 40)


@pytest.mark.parametrize(
    "fit",
    [
        lambda x: logistic_gain(x > 0, x, np.zeros((40, 0))),
        lambda x: ordinal_gain((x > 0).astype(np.int64) + (x > 1), x, np.zeros((40, 0))),
        lambda x: cox_gain(Survival(10 - x, np.ones(40, bool)), x, np.zeros((40, 0))),
        lambda x: linear_gain(x, x, np.zeros((40, 0))),
        lambda x: logistic_gain(np.ones(40, bool), x, np.zeros((40, 0))),
        lambda x: logistic_gain(x**2 > 1, x, np.column_stack((x**2, 3 - x))),
        lambda x: cox_gain(Survival(3 + x, np.zeros(40, bool)), x, np.zeros((40, 0))),
        lambda x: ordinal_gain(np.zeros(40, np.int64), x, np.zeros((40, 0))),
        lambda x: linear_gain(x[:2], x[:2] ** 2 + x[:2], np.zeros((2, 0))),
        lambda x: logistic_gain(x > 0.5, np.zeros(40), np.zeros((40, 0))),
    ],
)
def test_what_data_do_not_define_is_no_number(fit):
    with pytest.raises(NotEstimableError):
        fit(SEPARATED)


def test_dersimonian_and_laird_of_the_bcg_trials_are_those_of_metafor():
    # Colditz 1994; metafor: FE -0.4303 (0.0405), DL -0.7141 (0.1787), tau2 0.3088, Q 152.2330.
    trials = np.array(
        [
            *((4, 119, 11, 128), (6, 300, 29, 274), (3, 228, 11, 209), (62, 13536, 248, 12619)),
            *((33, 5036, 47, 5761), (180, 1361, 372, 1079), (8, 2537, 10, 619)),
            *((505, 87886, 499, 87892), (29, 7470, 45, 7232), (17, 1699, 65, 1600)),
            *((186, 50448, 141, 27197), (5, 2493, 3, 2338), (27, 16886, 29, 17825)),
        ],
        dtype=float,
    )
    ill, well, ill_c, well_c = trials.T
    log_rr = np.log(ill / (ill + well)) - np.log(ill_c / (ill_c + well_c))
    variance = 1 / ill - 1 / (ill + well) + 1 / ill_c - 1 / (ill_c + well_c)
    found = combine(log_rr, np.sqrt(variance))
    assert np.round(found.fixed, 4).tolist() == [-0.4303, 0.0405]
    assert np.round(found.random, 4).tolist() == [-0.7141, 0.1787]
    assert (round(found.tau2, 4), round(found.q, 4)) == (0.3088, 152.2330)
    assert round(found.i2_percent, 2) == 92.12
    from statsmodels.stats.meta_analysis import combine_effects

    peer = combine_effects(log_rr, variance, method_re="dl")
    assert found.random[0] == pytest.approx(peer.mean_effect_re, abs=1e-9)
    assert found.random[1] == pytest.approx(peer.sd_eff_w_re, abs=1e-9)


def test_sites_are_combined_on_the_scale_and_said_on_the_value():
    of_sites = [
        Association(0.7, scale=LOGIT, se_on_scale=0.4),
        Association(0.8, scale=LOGIT, se_on_scale=0.4),
        Association(1.0),
    ]
    found = combined_associations(of_sites)
    middle = (math.log(0.7 / 0.3) + math.log(0.8 / 0.2)) / 2
    assert found["fixed"].value == pytest.approx(1 / (1 + math.exp(-middle)))
    assert found["fixed"].p_value == pytest.approx(
        2 * stats.norm.sf(middle / (0.4 / math.sqrt(2))), rel=1e-9
    )
    assert "2 sites tell little" in found["random"].note
    with pytest.raises(NotEstimableError, match="two are needed"):
        combined_associations(of_sites[1:])


def test_spearman_is_that_of_scipy_with_bonett_and_wrights_interval():
    rng = np.random.default_rng(2)
    x = rng.integers(0, 9, 30).astype(float)
    y = x + rng.integers(0, 9, 30)
    found, peer = spearman(x, y), stats.spearmanr(x, y)
    assert found.value == pytest.approx(peer.statistic, abs=1e-12)
    assert found.p_value == pytest.approx(peer.pvalue, abs=1e-12)
    se = math.sqrt((1 + found.value**2 / 2) / 27)
    assert math.atanh(found.high) - math.atanh(found.low) == pytest.approx(2 * 1.959964 * se, 1e-6)


def test_spearman_of_what_does_not_vary_is_none():
    for x, y in ((np.ones(9), np.arange(9.0)), (np.arange(3.0), np.arange(3.0))):
        with pytest.raises(NotEstimableError):
            spearman(x, y)
    assert "all ranks agree" in spearman(np.arange(9.0), -np.arange(9.0)).note


@pytest.mark.parametrize("endpoint", [(0, 1, 2, 3), (0, 0, 1, 1, 2), (0, 1, 1, 2), (2, 1, 1, 1, 0)])
def test_ranks_that_all_agree_are_tested_by_counting_orders(endpoint):
    agree = np.array(endpoint, dtype=float)
    ranks = stats.rankdata(agree)
    orders = [np.corrcoef(ranks, order)[0, 1] for order in permutations(ranks)]
    expected = np.mean(np.abs(orders) > 1 - 1e-9)
    for found in (spearman(agree, agree), spearman(agree, -agree)):
        assert found.p_value == pytest.approx(expected, rel=1e-9)
        assert found.low is None


@pytest.mark.parametrize(
    ("rule", "peer"), [("holm", "holm"), ("bh", "fdr_bh"), ("bonferroni", "bonferroni")]
)
def test_adjusted_p_values_are_those_of_statsmodels(rule, peer):
    from statsmodels.stats.multitest import multipletests

    p = [0.001, 0.04, 0.03, 0.005, 0.9, 0.03]
    assert adjusted(p, rule) == pytest.approx(multipletests(p, method=peer)[1].tolist())


def test_a_planned_test_that_could_not_be_made_still_counts():
    assert adjusted([0.01, None], "holm") == [0.02, None]
    assert adjusted([0.01, None], "bh") == [0.02, None]
