"""Which values of a quantity are black and white: fixed, so that cases compare by eye.

============ ================== ==============================
quantity     window             grey
============ ================== ==============================
HU           -160 .. 240        soft tissue
HU           -1350 .. 150       lung, where the mean of the ROI is below `LUNG_BELOW_HU`
SUV, SUL     0 .. 10            inverse: high uptake is black
ADC          0 .. 3e-3 mm2/s
others       of the image       between percentiles of what is shown
============ ================== ==============================
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biomarker_cli.drawing.greys import GreyScale, scale_of
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.model.quantity import Quantity

LUNG_BELOW_HU = -300.0
"""Mean of a ROI that consists of lung, or of a lesion that is mostly air."""

_SOFT_TISSUE = (-160.0, 240.0)
_LUNG = (-1350.0, 150.0)
_SUV = (0.0, 10.0)
_ADC = (0.0, 3e-3)


@dataclass(frozen=True)
class Window:
    """A range of values that is drawn as greys.

    Attributes
    ----------
    name : str
        What it is for.
    low, high : float
        In `unit`.
    unit : str
        For people.
    is_inverse : bool
        Whether the high end is black.
    """

    name: str
    low: float
    high: float
    unit: str
    is_inverse: bool = False

    @property
    def scale(self) -> GreyScale:
        """Values that are black and white."""
        ends = (self.high, self.low) if self.is_inverse else (self.low, self.high)
        return GreyScale(*ends)

    def share_outside(self, values: FloatArray) -> float:
        """Return the share of values, from 0 to 1, that lie beyond an end: they look alike.

        Parameters
        ----------
        values : ndarray of any shape
            NaN is no value.
        """
        finite = values[np.isfinite(values)]
        if not finite.size:
            return 0.0
        return float(np.mean((finite < self.low) | (finite > self.high)))


def fixed_window(quantity: Quantity, of_region: FloatArray, of_plane: FloatArray) -> Window:
    """Return the window of a quantity.

    Parameters
    ----------
    quantity : Quantity
    of_region : ndarray
        Values inside the ROI; they choose between lung and soft tissue.
    of_plane : ndarray
        What a picture shows; its percentiles are the window of a quantity without one.
    """
    name = quantity.name
    if name == "hu":
        finite = of_region[np.isfinite(of_region)]
        if finite.size and float(finite.mean()) < LUNG_BELOW_HU:
            return Window("lung", *_LUNG, "HU")
        return Window("soft tissue", *_SOFT_TISSUE, "HU")
    if name.startswith("su"):
        return Window(name.upper(), *_SUV, "g/ml", is_inverse=True)
    if name == "adc":
        return Window("ADC", *_ADC, "mm2/s")
    return _of_values("of the image", of_plane, quantity)


def region_window(fixed: Window, of_region: FloatArray) -> Window:
    """Return the window between percentiles of the ROI, in the greys of the fixed one."""
    scale = scale_of(of_region)
    return Window("of the ROI", scale.black, scale.white, fixed.unit, fixed.is_inverse)


def _of_values(name: str, values: FloatArray, quantity: Quantity) -> Window:
    scale = scale_of(values)
    unit = "" if quantity.unit == "1" else quantity.unit
    return Window(name, scale.black, scale.white, unit)
