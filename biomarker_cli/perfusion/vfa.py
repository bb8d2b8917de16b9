"""T1 from spoiled gradient echoes of several flip angles."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from biomarker_cli.model.arrays import FloatArray

_STEPS = 60
_CONVERGED = 1e-12


class T1Fit(NamedTuple):
    """A fit of every voxel, NaN where there is none.

    Attributes
    ----------
    r1_per_s, m0 : ndarray, shape (voxels,)
    """

    r1_per_s: FloatArray
    m0: FloatArray


def fit_vfa_linear(signal: FloatArray, flip_rad: FloatArray, tr_s: float) -> T1Fit:
    """Fit ``S / sin a = E S / tan a + M0 (1 - E)``.

    Parameters
    ----------
    signal : ndarray, shape (angles, voxels)
    flip_rad : ndarray, shape (angles, voxels) or (angles, 1)
        Two angles or more.
    tr_s : float

    Returns
    -------
    T1Fit
        A slope outside (0, 1) is no fit: nothing is clipped.

    References
    ----------
    Gupta 1977, J Magn Reson 25:231; Deoni et al. 2003, Magn Reson Med 49:515.
    """
    y, x = signal / np.sin(flip_rad), signal / np.tan(flip_rad)
    from_mean = x - x.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = np.sum(from_mean * y, axis=0) / np.sum(from_mean**2, axis=0)
        m0 = (y.mean(axis=0) - slope * x.mean(axis=0)) / (1.0 - slope)
        usable = (slope > 0.0) & (slope < 1.0) & (m0 > 0.0)
        r1 = -np.log(np.where(usable, slope, 0.5)) / tr_s
    return T1Fit(np.where(usable, r1, np.nan), np.where(usable, m0, np.nan))


def fit_vfa(signal: FloatArray, flip_rad: FloatArray, tr_s: float) -> T1Fit:
    """Fit the signal itself, least squares, from the linear fit.

    M0 is linear in the signal, so that E alone is searched, by Gauss-Newton steps that are
    halved until the misfit falls.

    Parameters
    ----------
    signal, flip_rad, tr_s
        As in `fit_vfa_linear`.

    Returns
    -------
    T1Fit
        NaN where the linear fit has no start, or the search leaves (0, 1).
    """
    start = fit_vfa_linear(signal, flip_rad, tr_s)
    # A voxel whose noise breaks the linear fit may still have one: start from 1 s.
    finite = np.all(np.isfinite(signal) & (signal > 0), axis=0)
    r1 = np.where(np.isfinite(start.r1_per_s), start.r1_per_s, 1.0)
    sines, cosines = np.broadcast_arrays(np.sin(flip_rad), np.cos(flip_rad))
    e1 = np.exp(-tr_s * r1)
    m0, misfit = _m0_and_misfit(signal, sines, cosines, e1)
    for _ in range(_STEPS):
        shape, slope = _shape_and_slope(sines, cosines, e1)
        # Variable projection (Kaufman): the part of the slope that M0 cannot give.
        part = m0 * (slope - shape * np.sum(shape * slope, axis=0) / np.sum(shape**2, axis=0))
        with np.errstate(divide="ignore", invalid="ignore"):
            step = np.sum(part * (signal - m0 * shape), axis=0) / np.sum(part**2, axis=0)
        step = np.where(np.isfinite(step), step, 0.0)
        moved = _within(e1, step)
        new_m0, new_misfit = _m0_and_misfit(signal, sines, cosines, moved)
        for _ in range(20):
            worse = ~(new_misfit <= misfit)
            if not worse.any():
                break
            step = np.where(worse, step / 2.0, step)
            moved = _within(e1, step)
            new_m0, new_misfit = _m0_and_misfit(signal, sines, cosines, moved)
        better = new_misfit <= misfit
        change = np.where(better, np.abs(moved - e1) / (1.0 - e1), 0.0)
        e1, m0 = np.where(better, moved, e1), np.where(better, new_m0, m0)
        misfit = np.where(better, new_misfit, misfit)
        if not np.any(change[finite] > _CONVERGED):
            break
    usable = finite & (e1 > _EDGE) & (1.0 - e1 > _EDGE) & (m0 > 0)
    r1 = -np.log(np.where(usable, e1, 0.5)) / tr_s
    return T1Fit(np.where(usable, r1, np.nan), np.where(usable, m0, np.nan))


_EDGE = 1e-6
"""E this near to 0 or 1 is where the search was stopped, no T1."""


def _within(e1: FloatArray, step: FloatArray) -> FloatArray:
    return np.clip(e1 + step, _EDGE / 2, 1.0 - _EDGE / 2)


def _shape_and_slope(
    sines: FloatArray, cosines: FloatArray, e1: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the signal of M0 = 1 and its derivative by E, shapes (angles, voxels)."""
    below = 1.0 - e1 * cosines
    return sines * (1.0 - e1) / below, sines * (cosines - 1.0) / below**2


def _m0_and_misfit(
    signal: FloatArray, sines: FloatArray, cosines: FloatArray, e1: FloatArray
) -> tuple[FloatArray, FloatArray]:
    shape, _ = _shape_and_slope(sines, cosines, e1)
    m0 = np.sum(shape * signal, axis=0) / np.sum(shape**2, axis=0)
    return m0, np.sum((signal - m0 * shape) ** 2, axis=0)
