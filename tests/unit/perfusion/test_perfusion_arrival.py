"""The bolus arrival, and the area that starts with it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from perfusion_cases import dce_rules, measured_dce
from synthetic_dce import (
    FLIP_DEG,
    M0,
    R1,
    T10_S,
    TR_MS,
    Truth,
    Written,
    siemens,
    write_dynamic,
)

from biomarker_cli.perfusion.enhancement import bolus_arrival, initial_area, rises_within
from biomarker_cli.perfusion.spoiled_echo import spoiled_signal


@pytest.mark.parametrize("interval_s", [1.0, 2.0, 3.0, 5.0, 6.0])
def test_arrival_is_the_last_frame_without_contrast_agent(interval_s):
    truth = Truth(interval_s=interval_s, n=int(300 / interval_s))
    signal = truth.signal()
    arrived = bolus_arrival(signal / signal[0] - 1)
    assert truth.seconds[arrived] == 30.0


def test_noise_before_the_bolus_is_not_its_start():
    truth = Truth()
    signal = truth.signal()
    noise = np.random.default_rng(2).normal(0.0, 0.01, (100, truth.n))
    arrived = [bolus_arrival(one) for one in signal / signal[0] - 1 + noise]
    seconds = truth.seconds[arrived]
    assert np.mean(seconds) == pytest.approx(30.0, abs=0.5)
    assert seconds.min() >= 24.0


@pytest.mark.parametrize(("n_before", "most"), [(4, 40), (9, 30), (25, 20)])
def test_noise_is_no_bolus_within_the_baseline(n_before, most):
    truth = Truth(interval_s=1.0, n=300)
    signal = truth.signal()
    noise = np.random.default_rng(3).normal(0.0, 0.3, (1000, truth.n))
    # The enhancement is 5 at its peak: a tenth of it is less than 3 standard deviations.
    early = [rises_within(one, n_before) for one in signal / signal[0] - 1 + noise]
    assert sum(early) <= most


@pytest.mark.parametrize(("n_before", "interval_s"), [(4, 15.0), (10, 4.0), (25, 1.5)])
def test_a_bolus_within_the_baseline_is_seen(n_before, interval_s):
    truth = Truth(interval_s=interval_s, n=80)
    signal = truth.signal()
    assert rises_within(signal / signal[:n_before].mean() - 1, n_before)
    n_right = int(30.0 / interval_s)
    assert not rises_within(signal / signal[:n_right].mean() - 1, n_right)


@pytest.mark.parametrize("onset_s", [30.0, 31.0])
@pytest.mark.parametrize("span_s", [60.0, 90.0])
def test_area_of_a_ramp_is_exact_at_both_ends(onset_s, span_s):
    seconds = 4.0 * np.arange(50)
    ramp = 0.01 * (seconds - onset_s)
    found = initial_area(ramp[:, None], seconds, onset_s, span_s)
    assert found == pytest.approx(0.01 * span_s**2 / 2)


def test_area_is_undefined_where_the_frames_end_before_the_span():
    seconds = 4.0 * np.arange(20)
    assert np.isnan(initial_area(np.ones((20, 1)), seconds, 30.0, 60.0)).all()
    assert initial_area(np.ones((20, 1)), seconds, 16.0, 60.0) == pytest.approx(60.0)


def test_initial_area_of_a_series_is_the_integral_of_its_curve(tmp_path):
    # C = A (1 - exp(-t / tau)) from 30 s on, whose integral is known in closed form.
    truth = Truth(n=60)
    height, tau = 0.8, 12.0
    after = np.clip(truth.seconds - truth.onset_s, 0.0, None)
    r1 = 1.0 / T10_S + R1 * height * -np.expm1(-after / tau)
    signal = spoiled_signal(r1, M0, TR_MS / 1000.0, math.radians(FLIP_DEG))
    write_dynamic(tmp_path, truth, Written(change=siemens(truth)), signal)
    rows = measured_dce(tmp_path, dce_rules(model=None))["tumour"]
    for span in (60.0, 90.0):
        expected = height * (span + tau * math.expm1(-span / tau))
        found = rows[f"iaugc{span:g}.perfusion.region"]
        assert found.value == pytest.approx(expected, rel=2e-3)
    assert rows["dce.acquisition.bolus_arrival"].value == 30.0
