"""Blood volume, flow and transit time from the first pass of a susceptibility contrast agent.

The change of R2* stands for the concentration, with one factor in blood and tissue by
convention: the factor cancels in every quotient of tissue and input function.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from biomarker_cli.model.arrays import FloatArray

_ML_PER_100_ML = 100.0
_S_PER_MIN = 60.0


def r2star_change(signal: FloatArray, baseline: FloatArray, te_s: float) -> FloatArray:
    """Return ``-ln(S / S0) / TE`` in 1/s; NaN where a signal is not positive.

    Parameters
    ----------
    signal : ndarray, shape (frames, voxels)
    baseline : ndarray, shape (voxels,)
        Mean signal before the contrast agent.
    te_s : float

    References
    ----------
    Rosen et al. 1990, Magn Reson Med 14:249.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        share = signal / baseline
        defined = (share > 0) & (baseline > 0) & np.isfinite(share)
        return np.where(defined, -np.log(np.where(defined, share, 1.0)) / te_s, np.nan)


def running_area(curve: FloatArray, seconds: FloatArray) -> FloatArray:
    """Return the area under a curve from the first frame to each, linear between the frames.

    Parameters
    ----------
    curve : ndarray, shape (frames,) or (frames, voxels)
    seconds : ndarray, shape (frames,)
    """
    widths = np.diff(seconds).reshape(-1, *[1] * (curve.ndim - 1))
    steps = (curve[:-1] + curve[1:]) / 2.0 * widths
    return np.concatenate([np.zeros_like(curve[:1]), np.cumsum(steps, axis=0)])


class Leakage(NamedTuple):
    """Curves without the contrast agent that left the vessels.

    Attributes
    ----------
    corrected : ndarray, shape (frames, voxels)
    k1 : ndarray, shape (voxels,)
        Share of the reference curve.
    k2_per_s : ndarray, shape (voxels,)
        Of its running area: positive where T1 effects of the leaked agent prevail.
    """

    corrected: FloatArray
    k1: FloatArray
    k2_per_s: FloatArray


def without_leakage(curves: FloatArray, reference: FloatArray, seconds: FloatArray) -> Leakage:
    """Take from curves what follows the running area of a reference curve.

    ``dR2*(t) = K1 ref(t) - K2 int ref``, fitted by least squares; ``K2 int ref`` is given back.

    Parameters
    ----------
    curves : ndarray, shape (frames, voxels)
    reference : ndarray, shape (frames,)
        Of tissue whose vessels do not leak.
    seconds : ndarray, shape (frames,)

    References
    ----------
    Boxerman, Schmainda, Weisskoff 2006, AJNR Am J Neuroradiol 27:859.
    """
    area = running_area(reference, seconds)
    terms = np.stack([reference, -area], axis=1)
    defined = np.isfinite(curves).all(axis=0)
    found = np.full((2, curves.shape[1]), np.nan)
    found[:, defined] = np.linalg.lstsq(terms, curves[:, defined], rcond=None)[0]
    return Leakage(curves + found[1] * area[:, None], found[0], found[1])


def blood_volume(
    curves: FloatArray, blood: FloatArray, seconds: FloatArray, vessel_factor: float
) -> FloatArray:
    """Return the blood volume in mL/(100 mL) from the areas of tissue and input function.

    Parameters
    ----------
    curves : ndarray, shape (frames, voxels)
    blood : ndarray, shape (frames,)
    seconds : ndarray, shape (frames,)
    vessel_factor : float
        ``(1 - Hct of large vessels) / (1 - Hct of capillaries)``.

    References
    ----------
    Rempp et al. 1994, Radiology 193:637.
    """
    of_blood = float(running_area(blood, seconds)[-1])
    scale = _ML_PER_100_ML * vessel_factor / of_blood if of_blood > 0 else math.nan
    return np.asarray(scale * running_area(curves, seconds)[-1])


class Flow(NamedTuple):
    """Of every voxel, shape (voxels,).

    Attributes
    ----------
    flow_ml_100ml_min : ndarray
    tmax_s : ndarray
        When the residue function is highest; negative where the tissue is reached first.
    """

    flow_ml_100ml_min: FloatArray
    tmax_s: FloatArray


def blood_flow(
    curves: FloatArray,
    blood: FloatArray,
    interval_s: float,
    *,
    least_singular: float,
    vessel_factor: float,
) -> Flow:
    """Deconvolve tissue with the input function by a block-circulant matrix.

    The frames are followed by as many of zero, so that a tissue that the bolus reaches before
    the input function is deconvolved as well.

    Parameters
    ----------
    curves : ndarray, shape (frames, voxels)
    blood : ndarray, shape (frames,)
    interval_s : float
        Of all frames.
    least_singular : float
        Singular values below this share of the largest are left out.
    vessel_factor : float
        As in `blood_volume`.

    References
    ----------
    Wu et al. 2003, Magn Reson Med 50:164.
    """
    n = len(blood)
    first = np.concatenate([blood, np.zeros(n)])
    # A circulant matrix is diagonal in the Fourier basis: its singular values are those of
    # the transform of its first column.
    spectrum = np.fft.rfft(first) * interval_s
    size = np.abs(spectrum)
    kept = size > least_singular * size.max()
    inverse = np.where(kept, 1.0 / np.where(kept, spectrum, 1.0), 0.0)
    tissue = np.fft.rfft(curves, 2 * n, axis=0)
    residue = np.fft.irfft(inverse[:, None] * tissue, 2 * n, axis=0)
    defined = np.isfinite(curves).all(axis=0)
    peak = np.where(defined, residue, 0.0).argmax(axis=0)
    shift = np.where(peak < n, peak, peak - 2 * n)
    highest = residue[peak, np.arange(residue.shape[1])]
    flow = _ML_PER_100_ML * _S_PER_MIN * vessel_factor * highest
    usable = defined & (highest > 0)
    return Flow(np.where(usable, flow, np.nan), np.where(usable, shift * interval_s, np.nan))
