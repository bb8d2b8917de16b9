"""Numbers of PET headers that can only be in another unit than the standard's.

Said once: the SUV and the acquisition facts read one header alike. What is
inferred is flagged ``unit_inferred`` by whoever uses it.

References
----------
DICOM PS3.3 C.7.2.2 (PatientWeight in kg, PatientSize in m), C.8.9.2
(RadionuclideTotalDose in Bq).
"""

from __future__ import annotations

BECQUEREL_FROM = 1e4
"""A dose from here on is in Bq, below it in MBq: no one is given 10 GBq or 10 kBq."""

GRAMS_FROM_KG = 1000.0
CENTIMETRES_ABOVE_M = 3.0
"""With these numbers no human is meant in kg or m."""


def is_dose_in_mbq(dose: float) -> bool:
    """Tell whether a RadionuclideTotalDose can only be in MBq.

    Parameters
    ----------
    dose : float
        As a classic PET object writes it; enhanced PET has MBq by definition.
    """
    return dose < BECQUEREL_FROM


def weight_kg(written: float) -> float:
    """Return a PatientWeight in kg: unchanged, or read as grams."""
    return written / 1000.0 if written >= GRAMS_FROM_KG else written


def height_m(written: float) -> float:
    """Return a PatientSize in m: unchanged, or read as centimetres."""
    return written / 100.0 if written > CENTIMETRES_ABOVE_M else written
