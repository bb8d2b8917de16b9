"""The signal of a spoiled gradient echo, and what of it is R1 and concentration.

``S = M0 sin a (1 - E) / (1 - E cos a)`` with ``E = exp(-TR R1)``; the decay by T2* is
left out, as the echo time is short. What the equation cannot give is NaN, never clipped.
"""

from __future__ import annotations

import numpy as np

from biomarker_cli.model.arrays import FloatArray


def spoiled_signal(
    r1_per_s: FloatArray | float, m0: FloatArray | float, tr_s: float, flip_rad: FloatArray | float
) -> FloatArray:
    """Return the steady-state signal.

    Parameters
    ----------
    r1_per_s, m0 : ndarray or float
        Shapes that broadcast.
    tr_s : float
    flip_rad : ndarray or float

    References
    ----------
    Frahm, Haase, Matthaei 1986, Magn Reson Med 3:321.
    """
    e1 = np.exp(-tr_s * np.asarray(r1_per_s))
    return np.asarray(m0 * np.sin(flip_rad) * (1.0 - e1) / (1.0 - e1 * np.cos(flip_rad)))


def baseline_m0(
    baseline: FloatArray, t10_s: FloatArray | float, tr_s: float, flip_rad: FloatArray | float
) -> FloatArray:
    """Return M0 from the mean signal before contrast, shape as `baseline`."""
    return baseline / spoiled_signal(1.0 / np.asarray(t10_s), 1.0, tr_s, flip_rad)


def r1_of_signal(
    signal: FloatArray, m0: FloatArray, tr_s: float, flip_rad: FloatArray | float
) -> FloatArray:
    """Return R1 in 1/s; NaN where no R1 gives that signal.

    Parameters
    ----------
    signal, m0 : ndarray
        Shapes that broadcast, such as (frames, voxels) and (voxels,).
    tr_s : float
    flip_rad : float or ndarray
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        share = signal / (m0 * np.sin(flip_rad))
        e1 = (1.0 - share) / (1.0 - share * np.cos(flip_rad))
        defined = (share < 1.0) & (e1 > 0.0) & np.isfinite(share)
        return np.where(defined, -np.log(np.where(defined, e1, 1.0)) / tr_s, np.nan)


def concentration(
    signal: FloatArray,
    baseline: FloatArray,
    t10_s: FloatArray | float,
    *,
    tr_s: float,
    flip_rad: FloatArray | float,
    relaxivity_per_s_mm: float,
) -> FloatArray:
    """Return the concentration of contrast agent, mmol/L.

    ``C = (R1 - R10) / r1``, M0 from the mean signal before contrast.

    Parameters
    ----------
    signal : ndarray, shape (frames, ...)
    baseline : ndarray, shape (...)
        Mean signal of the baseline frames.
    t10_s : ndarray of shape (...), or float
    tr_s : float
    flip_rad : float or ndarray of shape (...)
        The applied one: nominal times B1.
    relaxivity_per_s_mm : float
        r1 in 1/(s mmol/L), the same in blood and tissue.

    Returns
    -------
    ndarray, shape as `signal`
        NaN where the signal is above what any R1 gives.
    """
    m0 = baseline_m0(baseline, t10_s, tr_s, flip_rad)
    r1 = r1_of_signal(signal, m0, tr_s, flip_rad)
    return (r1 - 1.0 / np.asarray(t10_s)) / relaxivity_per_s_mm
