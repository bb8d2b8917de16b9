"""Direction mean and estimators against analytic truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import curve_fit

from biomarker_cli.diffusion.direction_mean import (
    RunningRepeats,
    arithmetic_log_mean,
    geometric_log_mean,
)
from biomarker_cli.diffusion.fitting import ESTIMATORS, fit_volume

B = np.array([0.0, 100.0, 400.0, 800.0, 1400.0])


def noisy(snr: float, seed: int = 1, voxels: int = 200) -> np.ndarray:
    rng = np.random.default_rng(seed)
    clean = np.exp(-B[:, None] * np.linspace(0.5e-3, 2.5e-3, voxels))
    real = clean + rng.normal(0, 1 / snr, clean.shape)
    return np.hypot(real, rng.normal(0, 1 / snr, clean.shape))


@pytest.mark.parametrize("estimator", sorted(ESTIMATORS))
@pytest.mark.parametrize("adc", [-0.3e-3, 0.0, 1e-4, 1.1e-3, 5e-3])
def test_noise_free_signal_gives_the_known_value(estimator: str, adc: float) -> None:
    log_signal = np.log(1234.5) - B[:, None] * np.full(7, adc)
    found, log_s0 = fit_volume(log_signal, B, estimator)
    np.testing.assert_allclose(found, adc, atol=1e-12)
    np.testing.assert_allclose(log_s0, np.log(1234.5), atol=1e-9)


@pytest.mark.parametrize("estimator", sorted(ESTIMATORS))
def test_a_voxel_with_nan_is_nan_and_its_neighbour_is_not(estimator: str) -> None:
    log_signal = np.log(noisy(20.0, voxels=3))
    log_signal[4, 1] = np.nan
    found, _ = fit_volume(log_signal, B, estimator)
    assert np.isnan(found).tolist() == [False, True, False]


def test_lls_is_the_line_of_numpy() -> None:
    log_signal = np.log(noisy(15.0))
    slope, intercept = np.polyfit(B, log_signal, 1)
    found, log_s0 = fit_volume(log_signal, B, "lls")
    np.testing.assert_allclose(found, -slope, rtol=1e-10)
    np.testing.assert_allclose(log_s0, intercept, rtol=1e-8, atol=1e-10)


def test_wls_is_the_weighted_line_of_numpy() -> None:
    signal = noisy(15.0, voxels=40)
    found, _ = fit_volume(np.log(signal), B, "wls")
    # polyfit's weights multiply the residual: S gives S^2 in the sum of squares.
    expected = [-np.polyfit(B, np.log(s), 1, w=s)[0] for s in signal.T]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_nlls_is_the_curve_fit_of_scipy() -> None:
    signal = noisy(10.0, voxels=60)
    found, log_s0 = fit_volume(np.log(signal), B, "nlls")
    for index, samples in enumerate(signal.T):
        best, _ = curve_fit(
            lambda b, s0, d: s0 * np.exp(-b * d),
            B * 1e-3,
            samples,
            (samples[0], 1.0),
            ftol=1e-14,
            xtol=1e-12,
        )
        assert found[index] * 1e3 == pytest.approx(best[1], rel=1e-6)
        assert np.exp(log_s0[index]) == pytest.approx(best[0], rel=1e-6)


def test_nlls_survives_a_voxel_that_is_all_noise() -> None:
    rng = np.random.default_rng(3)
    log_signal = np.log(np.abs(rng.normal(0, 1, (5, 500))) + 1e-6)
    found, _ = fit_volume(log_signal, B, "nlls")
    assert found.shape == (500,)
    assert np.isfinite(found).mean() > 0.9


def test_nlls_fits_each_voxel_on_a_scale_of_its_own() -> None:
    """Signals of a quiet coil beside those of another one a million times as strong."""
    log_signal = np.log(noisy(20.0, voxels=40))
    alone, _ = fit_volume(log_signal, B, "nlls")
    beside = np.concatenate([log_signal, log_signal + 400.0], axis=1)
    found, log_s0 = fit_volume(beside, B, "nlls")
    np.testing.assert_allclose(found[:40], alone, rtol=1e-12)
    np.testing.assert_allclose(found[40:], alone, rtol=1e-7)
    np.testing.assert_allclose(log_s0[40:] - log_s0[:40], 400.0, rtol=1e-9)


def test_nlls_ends_without_a_number_where_the_signal_is_none_of_an_exponential() -> None:
    """The whole range of 16 bits at random: steps that overflow are refused, nothing warns."""
    rng = np.random.default_rng(11)
    wild = np.concatenate(
        [rng.uniform(-scale, scale, (5, 400)) for scale in (1.0, 2.0, 4.0, 5.5)], axis=1
    )
    found, _ = fit_volume(wild, B, "nlls")
    assert found.shape == (1600,)
    assert found.dtype == np.float64


def test_blocks_do_not_change_the_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    log_signal = np.log(noisy(20.0)).reshape(5, 4, 5, 10)
    whole, _ = fit_volume(log_signal, B, "wls")
    monkeypatch.setattr("biomarker_cli.diffusion.fitting.BLOCK_VOXELS", 7)
    parts, _ = fit_volume(log_signal, B, "wls")
    np.testing.assert_allclose(whole, parts, rtol=1e-13)


def test_geometric_mean_of_directions_gives_the_trace_of_the_tensor() -> None:
    tensor = np.diag([2.5e-3, 0.5e-3, 0.3e-3])
    b = 2500.0
    images = [np.full((2, 2, 2), 4000 * np.exp(-b * (d @ tensor @ d))) for d in np.eye(3)]
    adc = (np.log(4000) - geometric_log_mean(images)) / b
    np.testing.assert_allclose(adc, np.trace(tensor) / 3, rtol=1e-12)
    arithmetic = (np.log(4000) - arithmetic_log_mean(images)) / b
    assert (arithmetic < np.trace(tensor) / 3 - 1e-4).all()


def test_the_product_of_many_directions_does_not_overflow() -> None:
    rng = np.random.default_rng(5)
    images = [rng.uniform(1, 65535, (2, 3, 4)) for _ in range(300)]
    np.testing.assert_allclose(
        geometric_log_mean(images), np.mean(np.log(images), axis=0), rtol=1e-12
    )
    small = [image * 1e-9 for image in images]
    np.testing.assert_allclose(
        geometric_log_mean(small), np.mean(np.log(small), axis=0), rtol=1e-12
    )


@pytest.mark.parametrize("combine", [geometric_log_mean, arithmetic_log_mean])
@pytest.mark.parametrize("bad", [0.0, -3.0, np.nan, np.inf])
def test_a_sample_that_is_not_positive_makes_the_voxel_nan(combine, bad: float) -> None:
    images = [np.full((1, 1, 3), 5.0) for _ in range(4)]
    images[2] = images[2].copy()
    images[2][0, 0, 1] = bad
    assert np.isnan(combine(iter(images))).ravel().tolist() == [False, True, False]


@pytest.mark.parametrize("combine", [geometric_log_mean, arithmetic_log_mean])
def test_samples_of_several_images_make_each_its_own_voxel_nan(combine) -> None:
    images = [np.full((1, 1, 3), 5.0) for _ in range(4)]
    images[1][0, 0, 0] = 0.0
    images[3][0, 0, 2] = 0.0
    assert np.isnan(combine(iter(images))).ravel().tolist() == [True, False, True]


def test_two_points_are_the_lowest_and_the_highest_b_in_any_order() -> None:
    # 4 - 1e-3 b, but for the value between them.
    log_signal, b = np.array([[3.2], [1.0], [4.0]]), np.array([800.0, 400.0, 0.0])
    adc, log_s0 = fit_volume(log_signal, b, "two_point")
    assert adc[0] == pytest.approx(1e-3)
    assert log_s0[0] == pytest.approx(4.0)
    adc, log_s0 = fit_volume(log_signal[:2], b[:2], "two_point")
    assert adc[0] == pytest.approx(-2.2 / 400)
    assert log_s0[0] == pytest.approx(1.0 - 2.2)


def test_repeats_are_averaged_and_their_spread_is_kept() -> None:
    rng = np.random.default_rng(7)
    images = rng.uniform(10, 20, (5, 2, 3, 4))
    running = RunningRepeats()
    for image in images:
        running.add(image)
    np.testing.assert_allclose(running.mean(), images.mean(axis=0))
    np.testing.assert_allclose(running.sd(), images.std(axis=0, ddof=1))


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_repeats_with_a_bad_sample_have_no_mean_there(bad: float, place: int) -> None:
    images = np.full((3, 1, 1, 2), 5.0)
    images[place, 0, 0, 1] = bad
    running = RunningRepeats()
    for image in images:
        running.add(image)
    mean = running.mean().ravel()
    assert mean[0] == 5.0
    assert np.isnan(mean[1])


def test_the_first_of_the_repeats_is_not_changed() -> None:
    first = np.full((1, 1, 1), 2.0)
    running = RunningRepeats()
    running.add(first)
    running.add(np.full((1, 1, 1), 4.0))
    assert first.item() == 2.0


def test_the_mean_over_directions_is_of_the_signal_or_of_its_logarithm() -> None:
    images = [np.full((1, 1, 1), value) for value in (2.0, 4.0, 9.0)]
    assert arithmetic_log_mean(iter(images)).item() == pytest.approx(np.log(5.0))
    assert geometric_log_mean(iter(images)).item() == pytest.approx(np.log(72.0) / 3)


def test_half_a_unit_of_signal_is_a_signal() -> None:
    running = RunningRepeats()
    for value in (0.5, 0.25):
        running.add(np.full((1, 1, 1), value))
    assert running.mean().item() == pytest.approx(0.375)
