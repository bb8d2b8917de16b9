"""Estimators of the apparent diffusion coefficient: ``S(b) = S0 exp(-b D)``.

All take ln S, shape (n, voxels), and return D in mm2/s and ln S0. A voxel with
NaN gives NaN; nothing is clamped, so that a negative D stays visible.
"""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

import numpy as np

from biomarker_cli.model.arrays import FloatArray

Fit = tuple[FloatArray, FloatArray]
Estimate = Callable[[FloatArray, FloatArray], Fit]

BLOCK_VOXELS = 16_384
"""Voxels per block: the working set stays in the cache."""

WEIGHT_ROUNDS = 3
"""Fits with weights from the fit before; two leave less than a thousandth to the third."""

NLLS_ITERATIONS = 100
NLLS_TOLERANCE = 1e-9
"""Relative change of D below which a voxel has converged."""


def fit_two_point(log_signal: FloatArray, b: FloatArray) -> Fit:
    """Return ln(S1/S2) / (b2 - b1) of the lowest and the highest b."""
    first, last = int(np.argmin(b)), int(np.argmax(b))
    adc = (log_signal[first] - log_signal[last]) / (b[last] - b[first])
    return adc, log_signal[first] + b[first] * adc


def fit_lls(log_signal: FloatArray, b: FloatArray) -> Fit:
    """Return the straight line through ln S by least squares.

    Both parameters are fixed linear combinations of the samples.
    """
    centred = b - b.mean()
    slope_weights = -centred / (centred @ centred)
    adc = slope_weights @ log_signal
    return adc, log_signal.mean(axis=0) + b.mean() * adc


def fit_wls(log_signal: FloatArray, b: FloatArray) -> Fit:
    """Return the line through ln S with weights S^2, the variance of ln S being 1/S^2."""
    top = np.max(log_signal, axis=0)
    return _weighted_line(log_signal, np.exp(2.0 * (log_signal - top)), b)


def fit_line_weighted_by_itself(log_signal: FloatArray, b: FloatArray) -> Fit:
    """Return the line through ln S with weights from the fitted line, not from the samples.

    Weights of noisy samples favour those that noise has raised; those of a line
    through them do not. The first line has no weights; `WEIGHT_ROUNDS` follow.

    References
    ----------
    Veraart 2013, NeuroImage 81:335.
    """
    adc, log_s0 = fit_lls(log_signal, b)
    lowest = b.min()
    for _ in range(WEIGHT_ROUNDS):
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            weights = np.exp(-2.0 * (b - lowest)[:, None] * adc)
            adc, log_s0 = _weighted_line(log_signal, weights, b)
    return adc, log_s0


def _weighted_line(log_signal: FloatArray, weights: FloatArray, b: FloatArray) -> Fit:
    total = weights.sum(axis=0)
    mean_b = (b @ weights) / total
    mean_log = np.einsum("iv,iv->v", weights, log_signal) / total
    centred = b[:, None] - mean_b
    weighted = weights * centred
    adc = -np.einsum("iv,iv->v", weighted, log_signal - mean_log) / np.einsum(
        "iv,iv->v", weighted, centred
    )
    return adc, mean_log + mean_b * adc


def fit_nlls(log_signal: FloatArray, b: FloatArray) -> Fit:
    """Return the least-squares fit of S itself, from the weighted line on.

    Levenberg-Marquardt on all voxels at once; a voxel that does not converge is
    NaN. Parameters are scaled to be of order one.

    References
    ----------
    Marquardt 1963, J SIAM 11:431.
    """
    adc, log_s0 = fit_wls(log_signal, b)
    usable = np.flatnonzero(np.isfinite(adc) & np.isfinite(log_s0))
    top = log_signal[:, usable].max(axis=0)
    signal = np.exp(log_signal[:, usable] - top)
    b_max = float(b.max())
    start = np.stack([np.exp(log_s0[usable] - top), adc[usable] * b_max])
    fitted = _levenberg_marquardt(signal, b / b_max, start)
    adc = np.full_like(adc, np.nan)
    log_s0 = np.full_like(adc, np.nan)
    adc[usable] = fitted[1] / b_max
    with np.errstate(invalid="ignore", divide="ignore"):
        log_s0[usable] = np.log(fitted[0]) + top
    return adc, log_s0


def _levenberg_marquardt(signal: FloatArray, b: FloatArray, start: FloatArray) -> FloatArray:
    result = np.full_like(start, np.nan)
    active = np.arange(signal.shape[1])
    parameters, damping = start.copy(), np.full(active.size, 1e-3)
    cost = _cost(signal, b, parameters)
    for _ in range(NLLS_ITERATIONS):
        step = _step(signal, b, parameters, damping)
        trial = parameters + step
        trial_cost = _cost(signal, b, trial)
        better = trial_cost <= cost
        parameters = np.where(better, trial, parameters)
        cost = np.where(better, trial_cost, cost)
        damping = np.where(better, damping * 0.1, damping * 10.0)
        small = np.abs(step) <= NLLS_TOLERANCE * (np.abs(parameters) + NLLS_TOLERANCE)
        done = small.all(axis=0)
        result[:, active[done]] = parameters[:, done]
        keep = ~done
        active, signal = active[keep], signal[:, keep]
        parameters, damping, cost = parameters[:, keep], damping[keep], cost[keep]
        if active.size == 0:
            break
    return result


def _cost(signal: FloatArray, b: FloatArray, parameters: FloatArray) -> FloatArray:
    with np.errstate(over="ignore", invalid="ignore"):
        residual = signal - parameters[0] * np.exp(-b[:, None] * parameters[1])
        cost: FloatArray = np.einsum("iv,iv->v", residual, residual)
    return np.where(np.isfinite(cost), cost, np.inf)


def _step(
    signal: FloatArray, b: FloatArray, parameters: FloatArray, damping: FloatArray
) -> FloatArray:
    """Return the damped Gauss-Newton step of each voxel, shape (2, voxels)."""
    decay = np.exp(-b[:, None] * parameters[1])
    residual = signal - parameters[0] * decay
    by_d = -b[:, None] * parameters[0] * decay
    a11 = np.einsum("iv,iv->v", decay, decay) * (1.0 + damping)
    a22 = np.einsum("iv,iv->v", by_d, by_d) * (1.0 + damping)
    a12 = np.einsum("iv,iv->v", decay, by_d)
    g1 = np.einsum("iv,iv->v", decay, residual)
    g2 = np.einsum("iv,iv->v", by_d, residual)
    with np.errstate(divide="ignore", invalid="ignore"):
        determinant = a11 * a22 - a12 * a12
        step = np.stack([a22 * g1 - a12 * g2, a11 * g2 - a12 * g1]) / determinant
    return np.where(np.isfinite(step), step, 0.0)


ESTIMATORS: MappingProxyType[str, Estimate] = MappingProxyType(
    {"two_point": fit_two_point, "lls": fit_lls, "wls": fit_wls, "nlls": fit_nlls}
)


def fit_volume(log_signal: FloatArray, b: FloatArray, estimator: str) -> Fit:
    """Fit every voxel, block by block.

    Parameters
    ----------
    log_signal : ndarray, shape (n, ...)
    b : ndarray, shape (n,)
        s/mm2, at least two different values.
    estimator : str
        Key of `ESTIMATORS`.

    Returns
    -------
    adc : ndarray, shape (...)
        mm2/s, NaN where there is no fit.
    log_s0 : ndarray, shape (...)
    """
    estimate = ESTIMATORS[estimator]
    flat = log_signal.reshape(len(b), -1)
    adc, log_s0 = np.empty(flat.shape[1]), np.empty(flat.shape[1])
    for start in range(0, flat.shape[1], BLOCK_VOXELS):
        block = slice(start, start + BLOCK_VOXELS)
        adc[block], log_s0[block] = estimate(flat[:, block], b)
    place = log_signal.shape[1:]
    return adc.reshape(place), log_s0.reshape(place)
