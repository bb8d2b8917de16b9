"""The plasma curve that a model is fitted with, from a population or measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.perfusion.exchange_models import PlasmaCurve
from biomarker_cli.perfusion.population_inputs import PopulationInput

_STEP_MIN = 1.0 / 60.0
"""A population curve is sampled so finely, whatever the frame interval."""

_SAME_TIME_MIN = 1e-9


@dataclass(frozen=True)
class InputCurve:
    """Concentration in plasma, linear between its points, zero before the first.

    Attributes
    ----------
    name : str
    minutes, plasma_mm : ndarray, shape (m,)
        Times on the clock of the frames.
    """

    name: str
    minutes: FloatArray
    plasma_mm: FloatArray

    def at(self, minutes: FloatArray) -> FloatArray:
        """Return the concentration at any times; the last value goes on."""
        return np.interp(minutes, self.minutes, self.plasma_mm, left=0.0)

    def on_frames(self, frames_min: FloatArray, delay_min: float = 0.0) -> PlasmaCurve:
        """Return the curve as it reaches the tissue `delay_min` later, with the frames in it."""
        shifted = self.minutes + delay_min
        inside = shifted[(shifted > frames_min[0]) & (shifted < frames_min[-1])]
        times = np.union1d(frames_min, inside)
        # Two points at one time would be an interval of no length.
        near = np.diff(times, prepend=-np.inf) < _SAME_TIME_MIN
        times = np.union1d(frames_min, times[~near])
        places = np.searchsorted(times, frames_min)
        return PlasmaCurve(times, self.at(times - delay_min), places.astype(np.int64))


def to_plasma(blood_mm: FloatArray, haematocrit: float) -> FloatArray:
    """Return the concentration in plasma: the agent does not enter red cells."""
    return blood_mm / (1.0 - haematocrit)


def population_curve(
    one: PopulationInput,
    *,
    onset_min: float,
    end_min: float,
    haematocrit: float,
    dose_mmol_kg: float = 0.1,
) -> InputCurve:
    """Return a population's curve in plasma on the clock of the frames.

    Parameters
    ----------
    one : PopulationInput
    onset_min, end_min : float
        Where it starts, and how far it is needed.
    haematocrit : float
        Only moves an input function of blood.
    dose_mmol_kg : float
        Only moves one that needs it.
    """
    n = max(int(np.ceil((end_min - onset_min) / _STEP_MIN)), 1) + 1
    after: FloatArray = np.arange(n, dtype=np.float64) * _STEP_MIN
    found = one.concentration(after, dose_mmol_kg)
    if one.medium == "blood":
        found = to_plasma(found, haematocrit)
    return InputCurve(one.name, onset_min + after, found)
