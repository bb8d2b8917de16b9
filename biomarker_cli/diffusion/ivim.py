"""Intravoxel incoherent motion by the segmented methods.

``S(b) / S(0) = f exp(-b D*) + (1 - f) exp(-b D)``: perfusion has decayed where
b is high, so that D comes from there alone. `fit_ivim` takes f from the
intercept against the measured b = 0; `refit_ivim` fits f and D* to every b.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biomarker_cli.diffusion.decay_search import search_decay
from biomarker_cli.diffusion.fitting import (
    BLOCK_VOXELS,
    fit_line_weighted_by_itself,
    fit_lls,
)
from biomarker_cli.diffusion.ivim_refit import refit_amplitudes
from biomarker_cli.diffusion.signal_models import BiExponential, MonoExponential, SignalModel
from biomarker_cli.model.arrays import BoolArray, FloatArray


@dataclass(frozen=True)
class IvimFit:
    """Maps of a segmented fit; NaN where there is none.

    Attributes
    ----------
    diffusion : ndarray
        D in mm2/s.
    fraction : ndarray
        f, unclamped: noise makes it negative where there is no perfusion.
    pseudo_diffusion : ndarray or None
        D* in mm2/s; NaN where there is no perfusion or the search ended at a
        limit.
    model : SignalModel
        What was fitted: the line at high b, or every b of a refit.
    """

    diffusion: FloatArray
    fraction: FloatArray
    pseudo_diffusion: FloatArray | None
    model: SignalModel


def fit_ivim(
    log_signal: FloatArray,
    b: FloatArray,
    tissue: BoolArray,
    pseudo_diffusion: tuple[float, float] | None,
) -> IvimFit:
    """Fit D to high b, f to its intercept, then D* with both held.

    Parameters
    ----------
    log_signal : ndarray, shape (n, ...)
        The first row is b = 0.
    b : ndarray, shape (n,)
    tissue : ndarray of bool, shape (n,)
        Which rows D is fitted to; two or more.
    pseudo_diffusion : tuple of float, optional
        Search range of D* in mm2/s.

    References
    ----------
    Le Bihan 1988, Radiology 168:497; Federau 2017, NMR Biomed 30:e3780.
    """
    place = log_signal.shape[1:]
    flat = log_signal.reshape(len(b), -1)
    found = np.full((4, flat.shape[1]), np.nan)
    for start in range(0, flat.shape[1], BLOCK_VOXELS):
        block = slice(start, start + BLOCK_VOXELS)
        d, intercept = fit_lls(flat[tissue, block], b[tissue])
        with np.errstate(over="ignore"):
            f = 1.0 - np.exp(intercept - flat[0, block])
        found[0, block], found[1, block], found[3, block] = d, f, intercept
        if pseudo_diffusion is not None:
            ratio = np.exp(flat[:, block] - flat[0, block])
            found[2, block] = _search(ratio, b, d, f, pseudo_diffusion)
    d, f, d_star, log_s0 = (one.reshape(place) for one in found)
    line = MonoExponential(d, log_s0)
    return IvimFit(d, f, d_star if pseudo_diffusion is not None else None, line)


def refit_ivim(
    log_signal: FloatArray, b: FloatArray, tissue: BoolArray, pseudo_diffusion: tuple[float, float]
) -> IvimFit:
    """Fit D to high b with weights of the fitted line, then f and D* to every b.

    Parameters
    ----------
    log_signal : ndarray, shape (n, ...)
    b : ndarray, shape (n,)
        s/mm2, as applied; the lowest need not be 0.
    tissue : ndarray of bool, shape (n,)
        Which rows D is fitted to; two or more.
    pseudo_diffusion : tuple of float
        Search range of D* in mm2/s; never below 1.5 D.

    References
    ----------
    Le Bihan 1988, Radiology 168:497; Federau 2017, NMR Biomed 30:e3780.
    """
    place = log_signal.shape[1:]
    flat = log_signal.reshape(len(b), -1)
    found = np.full((5, flat.shape[1]), np.nan)
    for start in range(0, flat.shape[1], BLOCK_VOXELS):
        block = slice(start, start + BLOCK_VOXELS)
        d, _ = fit_line_weighted_by_itself(flat[tissue, block], b[tissue])
        # The size of the signal is taken out, so that squares stay in range; a
        # signal that grows with b beyond that has no fit.
        top = flat[:, block].max(axis=0)
        with np.errstate(over="ignore", invalid="ignore"):
            fitted = refit_amplitudes(np.exp(flat[:, block] - top), b, d, pseudo_diffusion)
            f, s0 = fitted.fraction, (fitted.perfusion + fitted.tissue) * np.exp(top)
        found[:, block] = d, f, fitted.pseudo_diffusion, s0, fitted.decay
    d, f, d_star, s0, decay = (one.reshape(place) for one in found)
    return IvimFit(d, f, d_star, BiExponential(s0, f, d, decay))


def _search(
    ratio: FloatArray, b: FloatArray, d: FloatArray, f: FloatArray, limits: tuple[float, float]
) -> FloatArray:
    """Return the D* of least squares with D and f held; NaN where there is none."""
    result = np.full(d.shape, np.nan)
    usable = np.flatnonzero((f > 0) & np.isfinite(d) & np.isfinite(ratio).all(axis=0))
    f = f[usable]
    left = ratio[:, usable] - (1.0 - f) * np.exp(-b[:, None] * d[usable])
    lowest = np.full(f.shape, limits[0])
    d_star, inside = search_decay(_HeldFraction(left, f, b), lowest, limits[1])
    result[usable] = np.where(inside, d_star, np.nan)
    return result


@dataclass(frozen=True)
class _HeldFraction:
    """What the perfusion decay with f held leaves of the signal: the least is the best."""

    left: FloatArray
    f: FloatArray
    b: FloatArray

    def on_grid(self, decay: float) -> FloatArray:
        return self.at(np.full(self.f.shape, decay))

    def at(self, decay: FloatArray) -> FloatArray:
        residual = self.left - self.f * np.exp(-self.b[:, None] * decay)
        return -np.asarray(np.einsum("iv,iv->v", residual, residual))
