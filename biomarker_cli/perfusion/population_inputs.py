"""Arterial input functions of populations; blood or plasma is part of the name.

Times are in minutes after the onset; before it there is no contrast agent.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

import numpy as np

from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.perfusion.georgiou_table import BLOOD_MM, STEP_MIN

Medium = Literal["blood", "plasma"]


@dataclass(frozen=True, slots=True)
class PopulationInput:
    """A published input function.

    Attributes
    ----------
    name : str
        Word of the protocols; names the medium.
    medium : str
    concentration : callable
        From minutes after the onset, and the dose in mmol/kg, to mmol/L.
    needs_dose : bool
        Whether the dose moves it.
    has_first_pass : bool
    reference : str
    """

    name: str
    medium: Medium
    concentration: Callable[[FloatArray, float], FloatArray]
    needs_dose: bool
    has_first_pass: bool
    reference: str


def parker_blood(minutes: FloatArray) -> FloatArray:
    """Return the concentration in blood of Parker et al., mmol/L.

    The formula is not zero at its start (0.080 mmol/L); before the onset it is.
    """
    areas_mm_min, centres_min, widths_min = (0.809, 0.330), (0.17046, 0.365), (0.0563, 0.132)
    alpha_mm, beta_per_min, slope_per_min, tau_min = 1.050, 0.1685, 38.078, 0.483
    t = np.maximum(minutes, 0.0)
    found = alpha_mm * np.exp(-beta_per_min * t) / (1.0 + np.exp(-slope_per_min * (t - tau_min)))
    for area, centre, width in zip(areas_mm_min, centres_min, widths_min, strict=True):
        peak = area / (width * math.sqrt(2.0 * math.pi))
        found = found + peak * np.exp(-((t - centre) ** 2) / (2.0 * width**2))
    return np.where(minutes >= 0, found, 0.0)


def georgiou_blood(minutes: FloatArray) -> FloatArray:
    """Return the concentration in blood of Georgiou et al., mmol/L.

    The published table up to 5 min; beyond, the published formula scaled to meet its end.
    """
    end = STEP_MIN * (len(BLOOD_MM) - 1)
    table = np.interp(minutes, np.arange(len(BLOOD_MM)) * STEP_MIN, BLOOD_MM)
    factor = BLOOD_MM[-1] / float(_georgiou_formula(np.array([end]))[0])
    late = factor * _georgiou_formula(np.maximum(minutes, end))
    return np.where(minutes < 0, 0.0, np.where(minutes <= end, table, late))


def _georgiou_formula(minutes: FloatArray) -> FloatArray:
    """Return the formula: an elimination times the passes of the bolus, gamma variates."""
    alpha, beta_min, tau_min = 5.26, 0.032, 0.129
    passes = np.zeros_like(minutes)
    for j in range(int(np.max(minutes) / tau_min) + 1):
        order = (j + 1) * alpha + j
        after = np.maximum(minutes - j * tau_min, 1e-12)
        logarithm = order * np.log(after / beta_min) - after / beta_min
        logarithm -= math.lgamma(order + 1.0) + math.log(beta_min)
        passes += np.where(minutes > j * tau_min, np.exp(logarithm), 0.0)
    pairs = ((0.37, 0.11), (0.33, 1.17), (10.06, 16.02))
    elimination = sum(amplitude * np.exp(-rate * minutes) for amplitude, rate in pairs)
    return np.asarray(elimination * passes)


def weinmann_plasma(minutes: FloatArray, dose_mmol_kg: float) -> FloatArray:
    """Return the concentration in plasma of Weinmann et al., mmol/L; it has no first pass."""
    t = np.maximum(minutes, 0.0)
    decay = 3.99 * np.exp(-0.144 * t) + 4.78 * np.exp(-0.0111 * t)
    return np.where(minutes >= 0, dose_mmol_kg * decay, 0.0)


POPULATION_INPUTS: MappingProxyType[str, PopulationInput] = MappingProxyType(
    {
        one.name: one
        for one in (
            PopulationInput(
                "parker_blood",
                "blood",
                lambda minutes, _dose: parker_blood(minutes),
                needs_dose=False,
                has_first_pass=True,
                reference="Parker et al. 2006, Magn Reson Med 56:993",
            ),
            PopulationInput(
                "georgiou_blood",
                "blood",
                lambda minutes, _dose: georgiou_blood(minutes),
                needs_dose=False,
                has_first_pass=True,
                reference="Georgiou et al. 2019, Magn Reson Med 81:2474",
            ),
            PopulationInput(
                "weinmann_plasma",
                "plasma",
                weinmann_plasma,
                needs_dose=True,
                has_first_pass=False,
                reference="Weinmann et al. 1984, Physiol Chem Phys Med NMR 16:167",
            ),
        )
    }
)
"""Name -> input function."""
