"""The search of D*: a logarithmic grid, then golden sections, for all voxels at once."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from biomarker_cli.model.arrays import BoolArray, FloatArray

_GRID_STEPS = 48
_REFINEMENTS = 32
_GOLDEN = (np.sqrt(5.0) - 1.0) / 2.0
_NEAR_LIMIT = 1e-3
"""A D* this close to a limit of its search range (relative) was not found."""


class DecayGain(Protocol):
    """How well a D* explains the signal of each voxel: the largest is searched."""

    def on_grid(self, decay: float) -> FloatArray:
        """Return the gain of one D* (mm2/s) for all voxels, shape (voxels,)."""

    def at(self, decay: FloatArray) -> FloatArray:
        """Return the gain of one D* (mm2/s) per voxel, shape (voxels,)."""


def search_decay(
    gain: DecayGain, lowest: FloatArray, highest: float
) -> tuple[FloatArray, BoolArray]:
    """Return the D* of the largest gain, a limit included, and where it is inside.

    Parameters
    ----------
    gain : DecayGain
    lowest : ndarray, shape (voxels,)
        Lower limit of the search of each voxel in mm2/s.
    highest : float
        Upper limit in mm2/s.

    Returns
    -------
    decay : ndarray, shape (voxels,)
        mm2/s.
    inside : ndarray of bool, shape (voxels,)
        Where it does not lie at a limit.

    References
    ----------
    Kiefer 1953, Proc Am Math Soc 4:502.
    """
    if lowest.size == 0:
        return np.zeros(0), np.zeros(0, dtype=np.bool_)
    low, high = _bracket(gain, np.log(lowest), float(np.log(highest)))
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = gain.at(np.exp(left)), gain.at(np.exp(right))
    for _ in range(_REFINEMENTS):
        goes_left = at_left > at_right
        high, low = np.where(goes_left, right, high), np.where(goes_left, low, left)
        step = _GOLDEN * (high - low)
        new = np.where(goes_left, high - step, low + step)
        at_new = gain.at(np.exp(new))
        left, right = np.where(goes_left, new, right), np.where(goes_left, left, new)
        at_left, at_right = (
            np.where(goes_left, at_new, at_right),
            np.where(goes_left, at_left, at_new),
        )
    decay = np.exp((low + high) / 2.0)
    inside = (decay > lowest * (1 + _NEAR_LIMIT)) & (decay < highest * (1 - _NEAR_LIMIT))
    return decay, inside


def _bracket(
    gain: DecayGain, low_limit: FloatArray, high_limit: float
) -> tuple[FloatArray, FloatArray]:
    """Return the neighbours of the best step of a grid in ln D*."""
    grid = np.linspace(float(low_limit.min()), high_limit, _GRID_STEPS)
    best_gain = np.full(low_limit.shape, -np.inf)
    best = np.full(low_limit.shape, _GRID_STEPS - 1)
    for place, step in enumerate(grid):
        found = np.where(step >= low_limit, gain.on_grid(float(np.exp(step))), -np.inf)
        better = found > best_gain
        best_gain, best = np.where(better, found, best_gain), np.where(better, place, best)
    low = np.maximum(grid[np.maximum(best - 1, 0)], low_limit)
    return low, grid[np.minimum(best + 1, _GRID_STEPS - 1)]
