"""Tracer kinetic models of a tissue: Tofts, extended Tofts, Patlak.

Times are in minutes, concentrations in mmol/L, rates in 1/min. The plasma curve is linear
between its points and convolved exactly; there is no start value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from biomarker_cli.kernels.compiled import convolve_exponential, fit_exchange
from biomarker_cli.model.arrays import FloatArray, IntArray

Model = Literal["tofts", "etofts", "patlak"]

_RATES_PER_MIN = np.geomspace(1e-4, 60.0, 80)
"""Grid of kep before it is refined; its ends are reached where there is no exchange to see."""


@dataclass(frozen=True, slots=True)
class FitBounds:
    """Highest values; the lowest are 0.

    Attributes
    ----------
    transfer_per_min : float
        Of Ktrans, and of PS.
    ve, vp : float
        Shares of the tissue volume.
    """

    transfer_per_min: float = 5.0
    ve: float = 1.0
    vp: float = 1.0


class PlasmaCurve(NamedTuple):
    """Concentration in plasma, linear between the times, and where the frames lie in it.

    Attributes
    ----------
    times_min, plasma_mm : ndarray, shape (m,)
    frames : ndarray of int64, shape (n,)
        Index of the time of each frame.
    """

    times_min: FloatArray
    plasma_mm: FloatArray
    frames: IntArray

    @property
    def at_frames_min(self) -> FloatArray:
        """Times of the frames."""
        return self.times_min[self.frames]


@dataclass(frozen=True, slots=True)
class ExchangeFit:
    """Parameters of every curve, shape (voxels,); NaN where a curve is not defined.

    Attributes
    ----------
    transfer_per_min : ndarray
        Ktrans, which is PS in a Patlak model.
    ve : ndarray
        NaN in a Patlak model, and where nothing is exchanged.
    vp : ndarray
        0 in a Tofts model.
    residual_sd_mm : ndarray
        sqrt(SSres / n), mmol/L.
    reached : mapping of str to ndarray of bool
        Which upper bound a curve reached: what was found there is no value.
    """

    transfer_per_min: FloatArray
    ve: FloatArray
    vp: FloatArray
    residual_sd_mm: FloatArray
    reached: dict[str, np.ndarray]


def convolved(curve: PlasmaCurve, rate_per_min: float) -> FloatArray:
    """Return the plasma curve convolved with ``exp(-rate t)`` at the frames, mmol min / L."""
    result = np.empty(len(curve.times_min))
    convolve_exponential(curve.times_min, curve.plasma_mm, rate_per_min, result)
    return result[curve.frames]


def tissue_curve(
    curve: PlasmaCurve, transfer_per_min: float, ve: float, vp: float = 0.0
) -> FloatArray:
    """Return the concentration of an extended Tofts model at the frames, mmol/L."""
    kep = transfer_per_min / ve
    return transfer_per_min * convolved(curve, kep) + vp * curve.plasma_mm[curve.frames]


def fit_model(
    curve: PlasmaCurve, tissue_mm: FloatArray, model: Model, bounds: FitBounds
) -> ExchangeFit:
    """Fit a model to curves of concentration.

    Parameters
    ----------
    curve : PlasmaCurve
    tissue_mm : ndarray, shape (voxels, frames)
        mmol/L; a curve with NaN is not fitted.
    model : str
    bounds : FitBounds

    References
    ----------
    Tofts et al. 1999, J Magn Reson Imaging 10:223; Patlak et al. 1983, J Cereb Blood Flow
    Metab 3:1.
    """
    rates = np.zeros(1) if model == "patlak" else _RATES_PER_MIN
    limits = np.array([bounds.transfer_per_min, bounds.ve, bounds.vp])
    found = np.empty((len(tissue_mm), 4))
    fit_exchange(
        np.ascontiguousarray(curve.times_min),
        np.ascontiguousarray(curve.plasma_mm),
        np.ascontiguousarray(curve.frames, dtype=np.int64),
        np.ascontiguousarray(tissue_mm, dtype=np.float64),
        rates,
        limits,
        model != "tofts",
        found,
    )
    transfer, kep, vp, squares = found.T
    with np.errstate(divide="ignore", invalid="ignore"):
        exchanged = (transfer > 0) & (kep > 0)
        ve = np.where(exchanged, transfer / np.where(exchanged, kep, 1.0), np.nan)
    reached = {
        "transfer": transfer >= bounds.transfer_per_min,
        "ve": ve >= bounds.ve * (1 - 1e-9),
        "kep": (kep >= rates[-1] * (1 - 1e-6)) & exchanged,
        "vp": vp >= bounds.vp,
    }
    if model == "patlak":
        reached["kep"] = np.zeros(len(vp), np.bool_)
    return ExchangeFit(transfer, ve, vp, np.sqrt(squares / tissue_mm.shape[1]), reached)
