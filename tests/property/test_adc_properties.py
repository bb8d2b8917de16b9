"""Invariants of direction mean, shells and fits."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from biomarker_cli.diffusion.direction_mean import geometric_log_mean
from biomarker_cli.diffusion.fitting import ESTIMATORS, fit_volume
from biomarker_cli.statistics.histogram import histogram_entropy

B = np.array([0.0, 200.0, 600.0, 1000.0])
SIGNAL = arrays.arrays(np.float64, (4, 5), elements=st.floats(1.0, 4095.0))
quick = settings(deadline=None, max_examples=40)


@quick
@given(signal=SIGNAL, gain=st.floats(1e-3, 1e3), estimator=st.sampled_from(sorted(ESTIMATORS)))
def test_a_gain_changes_the_signal_at_b0_and_not_the_adc(
    signal: np.ndarray, gain: float, estimator: str
) -> None:
    adc, log_s0 = fit_volume(np.log(signal), B, estimator)
    scaled, scaled_s0 = fit_volume(np.log(signal * gain), B, estimator)
    both = np.isfinite(adc) & np.isfinite(scaled)
    if estimator != "nlls":
        assert both.all()
    np.testing.assert_allclose(scaled[both], adc[both], rtol=1e-5, atol=1e-9)
    shift = (scaled_s0 - log_s0)[both]
    np.testing.assert_allclose(shift, np.log(gain), rtol=1e-4, atol=1e-4)


@quick
@given(signal=SIGNAL, factor=st.floats(0.1, 10.0), estimator=st.sampled_from(["lls", "wls"]))
def test_stretching_b_shrinks_the_adc(signal: np.ndarray, factor: float, estimator: str) -> None:
    adc, _ = fit_volume(np.log(signal), B, estimator)
    stretched, _ = fit_volume(np.log(signal), B * factor, estimator)
    np.testing.assert_allclose(stretched * factor, adc, rtol=1e-6, atol=1e-12)


@quick
@given(signal=SIGNAL, seed=st.integers(0, 100), estimator=st.sampled_from(["lls", "wls"]))
def test_the_order_of_the_b_values_does_not_matter(
    signal: np.ndarray, seed: int, estimator: str
) -> None:
    order = np.random.default_rng(seed).permutation(len(B))
    adc, _ = fit_volume(np.log(signal), B, estimator)
    shuffled, _ = fit_volume(np.log(signal[order]), B[order], estimator)
    np.testing.assert_allclose(shuffled, adc, rtol=1e-7, atol=1e-13)


@quick
@given(
    images=arrays.arrays(np.float64, (7, 2, 2, 2), elements=st.floats(1e-6, 1e6)),
    seed=st.integers(0, 100),
)
def test_the_geometric_mean_is_the_mean_of_logs_in_any_order(images: np.ndarray, seed: int) -> None:
    expected = np.log(images).mean(axis=0)
    order = np.random.default_rng(seed).permutation(len(images))
    np.testing.assert_allclose(geometric_log_mean(images[order]), expected, rtol=1e-9, atol=1e-9)


@quick
@given(
    values=arrays.arrays(np.float64, (50,), elements=st.floats(-1e-3, 4e-3)),
    bins=st.integers(-20, 20),
)
def test_entropy_lies_between_zero_and_the_log_of_the_number_of_values(
    values: np.ndarray, bins: int
) -> None:
    width = 5e-5
    found = histogram_entropy(values, width)
    assert 0.0 <= found <= np.log2(values.size) + 1e-12
    whole = np.floor(values / width) * width + width / 2
    assert histogram_entropy(whole + bins * width, width) == histogram_entropy(whole, width)
