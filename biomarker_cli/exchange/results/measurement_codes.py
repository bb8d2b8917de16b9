"""The codes under which numbers leave: DICOM's own, IBSI's, and ours where there is none.

References
----------
DICOM PS3.16 TID 1419, CID 85 (SUV units), CID 7464 (modifiers), CID 7180 to 7184 (IBSI).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from biomarker_cli.model.quantity import QUANTITIES, Quantity

OWN_SCHEME = "99BIOMARKER"
"""Coding scheme of features that no standard has a code for: the code is the feature id."""

MEANING_AT_MOST = 64

PEAK = "126031"
"""Peak Value Within ROI."""

_MEANINGS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        PEAK: ("DCM", "Peak Value Within ROI"),
        "126032": ("DCM", "Metabolic Volume"),
        "126033": ("DCM", "Total Lesion Glycolysis"),
        "103339001": ("SCT", "Long axis"),
        "103340004": ("SCT", "Short axis"),
        "118565006": ("SCT", "Volume"),
    }
)

_STATISTICS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "mean": ("373098007", "Mean"),
        "median": ("373099004", "Median"),
        "min": ("255605001", "Minimum"),
        "minimum": ("255605001", "Minimum"),
        "max": ("56851009", "Maximum"),
        "maximum": ("56851009", "Maximum"),
        "sd": ("386136009", "Standard Deviation"),
    }
)
"""Codes of CID 7464 (SCT) by the names of our features."""

_OF_QUANTITY = frozenset({"uptake", "intensity"})
"""Families whose features are statistics of the quantity itself."""


class CodedName(NamedTuple):
    """A coded concept: value, scheme, meaning."""

    value: str
    scheme: str
    meaning: str


class MeasuredConcept(NamedTuple):
    """What a number is called in a structured report.

    Attributes
    ----------
    name : CodedName
    derivation : CodedName or None
        Which statistic of `name` it is.
    """

    name: CodedName
    derivation: CodedName | None = None


def measured_concept(feature: Mapping[str, str]) -> MeasuredConcept:
    """Return the codes of a row of ``features.csv``.

    A statistic of a quantity that DICOM has a code for is that quantity with a
    derivation; other features have their IBSI code, that of DICOM, or ours.
    """
    image, _, rest = feature["feature_id"].partition(".")
    family, _, name = rest.partition(".")
    quantity = quantity_of(image)
    if quantity is not None and quantity.unit == feature["unit_ucum"] and family in _OF_QUANTITY:
        derivation = _derivation(name, feature)
        if derivation is not None:
            coded = CodedName(quantity.dicom_code, "DCM", quantity.dicom_meaning)
            return MeasuredConcept(coded, derivation)
    code = feature["dicom_code"]
    if code in _MEANINGS:
        return MeasuredConcept(CodedName(code, *_MEANINGS[code]))
    title = feature["name"][:MEANING_AT_MOST]
    if feature["ibsi_id"]:
        return MeasuredConcept(CodedName(feature["ibsi_id"], "IBSI", title))
    return MeasuredConcept(CodedName(feature["feature_id"], OWN_SCHEME, title))


def quantity_of(image: str) -> Quantity | None:
    """Return the quantity of an image by its name (``adc``, ``adc_b100plus``), if it has a code."""
    found = QUANTITIES.get(image) or QUANTITIES.get(image.partition("_")[0])
    return found if found is not None and found.dicom_meaning else None


def _derivation(name: str, feature: Mapping[str, str]) -> CodedName | None:
    if name in _STATISTICS:
        value, meaning = _STATISTICS[name]
        return CodedName(value, "SCT", meaning)
    if feature["dicom_code"] == PEAK:
        return CodedName(PEAK, *_MEANINGS[PEAK])
    if feature["ibsi_id"]:
        return CodedName(feature["ibsi_id"], "IBSI", feature["name"][:MEANING_AT_MOST])
    return None
