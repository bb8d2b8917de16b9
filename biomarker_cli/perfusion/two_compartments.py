"""The two-compartment exchange model, for curves of regions.

``C = Fp conv(Cp, exp(-K+ t) + E- (exp(-K- t) - exp(-K+ t)))``: two rates are searched over
a grid that closes in, the two amplitudes are then linear. Slow for maps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.perfusion.exchange_models import PlasmaCurve, convolved

_SLOWEST_PER_MIN, _FASTEST_PER_MIN = 1e-3, 600.0
_COARSE, _FINE, _ZOOMS = 48, 9, 14
ML_PER_100ML = 100.0


@dataclass(frozen=True, slots=True)
class TwoCompartments:
    """Parameters of one curve.

    Attributes
    ----------
    flow_ml_100ml_min : float
        Fp, plasma flow.
    ps_per_min : float
        Permeability surface area product.
    ve, vp : float
    residual_sd_mm : float
    """

    flow_ml_100ml_min: float
    ps_per_min: float
    ve: float
    vp: float
    residual_sd_mm: float

    @property
    def is_defined(self) -> bool:
        """Whether the curve is one of this model."""
        return all(map(math.isfinite, (self.flow_ml_100ml_min, self.ps_per_min, self.ve, self.vp)))


def exchange_curve(
    curve: PlasmaCurve, flow_ml_100ml_min: float, ps_per_min: float, ve: float, vp: float
) -> FloatArray:
    """Return the concentration at the frames, mmol/L.

    References
    ----------
    Sourbron and Buckley 2012, Phys Med Biol 57:R1.
    """
    flow = flow_ml_100ml_min / ML_PER_100ML
    total = (flow + ps_per_min) / vp + ps_per_min / ve
    root = math.sqrt(total**2 - 4.0 * flow * ps_per_min / (vp * ve))
    fast, slow = (total + root) / 2.0, (total - root) / 2.0
    share = (fast - flow / vp) / (fast - slow)
    return flow * ((1.0 - share) * convolved(curve, fast) + share * convolved(curve, slow))


def fit_two_compartments(curve: PlasmaCurve, tissue_mm: FloatArray) -> TwoCompartments:
    """Fit one curve of concentration.

    Parameters
    ----------
    curve : PlasmaCurve
    tissue_mm : ndarray, shape (frames,)

    Returns
    -------
    TwoCompartments
        NaN where the best pair of exponentials is none of this model.
    """
    rates = np.geomspace(_SLOWEST_PER_MIN, _FASTEST_PER_MIN, _COARSE)
    step = math.log(rates[1] / rates[0])
    fast, slow = rates, rates
    best: tuple[float, ...] = ()
    for _ in range(_ZOOMS):
        best = _best_pair(curve, tissue_mm, fast, slow)
        fast, slow = (
            centre * np.exp(np.linspace(-step, step, _FINE)) for centre in (best[0], best[1])
        )
        step *= 2.5 / (_FINE - 1)
    return _parameters(best, len(tissue_mm))


def _best_pair(
    curve: PlasmaCurve, tissue: FloatArray, fast: FloatArray, slow: FloatArray
) -> tuple[float, ...]:
    """Return rates and amplitudes, not negative, of the best pair, and its misfit."""
    quick = np.array([convolved(curve, rate) for rate in fast])
    late = quick if slow is fast else np.array([convolved(curve, rate) for rate in slow])
    ff, ss = np.sum(quick**2, axis=1)[:, None], np.sum(late**2, axis=1)[None, :]
    fs = quick @ late.T
    fc, sc = (quick @ tissue)[:, None], (late @ tissue)[None, :]
    determinant = ff * ss - fs**2
    allowed = (fast[:, None] > slow[None, :]) & (determinant > 1e-13 * ff * ss)
    with np.errstate(divide="ignore", invalid="ignore"):
        a = np.where(allowed, (fc * ss - sc * fs) / determinant, -1.0)
        b = np.where(allowed, (sc * ff - fc * fs) / determinant, -1.0)
    inside = (a >= 0) & (b >= 0)
    a = np.where(inside, a, 0.0)
    b = np.where(inside, b, np.maximum(sc / ss, 0.0) + 0.0 * ff)
    left = tissue @ tissue - 2 * (a * fc + b * sc) + a**2 * ff + 2 * a * b * fs + b**2 * ss
    left = np.where(fast[:, None] > slow[None, :], left, np.inf)
    i, j = np.unravel_index(int(np.argmin(left)), left.shape)
    return float(fast[i]), float(slow[j]), float(a[i, j]), float(b[i, j]), float(left[i, j])


def _parameters(best: tuple[float, ...], n_frames: int) -> TwoCompartments:
    fast, slow, a, b, left = best
    residual = math.sqrt(max(left, 0.0) / n_frames)
    flow = a + b
    if not (a > 0 and b > 0 and fast > slow):
        return TwoCompartments(math.nan, math.nan, math.nan, math.nan, residual)
    # With a = Fp / vp: K+ + K- = a + PS / vp + PS / ve, K+ K- = a PS / ve.
    washout = fast - b / flow * (fast - slow)
    back = fast * slow / washout
    vp = flow / washout
    ps = vp * (fast + slow - washout - back)
    ve = ps / back
    if not (ps > 0 and ve > 0):
        return TwoCompartments(math.nan, math.nan, math.nan, math.nan, residual)
    return TwoCompartments(flow * ML_PER_100ML, ps, ve, vp, residual)
