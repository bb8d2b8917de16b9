"""Real World Value Mappings: what stored values are in a coded unit.

References
----------
DICOM PS3.3 C.7.6.16.2.11 (Real World Value Mapping).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from biomarker_cli.dicom.errors import PixelError
from biomarker_cli.dicom.frames import FrameHeader, Item, damage_named
from biomarker_cli.dicom.private_values import first_number
from biomarker_cli.model.arrays import FloatArray

PARAMETRIC_MAP_CLASS = "1.2.840.10008.5.1.4.1.1.30"

_SEQUENCE = "RealWorldValueMappingSequence"


class LinearMapping(NamedTuple):
    """A slope and an intercept that an image gives for a unit, beside its rescale.

    Attributes
    ----------
    slope, intercept : float
        NaN where they are no numbers.
    unit : str
        Code value, empty where there is none.
    scheme : str
        Of the code: UCUM.
    """

    slope: float
    intercept: float
    unit: str
    scheme: str

    @property
    def maps(self) -> bool:
        """Whether different stored values get different real ones."""
        return math.isfinite(self.slope) and math.isfinite(self.intercept) and self.slope != 0.0

    def of_rescaled(self, values: FloatArray, header: FrameHeader) -> FloatArray:
        """Return values in the unit of the mapping.

        Parameters
        ----------
        values : ndarray, shape (rows, columns)
            Those of a frame after its rescale: the mapping is one of stored values.
        header : FrameHeader
            Record of this very frame.
        """
        stored = (values - float(header.get("RescaleIntercept", 0.0))) / float(
            header.get("RescaleSlope", 1.0)
        )
        return stored * self.slope + self.intercept


def linear_mappings(header: FrameHeader) -> tuple[LinearMapping, ...]:
    """Return every mapping of a frame that has a slope, an intercept and a unit.

    Images that are no parametric maps may have none, or several: for other units,
    or for other ranges of stored values.
    """
    found = []
    with damage_named(header.path, _SEQUENCE):
        for item in header.items(_SEQUENCE):
            codes = item.get("MeasurementUnitsCodeSequence")
            slope, intercept = item.get("RealWorldValueSlope"), item.get("RealWorldValueIntercept")
            if not codes or slope is None or intercept is None:
                continue
            code, scheme = (codes[0].get(k) or "" for k in ("CodeValue", "CodingSchemeDesignator"))
            numbers = first_number(slope), first_number(intercept)
            found.append(LinearMapping(*numbers, str(code), str(scheme)))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class RealWorldMapping:
    """A linear map of stored values to a coded quantity.

    Attributes
    ----------
    slope, intercept : float
    first, last : float
        Stored values outside these have no real-world value.
    unit : str
        UCUM code.
    unit_meaning : str
    quantity_code : str
        Code value of the QuantityDefinitionSequence, empty where there is none.
    """

    slope: float
    intercept: float
    first: float
    last: float
    unit: str
    unit_meaning: str
    quantity_code: str = ""


def read_real_world_mapping(header: FrameHeader) -> RealWorldMapping:
    """Return the one real-world value mapping of a frame.

    Raises
    ------
    PixelError
        ``PIXELS-REAL-WORLD-VALUES`` where there is none, more than one, a
        table, or no unit.
    """
    with damage_named(header.path, _SEQUENCE):
        return _real_world_mapping(header)


def _real_world_mapping(header: FrameHeader) -> RealWorldMapping:
    items = header.items(_SEQUENCE)
    if len(items) != 1:
        raise _no_mapping(header, f"{len(items)} mappings")
    item = items[0]
    written = item.get("RealWorldValueSlope"), item.get("RealWorldValueIntercept")
    units = item.get("MeasurementUnitsCodeSequence")
    if None in written:
        raise _no_mapping(header, "a mapping that is not linear")
    slope, intercept = first_number(written[0]), first_number(written[1])
    if not (math.isfinite(slope) and math.isfinite(intercept)) or slope == 0.0:
        raise _no_mapping(header, f"slope {slope} and intercept {intercept}, which map to nothing")
    if not units or not units[0].get("CodeValue"):
        raise _no_mapping(header, "a mapping without a unit")
    first = _bound(item, "RealWorldValueFirstValueMapped", -math.inf)
    last = _bound(item, "RealWorldValueLastValueMapped", math.inf)
    return RealWorldMapping(
        slope=slope,
        intercept=intercept,
        first=first,
        last=last,
        unit=str(units[0].get("CodeValue")),
        unit_meaning=str(units[0].get("CodeMeaning") or ""),
        quantity_code=_quantity_code(item),
    )


def _bound(item: Item, keyword: str, default: float) -> float:
    for name in (f"DoubleFloat{keyword}", keyword):
        value = item.get(name)
        if value is not None:
            return float(value)
    return default


def _quantity_code(item: Item) -> str:
    for definition in item.get("QuantityDefinitionSequence") or ():
        for concept in definition.get("ConceptCodeSequence") or ():
            return str(concept.get("CodeValue") or "")
    return ""


def _no_mapping(header: FrameHeader, found: str) -> PixelError:
    return PixelError(
        "PIXELS-REAL-WORLD-VALUES",
        f"expected one linear real-world value mapping with a unit, found {found}",
        where=header.path.name,
        hint="The quantity of a parametric map is never guessed: export it with its mapping.",
    )
