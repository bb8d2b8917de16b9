"""Diffusion kurtosis: ``ln S = ln S0 - b D + b^2 D^2 K / 6``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biomarker_cli.diffusion.fitting import BLOCK_VOXELS
from biomarker_cli.diffusion.signal_models import Parabola
from biomarker_cli.model.arrays import FloatArray

_SINGULAR = 1e-14
"""Determinant of a normal matrix, relative to its size, that has no inverse worth having."""


@dataclass(frozen=True)
class KurtosisFit:
    """Maps of a parabola through ln S; NaN where there is none.

    Attributes
    ----------
    diffusion : ndarray
        D in mm2/s.
    kurtosis : ndarray
        K without unit; NaN where D is not positive.
    model : Parabola
        What was fitted.
    """

    diffusion: FloatArray
    kurtosis: FloatArray
    model: Parabola


def fit_kurtosis(log_signal: FloatArray, b: FloatArray, rounds: int = 0) -> KurtosisFit:
    """Fit a parabola to ln S by least squares.

    Parameters
    ----------
    log_signal : ndarray, shape (n, ...)
    b : ndarray, shape (n,)
        s/mm2, three or more different values.
    rounds : int
        Fits with weights from the parabola before, ``S^2`` of the model; 0 for
        none.

    References
    ----------
    Jensen 2005, Magn Reson Med 53:1432; Veraart 2013, NeuroImage 81:335 (weights).
    """
    scale = float(b.max())
    scaled = b / scale
    design = np.stack([np.ones_like(scaled), -scaled, scaled**2], axis=1)
    flat = log_signal.reshape(len(b), -1)
    # Without weights the solution is a fixed linear combination of the samples.
    found = np.linalg.pinv(design) @ flat
    for start in range(0, flat.shape[1], BLOCK_VOXELS):
        block = slice(start, start + BLOCK_VOXELS)
        for _ in range(rounds):
            found[:, block] = _weighted(design, flat[:, block], found[:, block])
    log_s0, diffusion, curvature = found[0], found[1] / scale, found[2] / scale**2
    with np.errstate(divide="ignore", invalid="ignore"):
        kurtosis = np.where(diffusion > 0, 6.0 * curvature / diffusion**2, np.nan)
    place = log_signal.shape[1:]
    maps = [one.reshape(place) for one in (log_s0, diffusion, curvature)]
    return KurtosisFit(maps[1], kurtosis.reshape(place), Parabola(maps[0], maps[1], maps[2]))


def _weighted(design: FloatArray, log_signal: FloatArray, before: FloatArray) -> FloatArray:
    """Return the coefficients with weights of the signal that those before predict."""
    predicted = design @ before
    usable = np.isfinite(predicted).all(axis=0)
    expected = predicted[:, usable]
    weights = np.exp(2.0 * (expected - expected.max(axis=0, initial=-np.inf)))
    products = np.einsum("ij,ik->ijk", design, design).reshape(len(design), 9)
    normal = (weights.T @ products).reshape(-1, 3, 3)
    right = (weights * log_signal[:, usable]).T @ design
    result = np.full_like(before, np.nan)
    # Where the weights leave fewer than three samples, the matrix has no inverse.
    size = np.trace(normal, axis1=1, axis2=2) / 3.0
    solvable = np.linalg.det(normal) > _SINGULAR * size**3
    solved = np.full((len(normal), 3), np.nan)
    solved[solvable] = np.linalg.solve(normal[solvable], right[solvable][:, :, None])[:, :, 0]
    result[:, usable] = solved.T
    return result
