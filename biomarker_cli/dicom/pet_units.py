"""What PET voxels mean: units, corrections, and the elements of the vendors.

Enhanced PET has no Units (0054,1001): its unit is a code of the real world value
mapping (PS3.3 A.56.4), its corrections are single YES/NO elements (C.8.22.6).
Both are returned in the words of classic PET.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.dicom.injection import number, require_number
from biomarker_cli.dicom.real_world import LinearMapping, linear_mappings
from biomarker_cli.dicom.times import text_of

ENHANCED_PET = "1.2.840.10008.5.1.4.1.1.130"
"""Enhanced PET Image Storage. A legacy converted object keeps the classic elements."""

PHILIPS_GROUP, PHILIPS_CREATOR = 0x7053, "Philips PET Private Group"
PHILIPS_SUV, PHILIPS_ACTIVITY = 0x00, 0x09

_CORRECTIONS = MappingProxyType(
    {
        "DecayCorrected": "DECY",
        "AttenuationCorrected": "ATTN",
        "ScatterCorrected": "SCAT",
        "RandomsCorrected": "RAN",
        "DeadTimeCorrected": "DTIM",
        "SensitivityCalibrated": "DCAL",
        "DetectorNormalizationCorrection": "NORM",
    }
)

_UNIT_OF_UCUM = MappingProxyType(
    {
        "Bq/ml": ("BQML", ""),
        "Bq/mL": ("BQML", ""),
        "{counts}": ("CNTS", ""),
        "{counts}/s": ("CPS", ""),
        "g/ml": ("GML", ""),
        "g/ml{SUVbw}": ("GML", "BW"),
        "g/ml{SUVlbm}": ("GML", "LBM"),
        "g/ml{SUVlbm(James128)}": ("GML", "LBMJAMES128"),
        "g/ml{SUVlbm(Janma)}": ("GML", "LBMJANMA"),
        "g/ml{SUVibw}": ("GML", "IBW"),
        "cm2/ml": ("CM2ML", ""),
        "cm2/ml{SUVbsa}": ("CM2ML", "BSA"),
        "{propcounts}": ("PROPCNTS", ""),
        "{propcounts}/s": ("PROPCPS", ""),
    }
)
"""UCUM code of the real world value mapping -> (Units, SUVType); CID 84, CID 85."""

UNITS = frozenset(unit for unit, _ in _UNIT_OF_UCUM.values())
"""Words of Units that name what voxels are in."""


@dataclass(frozen=True, slots=True)
class Word:
    """A coded word and the element it came from; empty where absent.

    Attributes
    ----------
    value, tag : str
    is_orphan : bool
        Whether it is a private element that has lost its creator.
    """

    value: str
    tag: str
    is_orphan: bool = False


def is_dynamic(header: FrameHeader) -> bool:
    """Tell whether a series is one of frames over time. SeriesType."""
    words = header.get("SeriesType")
    several = [words] if isinstance(words, str) else list(words or ())
    return "DYNAMIC" in {text_of(word).upper() for word in several}


def is_enhanced(header: FrameHeader) -> bool:
    """Tell whether the frame belongs to an enhanced PET object."""
    return str(header.get("SOPClassUID", "")) == ENHANCED_PET


def read_units(header: FrameHeader) -> tuple[Word, Word]:
    """Return Units and SUVType in the words of classic PET."""
    units = header.get("Units")
    if units is not None:
        return Word(text_of(units), "(0054,1001)"), Word(
            text_of(header.get("SUVType", "")), "(0054,1006)"
        )
    tag = "(0040,9096)>(0040,08EA)"
    codes = header.items("MeasurementUnitsCodeSequence")
    code = text_of(codes[0].get("CodeValue") or "") if codes else ""
    unit, suv_type = _UNIT_OF_UCUM.get(code, (code, ""))
    return Word(unit, tag), Word(suv_type, tag)


def read_corrections(header: FrameHeader) -> frozenset[str]:
    """Return the words of CorrectedImage (0028,0051), of enhanced PET as well."""
    value = header.get("CorrectedImage")
    if value is not None:
        words = [value] if isinstance(value, str | bytes) else list(value)
        return frozenset(text_of(word).upper() for word in words)
    return frozenset(
        word
        for keyword, word in _CORRECTIONS.items()
        if text_of(header.get(keyword, "")).upper() == "YES"
    )


def contradicting_corrections(header: FrameHeader) -> list[tuple[str, str, str]]:
    """Return element, YES or NO, and word where CorrectedImage says otherwise.

    Empty where the header has only the classic element or only those of enhanced PET.
    """
    if header.get("CorrectedImage") is None:
        return []
    words = read_corrections(header)
    said = ((k, text_of(header.get(k, "")).upper(), word) for k, word in _CORRECTIONS.items())
    return [
        (keyword, answer, word)
        for keyword, answer, word in said
        if answer in {"YES", "NO"} and (answer == "YES") != (word in words)
    ]


def units_of_mappings(header: FrameHeader) -> list[tuple[str, LinearMapping]]:
    """Return the real world value mappings to a unit that Units has a word for, with it."""
    return [
        (_UNIT_OF_UCUM[mapping.unit][0], mapping)
        for mapping in linear_mappings(header)
        if mapping.unit in _UNIT_OF_UCUM and mapping.maps
    ]


def read_decay_correction(header: FrameHeader) -> Word:
    """Return START, ADMIN, NONE, the enhanced DATETIME, or an empty word.

    Enhanced PET is corrected to DecayCorrectionDateTime (0018,9701) where
    DecayCorrected (0018,9758) is YES.
    """
    classic = header.get("DecayCorrection")
    if classic is not None:
        return Word(text_of(classic).upper(), "(0054,1102)")
    flag = text_of(header.get("DecayCorrected", "")).upper()
    return Word({"YES": "DATETIME", "NO": "NONE"}.get(flag, ""), "(0018,9758)")


def read_real_world_slope(header: FrameHeader) -> tuple[float, float] | None:
    """Return slope and intercept of the real world value mapping, None where absent."""
    slope = number(header.get("RealWorldValueSlope"))
    intercept = number(header.get("RealWorldValueIntercept"))
    return None if slope is None else (slope, intercept or 0.0)


def read_philips_factor(header: FrameHeader, offset: int) -> float | None:
    """Return a scale factor of the Philips PET private group, None where it has none.

    Parameters
    ----------
    header : FrameHeader
    offset : int
        `PHILIPS_SUV`: SUV per stored value. `PHILIPS_ACTIVITY`: Bq/ml per
        stored value.

    Notes
    -----
    Objects exist that lost the private creator element. They are read in the
    first block, and only where a Philips device wrote them and no other creator
    owns the block.
    """
    value = header.private(PHILIPS_GROUP, PHILIPS_CREATOR, offset)
    if value is None and _is_orphaned_philips(header):
        element = header.dataset.get((PHILIPS_GROUP, 0x1000 + offset))
        value = None if element is None else element.value
    factor = require_number(value, f"({PHILIPS_GROUP:04X},xx{offset:02X})", header.path.name)
    return factor if factor is not None and factor > 0 else None


def is_ge(header: FrameHeader) -> bool:
    """Tell whether the image was written by a GE system."""
    return text_of(header.get("Manufacturer", "")).upper().startswith(("GE", "GENERAL ELECTRIC"))


def _is_orphaned_philips(header: FrameHeader) -> bool:
    by_philips = text_of(header.get("Manufacturer", "")).lower().startswith("philips")
    return by_philips and header.dataset.get((PHILIPS_GROUP, 0x0010)) is None


GE_GROUP, GE_CREATOR, GE_SCAN_DATETIME = 0x0009, "GEMS_PETD_01", 0x0D


def read_vendor_decay_datetime(header: FrameHeader) -> Word | None:
    """Return the private element that says what the images were decay corrected to.

    GE: scan date and time, group 0009 of GEMS_PETD_01. Siemens: group 0071 of
    SIEMENS MED PT.

    Notes
    -----
    Objects of GE exist that lost the private creator element. They are read in the
    first block, and only where no other creator owns it.
    """
    for group, creator, offset, tag in (
        (GE_GROUP, GE_CREATOR, GE_SCAN_DATETIME, "(0009,xx0D) GEMS_PETD_01"),
        (0x0071, "SIEMENS MED PT", 0x22, "(0071,xx22) SIEMENS MED PT"),
    ):
        value = header.private(group, creator, offset)
        if value is not None and text_of(value):
            return Word(text_of(value), tag)
    if not is_ge(header):
        return None
    dataset = header.dataset
    orphan = dataset.get((GE_GROUP, 0x1000 + GE_SCAN_DATETIME))
    if orphan is None or dataset.get((GE_GROUP, 0x0010)) is not None or not text_of(orphan.value):
        return None
    return Word(text_of(orphan.value), "(0009,100D) without its creator", is_orphan=True)
