"""Facts that are one element of the header: by keyword, by path, or private.

``SliceThickness`` is an element of the frame; an enhanced object has it in a
functional group and some under another name. ``Sequence.Keyword`` looks into
the items of a sequence. A private element is found by its creator.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from biomarker_cli.acquisition.facts.registry import Reader, Reading
from biomarker_cli.acquisition.series import SeriesHeaders
from biomarker_cli.dicom.dictionary import TAGS, vr_in_dictionary
from biomarker_cli.dicom.frames import NamedItem
from biomarker_cli.model.wording import bounded, quoted

ENHANCED_NAMES = MappingProxyType(
    {
        "EchoTime": "EffectiveEchoTime",
        "InversionTime": "InversionTimes",
        "ExposureTime": "ExposureTimeInms",
        "XRayTubeCurrent": "XRayTubeCurrentInmA",
        "Exposure": "ExposureInmAs",
    }
)
"""Classic keyword -> keyword of the same quantity in enhanced objects (PS3.3 C.8.13, C.8.15)."""

KEYWORD_UNITS = MappingProxyType(
    {
        "SliceThickness": "mm",
        "SpacingBetweenSlices": "mm",
        "PixelSpacing": "mm",
        "ReconstructionDiameter": "mm",
        "DataCollectionDiameter": "mm",
        "SingleCollimationWidth": "mm",
        "TotalCollimationWidth": "mm",
        "TableHeight": "mm",
        "GantryDetectorTilt": "deg",
        "FlipAngle": "deg",
        "EchoTime": "ms",
        "EffectiveEchoTime": "ms",
        "RepetitionTime": "ms",
        "InversionTime": "ms",
        "TriggerTime": "ms",
        "ExposureTime": "ms",
        "ActualFrameDuration": "ms",
        "FrameReferenceTime": "ms",
        "RevolutionTime": "s",
        "AcquisitionDuration": "s",
        "RadionuclideHalfLife": "s",
        "RadionuclideTotalDose": "Bq",
        "PatientWeight": "kg",
        "PatientSize": "m",
        "MagneticFieldStrength": "T",
        "ImagingFrequency": "MHz",
        "PixelBandwidth": "Hz",
        "KVP": "kV",
        "XRayTubeCurrent": "mA",
        "CTDIvol": "mGy",
        "DiffusionBValue": "s/mm2",
        "PercentSampling": "%",
        "PercentPhaseFieldOfView": "%",
        "SpiralPitchFactor": "1",
        "NumberOfAverages": "1",
        "EchoTrainLength": "1",
        "NumberOfTemporalPositions": "1",
        "NumberOfSlices": "1",
        "Rows": "1",
        "Columns": "1",
        "RadionuclidePositronFraction": "1",
        "ContrastBolusVolume": "mL",
    }
)
"""Units that DICOM PS3.3 fixes for elements that rules are written about."""


def tag_text(keyword: str) -> str:
    """Return ``(gggg,eeee)`` of a keyword."""
    tag = TAGS.get(keyword)
    if tag is None:
        return keyword
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def path_text(path: str) -> str:
    """Return ``(gggg,eeee)>(gggg,eeee)`` of a keyword or a path of keywords."""
    return ">".join(tag_text(part) for part in path.split("."))


def private_text(group: int, creator: str, element: int) -> str:
    """Return how a private element is named."""
    return f"({group:04X},xx{element:02X}) {creator}"


def is_element(name: str) -> bool:
    """Tell whether a name is a keyword, or a path of keywords, of the DICOM dictionary."""
    return all(part in TAGS for part in name.split("."))


_IDENTIFYING = frozenset(
    {
        "IssuerOfPatientID",
        "MedicalRecordLocator",
        "OtherPatientIDs",
        "PatientAddress",
        "PatientBirthDate",
        "PatientBirthTime",
        "PatientID",
        "PatientTelephoneNumbers",
        "PersonAddress",
        "PersonTelephoneNumbers",
    }
)


def is_identifying(name: str) -> bool:
    """Tell whether an element says who somebody is: its value must not leave in a table."""
    last = name.rpartition(".")[2]
    return last in _IDENTIFYING or (last in TAGS and vr_in_dictionary(TAGS[last]) == "PN")


def plain(value: Any) -> Any:
    """Return a header value as float, str or a tuple of them; None where it is empty.

    A number that is not finite counts as missing.
    """
    if value is None or isinstance(value, str):
        return (str(value).strip() or None) if value is not None else None
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float, Decimal)):
        number = float(value)
        return number if math.isfinite(number) else None
    if _is_item(value):
        # Never its elements: they hold names, and a value ends up in a table.
        return "item"
    if isinstance(value, Sequence) or hasattr(value, "__iter__"):
        parts = tuple(plain(part) for part in value)
        return parts if parts and all(part is not None for part in parts) else None
    return str(value)


def element_reader(keyword: str) -> Reader:
    """Return the reader of a fact that is one element of every slice."""
    return lambda series: read_keyword(series, keyword)


def read_keyword(series: SeriesHeaders, keyword: str) -> Reading:
    """Return an element in every frame, under its enhanced name where no frame has that one."""
    values = [plain(value) for value in series.column(keyword)]
    n_damaged = series.n_damaged(keyword)
    enhanced = ENHANCED_NAMES.get(keyword)
    if enhanced and all(value is None for value in values):
        others = [plain(value) for value in series.column(enhanced)]
        if any(other is not None for other in others):
            return _reading(others, (tag_text(enhanced),), enhanced, series.n_damaged(enhanced))
    return _reading(values, (tag_text(keyword),), keyword, n_damaged)


def read_path(series: SeriesHeaders, path: str) -> Reading:
    """Return an element inside the items of a sequence, in every frame.

    A frame whose items disagree has a tuple of their values.
    """
    sequence, *rest = path.split(".")
    values = [_follow(items, rest) for items in series.items(sequence)]
    return _reading(values, (path_text(path),), path, series.n_damaged_items(sequence))


def _follow(items: Any, rest: Sequence[str]) -> Any:
    if items is None or not rest or isinstance(items, (str, bytes)):
        return None
    found: list[Any] = []
    for item in items:
        value = item.get(rest[0]) if _is_item(item) else None
        found.append(_follow(value, rest[1:]) if len(rest) > 1 else plain(value))
    if not found or any(value is None for value in found):
        return None
    distinct = list(dict.fromkeys(found))
    return distinct[0] if len(distinct) == 1 else tuple(distinct)


def read_private(
    series: SeriesHeaders, group: int, creator: str, element: int, index: int | None
) -> Reading:
    """Return a private element found by its creator, in every frame."""
    values = [plain(f.private(group, creator, element)) for f in series.frames]
    if index is not None:
        values = [v[index] if isinstance(v, tuple) and len(v) > index else None for v in values]
    tag = private_text(group, creator, element)
    return _reading(values, (tag,), tag)


def _reading(
    values: Sequence[Any], tags: tuple[str, ...], name: str, n_damaged: int = 0
) -> Reading:
    """Return the values of an element; what is damaged, or no number where one belongs, is none."""
    wrong = [v for v in values if _is_text(v)] if _is_numeric(name.rpartition(".")[2]) else []
    present = tuple(v for v in values if v is not None and not (wrong and _is_text(v)))
    n_all, n_missing = len(values), len(values) - len(present)
    n_absent = n_missing - len(wrong) - n_damaged
    reasons = []
    text = as_found(wrong[0]) if wrong else ""
    if wrong:
        reasons.append(f"{name}: {quoted(text, 64)} is no number, in {len(wrong)} of {n_all}")
    if n_damaged:
        reasons.append(f"{name} cannot be decoded in {n_damaged} of {n_all}")
    if n_absent > 0:
        reasons.append(f"{name} is absent or empty in {n_absent} of {n_all}")
    flags = frozenset({"fact_unreadable"} if wrong or n_damaged else ())
    return Reading(present, n_missing, tags, flags, "; ".join(reasons), unreadable=text)


def _is_item(value: Any) -> bool:
    """Tell whether a value is what an item of a sequence is read as."""
    if isinstance(value, (tuple, list)):
        return False
    # Most headers are read without pydicom, which takes long to import.
    from pydicom.dataset import Dataset

    return isinstance(value, (Dataset, NamedItem))


def as_found(value: Any) -> str:
    """Return the text that stands in a number's place."""
    parts = value if isinstance(value, tuple) else (value,)
    return bounded("\\".join(map(str, parts)))


def _is_text(value: Any) -> bool:
    """Tell whether a value, or a part of it, is text."""
    if isinstance(value, tuple):
        return any(isinstance(part, str) for part in value)
    return isinstance(value, str)


@lru_cache(maxsize=1024)
def _is_numeric(keyword: str) -> bool:
    """Tell whether DICOM has numbers in an element."""
    tag = TAGS.get(keyword)
    return tag is not None and vr_in_dictionary(tag)[:2] in _NUMERIC_VRS


_NUMERIC_VRS = frozenset({"DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV"})
