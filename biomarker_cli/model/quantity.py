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
    dicom_meaning : str
        Its code meaning.
    """

    name: str
    unit: str
    title: str
    dicom_code: str = ""
    dicom_meaning: str = ""


HU = Quantity("hu", "[hnsf'U]", "Hounsfield unit", "112031", "Attenuation Coefficient")
SUVBW = Quantity("suvbw", "g/ml{SUVbw}", "SUV, body weight", "126401", "SUVbw")
SUL_JAMES = Quantity(
    "sul_james", "g/ml{SUVlbm}", "SUV, lean body mass (James, 120)", "126402", "SUVlbm"
)
SUL_JAMES128 = Quantity(
    "sul_james128",
    "g/ml{SUVlbm(James128)}",
    "SUV, lean body mass (James, 128)",
    "126406",
    "SUVlbm(James128)",
)
SUL_JANMA = Quantity(
    "sul_janma",
    "g/ml{SUVlbm(Janma)}",
    "SUV, lean body mass (Janmahasatian)",
    "126405",
    "SUVlbm(Janma)",
)
SUVBSA = Quantity("suvbsa", "cm2/ml{SUVbsa}", "SUV, body surface area", "126403", "SUVbsa")
SUVIBW = Quantity("suvibw", "g/ml{SUVibw}", "SUV, ideal body weight", "126404", "SUVibw")
ADC = Quantity(
    "adc", "mm2/s", "apparent diffusion coefficient", "113041", "Apparent Diffusion Coefficient"
)
PERFUSION_FRACTION = Quantity("perfusion_fraction", "1", "perfusion fraction (IVIM)")
KURTOSIS = Quantity("kurtosis", "1", "diffusion kurtosis")
T1 = Quantity("t1", "ms", "longitudinal relaxation time", "113063", "T1")
KTRANS = Quantity("ktrans", "/min", "volume transfer constant", "126312", "Ktrans")
KEP = Quantity("kep", "/min", "rate constant of reflux", "126313", "kep")
VE = Quantity("ve", "1", "share of extravascular extracellular space", "126314", "ve")
VP = Quantity("vp", "1", "share of plasma", "126331", "vp")
SIGNAL = Quantity("signal", "1", "signal intensity, arbitrary scale")
ACTIVITY = Quantity("activity", "Bq/ml", "activity concentration")
STORED_PET = Quantity("pet_stored", "1", "PET value in the unit that (0054,1001) names")
UNITLESS = Quantity("unitless", "1", "number without unit")

_ALL = (
    HU,
    SUVBW,
    SUL_JAMES,
    SUL_JAMES128,
    SUL_JANMA,
    SUVBSA,
    SUVIBW,
    ADC,
    PERFUSION_FRACTION,
    KURTOSIS,
    T1,
    KTRANS,
    KEP,
    VE,
    VP,
    SIGNAL,
    ACTIVITY,
    STORED_PET,
    UNITLESS,
)

QUANTITIES = MappingProxyType({quantity.name: quantity for quantity in _ALL})
"""Every quantity by name."""

DECLARABLE = ("hu", "suvbw", "adc", "signal")
"""Names that ``--quantity`` takes for files without header facts."""
