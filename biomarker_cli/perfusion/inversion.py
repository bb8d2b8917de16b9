"""T1 from images of several inversion times: inversion recovery and Look-Locker.

Both follow ``S = |A - B exp(-TI / T)|``. The sign of a magnitude image is lost: as many of
the earliest images are taken to be negative as fit best.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from biomarker_cli.model.arrays import FloatArray

_SHORTEST_S, _LONGEST_S = 0.01, 10.0
_STEPS = 120
_REFINED = 1e-10
_GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0


class InversionFit(NamedTuple):
    """A fit of every voxel, NaN where there is none, shape (voxels,).

    Attributes
    ----------
    t1_s : ndarray
    residual : ndarray
        SD of the residuals, in units of the signal.
    """

    t1_s: FloatArray
    residual: FloatArray


def fit_inversion(
    signal: FloatArray, inversion_s: FloatArray, *, look_locker: bool
) -> InversionFit:
    """Fit the recovery after an inversion.

    T alone is searched, over a grid and by golden sections; A and B are linear.

    Parameters
    ----------
    signal : ndarray, shape (images, voxels)
        In rising order of inversion times.
    inversion_s : ndarray, shape (images,)
        Four or more.
    look_locker : bool
        Whether the images were read out within one recovery, which they shorten:
        ``T1 = T (B / A - 1)``. Else T is T1, whatever the inversion and the repetition.

    Returns
    -------
    InversionFit
        A recovery that does not rise, or a T at the ends of the search, is no fit.

    References
    ----------
    Barral et al. 2010, Magn Reson Med 64:1057; Deichmann and Haase 1992, J Magn Reson 96:608.
    """
    magnitude = np.abs(signal)
    best = _best_over_grid(magnitude, inversion_s)
    finite = np.isfinite(magnitude).all(axis=0)
    low, high = best.log_t - _LOG_STEP, best.log_t + _LOG_STEP
    signed = magnitude * best.sign
    for _ in range(math.ceil(math.log(_REFINED) / math.log(_GOLDEN))):
        left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        nearer = (
            _linear(signed, inversion_s, left).misfit <= _linear(signed, inversion_s, right).misfit
        )
        low, high = np.where(nearer, low, left), np.where(nearer, right, high)
    log_t = (low + high) / 2.0
    found = _linear(signed, inversion_s, log_t)
    time = np.exp(log_t)
    inside = (best.log_t > _LOG_GRID[0]) & (best.log_t < _LOG_GRID[-1])
    usable = finite & inside & (found.b > 0) & (found.a > 0)
    if look_locker:
        with np.errstate(divide="ignore", invalid="ignore"):
            factor = found.b / found.a - 1.0
        usable &= factor > 0
        time = time * np.where(usable, factor, 1.0)
    spread = np.sqrt(found.misfit / len(inversion_s))
    return InversionFit(np.where(usable, time, np.nan), np.where(usable, spread, np.nan))


_LOG_GRID = np.linspace(math.log(_SHORTEST_S), math.log(_LONGEST_S), _STEPS)
_LOG_STEP = float(_LOG_GRID[1] - _LOG_GRID[0])


class _Best(NamedTuple):
    log_t: FloatArray
    sign: FloatArray


class _Linear(NamedTuple):
    a: FloatArray
    b: FloatArray
    misfit: FloatArray


def _best_over_grid(magnitude: FloatArray, inversion_s: FloatArray) -> _Best:
    """Return the best T of the grid of each voxel, and the signs of its images."""
    n_images, n_voxels = magnitude.shape
    filled = np.where(np.isfinite(magnitude), magnitude, 0.0)
    lowest = filled.argmin(axis=0)
    decay = np.exp(-inversion_s[None, :] / np.exp(_LOG_GRID)[:, None])
    decay -= decay.mean(axis=1, keepdims=True)
    decay /= np.sqrt(np.sum(decay**2, axis=1, keepdims=True))
    explained = np.full(n_voxels, -np.inf)
    log_t = np.full(n_voxels, _LOG_GRID[0])
    sign = np.ones((n_images, n_voxels))
    # The zero crossing lies beside the lowest image: it is the last negative or the first
    # positive one. Images that never were negative are those before neither.
    for negative in (np.zeros_like(lowest), lowest, lowest + 1):
        signs = np.where(np.arange(n_images)[:, None] < negative, -1.0, 1.0)
        signed = filled * signs
        # What A and B explain of the squares: the rest is the misfit.
        shares = (decay @ signed) ** 2 - np.sum((signed - signed.mean(axis=0)) ** 2, axis=0)
        best = shares.argmax(axis=0)
        found = shares[best, np.arange(n_voxels)]
        better = found > explained
        explained = np.where(better, found, explained)
        log_t = np.where(better, _LOG_GRID[best], log_t)
        sign = np.where(better, signs, sign)
    return _Best(log_t, sign)


def _linear(signed: FloatArray, inversion_s: FloatArray, log_t: FloatArray) -> _Linear:
    """Return A and B of the least squares at a T of each voxel."""
    decay = np.exp(-inversion_s[:, None] / np.exp(log_t))
    mean_decay, mean = decay.mean(axis=0), signed.mean(axis=0)
    from_mean = decay - mean_decay
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.sum(from_mean * signed, axis=0) / np.sum(from_mean**2, axis=0)
    slope = np.where(np.isfinite(slope), slope, 0.0)
    a = mean - slope * mean_decay
    return _Linear(a, -slope, np.sum((signed - a - slope * decay) ** 2, axis=0))
