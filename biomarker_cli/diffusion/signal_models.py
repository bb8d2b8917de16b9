"""What the models of the signal predict under a region: the noise of a fit is judged by it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from biomarker_cli.model.arrays import BoolArray, FloatArray


class SignalModel(Protocol):
    """Parameters of every voxel, from which the signal follows.

    Attributes
    ----------
    n_parameters : int
        How many of them were fitted to each voxel.
    """

    @property
    def n_parameters(self) -> int:
        """How many parameters were fitted to each voxel."""

    def predicted(self, b: FloatArray, mask: BoolArray) -> FloatArray:
        """Return the signal under a mask, shape (n, voxels); NaN where there is no fit."""


@dataclass(frozen=True)
class MonoExponential:
    """``S0 exp(-b D)``; maps of D in mm2/s and of ln S0."""

    adc: FloatArray
    log_s0: FloatArray
    n_parameters: ClassVar[int] = 2

    def predicted(self, b: FloatArray, mask: BoolArray) -> FloatArray:
        """Return the signal under a mask, shape (n, voxels)."""
        return _exp(self.log_s0[mask] - b[:, None] * self.adc[mask])


@dataclass(frozen=True)
class BiExponential:
    """``S0 (f exp(-b D*) + (1 - f) exp(-b D))``; maps of the four."""

    s0: FloatArray
    fraction: FloatArray
    diffusion: FloatArray
    decay: FloatArray
    n_parameters: ClassVar[int] = 4

    def predicted(self, b: FloatArray, mask: BoolArray) -> FloatArray:
        """Return the signal under a mask, shape (n, voxels)."""
        f, decays = self.fraction[mask], b[:, None]
        fast, slow = _exp(-decays * self.decay[mask]), _exp(-decays * self.diffusion[mask])
        return np.asarray(self.s0[mask] * (f * fast + (1.0 - f) * slow))


@dataclass(frozen=True)
class Parabola:
    """``ln S0 - b D + b^2 D^2 K / 6``; maps of ln S0, D and the coefficient of b^2."""

    log_s0: FloatArray
    diffusion: FloatArray
    curvature: FloatArray
    n_parameters: ClassVar[int] = 3

    def predicted(self, b: FloatArray, mask: BoolArray) -> FloatArray:
        """Return the signal under a mask, shape (n, voxels)."""
        x = b[:, None]
        line = self.log_s0[mask] - x * self.diffusion[mask]
        return _exp(line + x**2 * self.curvature[mask])


def _exp(exponent: FloatArray) -> FloatArray:
    # Noise may make a decay negative: an overflow is no prediction.
    with np.errstate(over="ignore"):
        found: FloatArray = np.exp(exponent)
    return found
