"""Bias of the estimators on simulated magnitude images, against published-style tables.

The table (b = 0, 50, 400, 800, 1400; D = 2.0e-3 mm2/s; Rician noise): the line
through ln S reads -20.9, -5.5 and -0.03 % at an SNR of 10, 20 and 50 at b = 0.
"""

from __future__ import annotations

import numpy as np
import pytest

from biomarker_cli.diffusion.direction_mean import RunningRepeats, ShellSignals
from biomarker_cli.diffusion.fitting import fit_volume
from biomarker_cli.diffusion.quality import fit_quality

D = 2.0e-3
FIVE = np.array([0.0, 50.0, 400.0, 800.0, 1400.0])
SIXTEEN = np.linspace(0.0, 1400.0, 16)


def magnitude(b: np.ndarray, snr: float, n: int, seed: int = 11, d: float = D) -> np.ndarray:
    """Return magnitude signal of S0 = 1, shape (b, voxels)."""
    rng = np.random.default_rng(seed)
    clean = np.exp(-b * d)[:, None]
    noise = rng.normal(0.0, 1.0 / snr, (2, len(b), n))
    return np.hypot(clean + noise[0], noise[1])


def bias_percent(b: np.ndarray, snr: float, estimator: str, n: int = 60_000) -> tuple[float, float]:
    """Return the bias and its Monte-Carlo error."""
    found, _ = fit_volume(np.log(magnitude(b, snr, n)), b, estimator)
    found = found[np.isfinite(found)]
    assert found.size > 0.99 * n
    return 100 * (found.mean() / D - 1), 100 * found.std() / D / np.sqrt(found.size)


@pytest.mark.parametrize(("snr", "expected"), [(10, -20.9), (20, -5.5), (50, -0.03)])
def test_lls_has_the_bias_of_the_table(snr: float, expected: float) -> None:
    found, error = bias_percent(FIVE, snr, "lls", n=200_000)
    assert found == pytest.approx(expected, abs=4 * error + 0.05)


@pytest.mark.parametrize("estimator", ["wls", "nlls"])
def test_weighting_beats_the_line_at_snr_10(estimator: str) -> None:
    line, error = bias_percent(FIVE, 10, "lls")
    found, _ = bias_percent(FIVE, 10, estimator)
    assert abs(found) < abs(line) - 4 * error


def test_nlls_is_the_least_biased_of_all_at_snr_10() -> None:
    biases = {name: abs(bias_percent(FIVE, 10, name)[0]) for name in ("lls", "wls", "nlls")}
    assert min(biases, key=lambda name: biases[name]) == "nlls"
    assert biases["nlls"] < 10


@pytest.mark.parametrize("estimator", ["lls", "wls", "nlls", "two_point"])
@pytest.mark.parametrize("b", [np.array([0.0, 800.0]), FIVE[:4], SIXTEEN])
def test_without_a_noise_floor_every_estimator_is_right(estimator: str, b: np.ndarray) -> None:
    # At this SNR the signal at b = 1400 is 12 times the noise.
    found, error = bias_percent(b, 200, estimator, n=20_000)
    assert found == pytest.approx(0.0, abs=5 * error + 0.2)


def test_more_b_values_make_the_estimate_more_precise() -> None:
    few = fit_volume(np.log(magnitude(FIVE, 30, 20_000)), FIVE, "nlls")[0]
    many = fit_volume(np.log(magnitude(SIXTEEN, 30, 20_000)), SIXTEEN, "nlls")[0]
    assert np.nanstd(many) < np.nanstd(few)


def test_noise_correction_of_a_region_removes_the_floor() -> None:
    snr, n = 20.0, 400_000
    signal = magnitude(FIVE, snr, n)
    plain = fit_volume(np.log(signal.mean(axis=1))[:, None], FIVE, "lls")[0][0]
    squared = (signal**2).mean(axis=1) - 2 / snr**2
    corrected = fit_volume(np.log(np.sqrt(squared))[:, None], FIVE, "lls")[0][0]
    assert 100 * (plain / D - 1) < -5
    # The spread of mean(S^2) at b = 1400 alone leaves 0.05 % here.
    assert corrected / D == pytest.approx(1.0, abs=2e-3)


def test_repeats_measure_the_noise() -> None:
    rng = np.random.default_rng(4)
    running = RunningRepeats()
    for _ in range(5):
        running.add(100.0 + rng.normal(0.0, 4.0, (1, 1, 20_000)))
    sd = running.sd().ravel()
    assert np.sqrt(np.mean(sd**2)) == pytest.approx(4.0, rel=0.02)


@pytest.mark.parametrize(("snr", "at_the_floor"), [(10, True), (200, False)])
def test_the_noise_floor_is_seen(snr: float, at_the_floor: bool) -> None:
    log_signal = np.log(magnitude(FIVE, snr, 4000))
    adc, log_s0 = fit_volume(log_signal, FIVE, "nlls")
    signals = ShellSignals(FIVE, log_signal, np.full(4000, 1.0 / snr))
    quality = fit_quality(signals, adc, log_s0, floor_snr=3.0)
    assert quality.snr_repeats == pytest.approx(snr, rel=0.05)
    assert (quality.below_floor > 0.5) is at_the_floor
    assert quality.r_squared > 0.8


def test_residuals_give_the_noise_where_the_model_holds() -> None:
    log_signal = np.log(magnitude(SIXTEEN[:8], 40, 4000))
    adc, log_s0 = fit_volume(log_signal, SIXTEEN[:8], "nlls")
    quality = fit_quality(ShellSignals(SIXTEEN[:8], log_signal), adc, log_s0, floor_snr=3.0)
    assert quality.snr_residual == pytest.approx(40, rel=0.05)
    assert np.isnan(quality.snr_repeats)


def test_two_b_values_leave_no_residual() -> None:
    b = FIVE[[0, 3]]
    log_signal = np.log(magnitude(b, 40, 100))
    adc, log_s0 = fit_volume(log_signal, b, "lls")
    quality = fit_quality(ShellSignals(b, log_signal), adc, log_s0, floor_snr=3.0)
    assert np.isnan([quality.r_squared, quality.residual_sd, quality.below_floor]).all()
