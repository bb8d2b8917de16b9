"""How far the fits of a region can be trusted: residuals, SNR, noise floor."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from biomarker_cli.diffusion.direction_mean import ShellSignals
from biomarker_cli.diffusion.signal_models import MonoExponential
from biomarker_cli.model.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class FitQuality:
    """Quality of the fits of a region; NaN where a number cannot be had.

    Attributes
    ----------
    r_squared : float
        Median over voxels of 1 - SSres / SStot of the signal; needs more b-values
        than the model has parameters p (2 for an ADC).
    residual_sd : float
        Median over voxels of sqrt(SSres / (n - p)), in units of the signal.
    snr_repeats : float
        Median signal at the lowest b over the noise of one image, from repeats.
    snr_residual : float
        The same over the residuals, which hold what the model misses as well.
    below_floor : float
        Share of voxels whose signal at the highest b is below the noise floor.
    """

    r_squared: float
    residual_sd: float
    snr_repeats: float
    snr_residual: float
    below_floor: float


_NOTHING = FitQuality(math.nan, math.nan, math.nan, math.nan, math.nan)


def fit_quality(
    signals: ShellSignals, adc: FloatArray, log_s0: FloatArray, floor_snr: float
) -> FitQuality:
    """Judge the fits of the voxels of a region.

    Parameters
    ----------
    signals : ShellSignals
        Under the region: `log_signal` of shape (n, voxels).
    adc, log_s0 : ndarray, shape (voxels,)
    floor_snr : float
        The noise floor lies at this many standard deviations of the noise.
    """
    every = np.ones(adc.shape, dtype=np.bool_)
    model = MonoExponential(adc, log_s0)
    return model_quality(signals, model.predicted(signals.b, every), model.n_parameters, floor_snr)


def model_quality(
    signals: ShellSignals, predicted: FloatArray, n_parameters: int, floor_snr: float
) -> FitQuality:
    """Judge the fits of a model of the signal to the voxels of a region.

    Parameters
    ----------
    signals : ShellSignals
        Under the region: `log_signal` of shape (n, voxels).
    predicted : ndarray, shape (n, voxels)
        Signal of the model; a voxel that is not finite has no fit.
    n_parameters : int
        How many parameters each voxel was fitted with.
    floor_snr : float
        The noise floor lies at this many standard deviations of the noise.
    """
    fitted = np.isfinite(predicted).all(axis=0) & np.isfinite(signals.log_signal).all(axis=0)
    if not fitted.any():
        return _NOTHING
    signal = np.exp(signals.log_signal[:, fitted])
    predicted = predicted[:, fitted]
    order = np.argsort(signals.b)
    lowest, highest = signal[order[0]], signal[order[-1]]
    r_squared, residual = _residuals(signal, predicted, n_parameters)
    repeats = math.nan
    if signals.repeat_sd is not None:
        repeats = math.sqrt(float(np.mean(signals.repeat_sd[fitted] ** 2)))
    pooled = math.sqrt(float(np.mean(residual**2)))
    # Repeats measure the noise itself; residuals stand in where there are none.
    sigma = repeats if math.isfinite(repeats) else pooled
    below = float(np.mean(highest < floor_snr * sigma)) if math.isfinite(sigma) else math.nan
    middle = float(np.median(lowest))
    return FitQuality(
        r_squared=float(np.median(r_squared)),
        residual_sd=float(np.median(residual)),
        snr_repeats=_ratio(middle, repeats),
        snr_residual=_ratio(middle, pooled),
        below_floor=below,
    )


def _residuals(
    signal: FloatArray, predicted: FloatArray, n_parameters: int
) -> tuple[FloatArray, FloatArray]:
    """Return R2 and residual SD of each voxel; NaN where the b-values leave no residual."""
    n_b = len(signal)
    if n_b <= n_parameters:
        nothing = np.full(signal.shape[1], np.nan)
        return nothing, nothing
    left = np.sum((signal - predicted) ** 2, axis=0)
    total = np.sum((signal - signal.mean(axis=0)) ** 2, axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        r_squared = np.where(total > 0, 1.0 - left / total, np.nan)
    return r_squared, np.sqrt(left / (n_b - n_parameters))


def _ratio(signal: float, noise: float) -> float:
    return signal / noise if noise > 0 else math.nan
