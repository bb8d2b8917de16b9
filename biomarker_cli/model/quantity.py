"""Quantities: what the voxels of a volume mean, with a UCUM unit."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Quantity:
    """A named quantity and its unit.

    Attributes
    ----------
    name : str
        Word used on the command line and in tables (``hu``, ``suvbw`` ...).
    unit : str
        UCUM code.
    title : str
        For people.
    dicom_code : str
        Code value in the DCM scheme (DICOM PS3.16), empty where none exists.
    """

    name: str
    unit: str
    title: str
    dicom_code: str = ""


HU = Quantity("hu", "[hnsf'U]", "Hounsfield unit", "112031")
SUVBW = Quantity("suvbw", "g/ml{SUVbw}", "SUV, body weight", "126401")
ADC = Quantity("adc", "mm2/s", "apparent diffusion coefficient", "113041")
SIGNAL = Quantity("signal", "1", "signal intensity, arbitrary scale")
ACTIVITY = Quantity("activity", "Bq/ml", "activity concentration")
STORED_PET = Quantity("pet_stored", "1", "PET value in the unit that (0054,1001) names")
UNITLESS = Quantity("unitless", "1", "number without unit")

QUANTITIES = MappingProxyType(
    {q.name: q for q in (HU, SUVBW, ADC, SIGNAL, ACTIVITY, STORED_PET, UNITLESS)}
)
"""Every quantity by name."""

DECLARABLE = ("hu", "suvbw", "adc", "signal")
"""Names that ``--quantity`` takes for files without header facts."""
