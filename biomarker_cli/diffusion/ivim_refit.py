"""Perfusion fraction and D* with D held: two linear amplitudes at each D*.

``S(b) = P exp(-b D*) + T exp(-b D)`` with D from high b. For one D* the
amplitudes P and T are a linear least-squares fit, so that D* alone is searched
and ``f = P / (P + T)`` needs no image at b = 0.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biomarker_cli.diffusion.decay_search import search_decay
from biomarker_cli.model.arrays import BoolArray, FloatArray

FASTER_THAN_TISSUE = 1.5
"""D* is searched from this multiple of D: two equal decays have no amplitudes."""

LEAST_FRACTION = 0.001
"""A perfusion fraction up to this has no D*: there is nothing that decays."""


@dataclass(frozen=True)
class Amplitudes:
    """What the search found, shape (voxels,); NaN where there is no fit.

    Attributes
    ----------
    perfusion, tissue : ndarray
        Signal at b = 0 of either compartment, unclamped.
    decay : ndarray
        D* of least squares in mm2/s, a limit of the search included.
    inside : ndarray of bool
        Where it lies inside the search range.
    """

    perfusion: FloatArray
    tissue: FloatArray
    decay: FloatArray
    inside: BoolArray

    @property
    def fraction(self) -> FloatArray:
        """The perfusion fraction f."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(self.perfusion / (self.perfusion + self.tissue))

    @property
    def pseudo_diffusion(self) -> FloatArray:
        """D* in mm2/s; NaN where the search ended at a limit or f is nothing."""
        with np.errstate(invalid="ignore"):
            found = self.inside & (self.fraction > LEAST_FRACTION)
        return np.where(found, self.decay, np.nan)


def refit_amplitudes(
    signal: FloatArray, b: FloatArray, d: FloatArray, limits: tuple[float, float]
) -> Amplitudes:
    """Search the D* whose two amplitudes leave the least squares.

    Parameters
    ----------
    signal : ndarray, shape (n, voxels)
    b : ndarray, shape (n,)
        s/mm2, as applied.
    d : ndarray, shape (voxels,)
        D of the tissue in mm2/s.
    limits : tuple of float
        Search range of D* in mm2/s; it starts no lower than 1.5 D.

    References
    ----------
    Golub and Pereyra 1973, SIAM J Numer Anal 10:413 (variable projection).
    """
    n_voxels = d.size
    found = np.full((3, n_voxels), np.nan)
    inside = np.zeros(n_voxels, dtype=np.bool_)
    with np.errstate(over="ignore"):
        tissue = np.exp(-b[:, None] * d)
    lowest = np.maximum(limits[0], FASTER_THAN_TISSUE * d)
    usable = np.isfinite(tissue).all(axis=0) & np.isfinite(signal).all(axis=0)
    usable &= lowest < limits[1]
    signal, tissue, lowest = signal[:, usable], tissue[:, usable], lowest[usable]
    decay, found_inside = search_decay(_Projection(signal, tissue, b), lowest, limits[1])
    found[:2, usable] = _solve(np.exp(-b[:, None] * decay), tissue, signal)
    found[2, usable], inside[usable] = decay, found_inside
    return Amplitudes(found[0], found[1], found[2], inside)


class _Projection:
    """How much of the signal two decays explain: what least squares maximises."""

    def __init__(self, signal: FloatArray, tissue: FloatArray, b: FloatArray) -> None:
        self.signal, self.tissue, self.b = signal, tissue, b
        self._tt = np.einsum("iv,iv->v", tissue, tissue)
        self._ts = np.einsum("iv,iv->v", tissue, signal)

    def on_grid(self, decay: float) -> FloatArray:
        """Return the explained squares at one D* for all voxels."""
        perfusion = np.exp(-self.b * decay)
        pp = np.full(self._tt.shape, float(perfusion @ perfusion))
        return self._explained(pp, perfusion @ self.tissue, perfusion @ self.signal)

    def at(self, decay: FloatArray) -> FloatArray:
        """Return the explained squares at one D* per voxel."""
        perfusion = np.exp(-self.b[:, None] * decay)
        return self._explained(
            np.einsum("iv,iv->v", perfusion, perfusion),
            np.einsum("iv,iv->v", perfusion, self.tissue),
            np.einsum("iv,iv->v", perfusion, self.signal),
        )

    def _explained(self, pp: FloatArray, pt: FloatArray, ps: FloatArray) -> FloatArray:
        # What D* adds to the tissue alone: the part of the signal along the
        # part of the perfusion decay that the tissue decay does not explain.
        across = ps - pt * self._ts / self._tt
        with np.errstate(divide="ignore", invalid="ignore"):
            gained = across * across / (pp - pt * pt / self._tt)
        return np.where(np.isfinite(gained), gained, -np.inf)


def _solve(perfusion: FloatArray, tissue: FloatArray, signal: FloatArray) -> FloatArray:
    """Return the amplitudes of both decays, shape (2, voxels)."""
    pp = np.einsum("iv,iv->v", perfusion, perfusion)
    tt = np.einsum("iv,iv->v", tissue, tissue)
    pt = np.einsum("iv,iv->v", perfusion, tissue)
    ps = np.einsum("iv,iv->v", perfusion, signal)
    ts = np.einsum("iv,iv->v", tissue, signal)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.stack([tt * ps - pt * ts, pp * ts - pt * ps]) / (pp * tt - pt * pt)
    return np.where(np.isfinite(found), found, np.nan)
