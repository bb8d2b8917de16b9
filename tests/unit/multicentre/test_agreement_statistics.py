"""ICC, limits of agreement and repeatability against published and independent values."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from biomarker_cli.multicentre.agreement import bland_altman, concordance
from biomarker_cli.multicentre.icc import FORMS, icc, mean_squares
from biomarker_cli.multicentre.repeatability import STATISTICS, repeatability, upper_factor
from biomarker_cli.multicentre.repeats import Repeats
from biomarker_cli.multicentre.subject_bootstrap import subject_draws

# Shrout and Fleiss 1979, Psychol Bull 86:420, table 2: 6 targets by 4 judges.
JUDGES = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]],
    dtype=np.float64,
)

# Bland and Altman 1986, Lancet 327:307: peak flow by the Wright and the mini meter, l/min.
WRIGHT = np.array(
    [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427.0]
)
MINI = np.array(
    [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451.0]
)

# ADC of ten subjects, twice, in 1e-3 mm2/s; values below computed independently.
FIRST = np.array([1.21, 0.98, 1.45, 1.10, 0.87, 1.33, 1.02, 1.18, 0.95, 1.40])
SECOND = np.array([1.18, 1.02, 1.39, 1.16, 0.85, 1.30, 1.08, 1.15, 0.99, 1.36])


def _adc(is_ratio=True, **changed):
    values = np.stack([FIRST, SECOND], axis=1)
    subjects = tuple(f"S{i}" for i in range(10))
    return Repeats(
        **{"values": values, "subjects": subjects, "unit": "mm2/s"} | changed, is_ratio=is_ratio
    )


def _close(value, expected, digits=4):
    assert value == pytest.approx(expected, rel=0.5 * 10 ** (1 - digits))


def test_the_mean_squares_of_shrout_and_fleiss():
    squares = mean_squares(JUDGES, np.ones((1, 6)))
    found = [squares.between, squares.raters, squares.within, squares.residual]
    assert [round(float(s[0]), 2) for s in found] == [11.24, 32.49, 6.26, 1.02]


@pytest.mark.parametrize(
    ("form", "value", "low", "high"),
    [
        ("ICC(1,1)", 0.165742, -0.132932, 0.722560),
        ("ICC(2,1)", 0.289764, 0.018787, 0.761084),
        ("ICC(3,1)", 0.714841, 0.342465, 0.945858),
        ("ICC(1,k)", 0.442797, -0.884442, 0.912415),
        ("ICC(2,k)", 0.620051, 0.071137, 0.927232),
        ("ICC(3,k)", 0.909316, 0.675675, 0.985892),
    ],
)
def test_the_six_forms_with_their_limits(form, value, low, high):
    found = icc(JUDGES)[form]
    _close(found.value, value)
    _close(found.low, low)
    _close(found.high, high)


def test_constant_values_have_no_icc():
    assert set(icc(np.full((5, 3), 0.1)).values()) == {None}


def test_identical_raters_agree_perfectly_and_have_no_limits():
    found = icc(np.stack([FIRST, FIRST], axis=1))
    assert [found[form].value for form in FORMS] == [1.0] * 6
    assert {found[form].low for form in FORMS} == {None}


def test_one_target_or_one_rater_is_refused():
    with pytest.raises(ValueError, match="2 targets by 2 raters"):
        icc(JUDGES[:1])
    with pytest.raises(ValueError, match="2 targets by 2 raters"):
        icc(JUDGES[:, :1])


def test_the_limits_of_agreement_of_peak_flow():
    found = bland_altman(MINI, WRIGHT)
    _close(found.bias.value, -2.117647)
    _close(found.bias.low, -22.0488)
    _close(found.bias.high, 17.8135)
    _close(found.sd, 38.765130)
    _close(found.low.value, -78.0973)
    _close(found.high.value, 73.8620)
    by_two = bland_altman(MINI, WRIGHT, times=2)
    _close(by_two.low.value, -79.6479)
    _close(by_two.low.low, -114.1697)
    _close(by_two.low.high, -45.1261)
    _close(by_two.high.value, 75.4126)


def test_the_concordance_of_peak_flow_by_both_moments():
    _close(concordance(MINI, WRIGHT, 0), 0.9427424314, digits=9)
    _close(concordance(MINI, WRIGHT, 1), 0.9427524674, digits=9)
    assert concordance(np.full(4, 0.1), np.full(4, 0.1), 0) is None


def test_the_repeatability_of_the_adc_example():
    found = repeatability(_adc())
    assert list(found) == list(STATISTICS)
    for name, value, low, high in [
        ("wSD", 0.03057777, 0.02136521, 0.05366195),
        ("RC", 0.08470042, 0.05918163, 0.14864361),
        ("RC_percent", 7.423732, 5.187088, 13.028156),
    ]:
        estimate = found[name].estimate
        for mine, expected in zip(
            (estimate.value, estimate.low, estimate.high), (value, low, high), strict=True
        ):
            _close(mine, expected, digits=7)
    for name, value in [
        ("wCV", 2.680048),
        ("wSD_log", 0.02680504),
        ("change_low", -7.1560),
        ("change_high", 7.7076),
    ]:
        _close(found[name].estimate.value, value)
    assert found["RC"].unit == "mm2/s"
    assert found["wCV"].unit == "%"


def test_both_spreads_within_subjects_are_given():
    """About zero and about the bias: a bias of the second reading is in the first one only."""
    shifted = _adc(values=np.stack([FIRST, SECOND + 0.5], axis=1))
    plain, moved = repeatability(_adc()), repeatability(shifted)
    differences = SECOND - FIRST
    about_zero = np.sqrt(np.mean((differences + 0.5) ** 2) / 2)
    assert moved["wSD"].estimate.value == pytest.approx(about_zero)
    about_bias = differences.std(ddof=1) / np.sqrt(2)
    for found in (plain, moved):
        assert found["wSD_about_bias"].estimate.value == pytest.approx(about_bias)


@pytest.mark.parametrize(("n", "factor"), [(10, 1.593), (20, 1.358), (35, 1.248), (50, 1.199)])
def test_the_one_sided_factor_of_k_subjects(n, factor):
    assert round(upper_factor(n), 3) == factor


def test_values_that_may_be_negative_have_no_percentages():
    for repeats, why in [
        (_adc(is_ratio=False), "not on a ratio scale"),
        (_adc(values=np.stack([FIRST, SECOND], axis=1) - 0.9), "not above 0"),
    ]:
        found = repeatability(repeats)
        for name in ("wCV", "RC_percent", "wSD_log", "change_low", "loa_low_percent"):
            assert found[name].estimate is None
            assert why in found[name].reason
        assert found["RC"].estimate is not None


def test_repeats_that_do_not_differ_tell_no_limits():
    found = repeatability(_adc(values=np.full((10, 3), 0.1)))
    assert found["wSD"].estimate.value == 0
    assert found["wSD"].estimate.high is None
    assert "too small" in found["wSD"].reason
    assert found["ICC(2,1)"].estimate is None


def test_three_repeats_have_no_bias_between_two():
    values = np.stack([FIRST, SECOND, FIRST[::-1]], axis=1)
    found = repeatability(_adc(values=values))
    assert found["bias"].estimate is None
    assert "two repeats" in found["bias"].reason
    assert found["wSD"].estimate.value == pytest.approx(np.sqrt(values.var(1, ddof=1).mean()))


def test_a_target_without_one_repeat_counts_where_it_can():
    values = np.stack([FIRST, SECOND, SECOND], axis=1)
    values[0, 2] = np.nan
    found = repeatability(_adc(values=values))
    squares = [np.nansum((row - np.nanmean(row)) ** 2) for row in values]
    assert found["wSD"].estimate.value == pytest.approx(np.sqrt(sum(squares) / 19))
    whole = icc(values[1:])["ICC(2,1)"]
    assert found["ICC(2,1)"].estimate == whole


def test_one_subject_says_nothing_of_others():
    with pytest.raises(ValueError, match="two subjects"):
        repeatability(_adc(subjects=("S1",) * 10))


def test_several_targets_of_a_subject_get_limits_of_a_seeded_bootstrap():
    subjects = tuple("aabbccddee")
    found = repeatability(_adc(subjects=subjects))
    assert found == repeatability(_adc(subjects=subjects))
    assert found["wSD"].interval == "bootstrap_subjects"
    assert found["ICC(2,1)"].interval == "bootstrap_subjects"
    assert found["wSD"].estimate.value == repeatability(_adc())["wSD"].estimate.value
    draws = subject_draws(subjects)
    assert (draws[:, ::2] == draws[:, 1::2]).all(), "the targets of a subject are drawn together"
    assert (draws.sum(axis=1) == 10).all()


def test_the_bootstrap_gives_what_repeating_the_rows_gives():
    """The weighted sums against the plain estimate of a table with the drawn rows."""
    values, weights = np.stack([FIRST, SECOND], axis=1), np.array([[2, 0, 1, 1, 3, 0, 0, 1, 1, 1]])
    drawn = np.repeat(values, weights[0], axis=0)
    mine = mean_squares(values, weights.astype(float))
    theirs = mean_squares(drawn, np.ones((1, len(drawn))))
    for name in ("between", "raters", "within", "residual"):
        assert getattr(mine, name) == pytest.approx(getattr(theirs, name), rel=1e-12)


@pytest.mark.data
def test_every_row_of_the_oracle_table(reference_dir):
    with (reference_dir / "multicentre" / "agreement_oracle.csv").open() as stream:
        rows = {(row["set"], row["quantity"]): row for row in csv.DictReader(stream)}
    forms = icc(JUDGES)
    for form in FORMS:
        row = rows["shrout_fleiss_1979", form.replace(",", ";")]
        estimate = forms[form]
        for mine, name in zip(
            (estimate.value, estimate.low, estimate.high),
            ("value", "ci95_low", "ci95_high"),
            strict=True,
        ):
            _close(mine, float(row[name]), digits=8)
