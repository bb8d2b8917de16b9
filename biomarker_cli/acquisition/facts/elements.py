"""Facts that are one element of the header: by keyword, by path, or private.

``SliceThickness`` is an element of the frame; an enhanced object has it in a
functional group and some under another name. ``Sequence.Keyword`` looks into
the items of a sequence. A private element is found by its creator.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any

from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.valuerep import DSdecimal

from biomarker_cli.acquisition.facts.registry import Reading
from biomarker_cli.acquisition.series import SeriesHeaders

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
    tag = tag_for_keyword(keyword)
    if tag is None:
        return keyword
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def keyword_of(tag: str) -> str:
    """Return the keyword of ``(gggg,eeee)``, empty for a private element."""
    group, _, element = tag.strip("()").partition(",")
    try:
        return keyword_for_tag((int(group, 16) << 16) + int(element, 16))
    except ValueError:
        return ""


def is_element(name: str) -> bool:
    """Tell whether a name is a keyword, or a path of keywords, of the DICOM dictionary."""
    return all(tag_for_keyword(part) is not None for part in name.split("."))


def plain(value: Any) -> Any:
    """Return a header value as float, str or a tuple of them; None where it is empty.

    A number that is not finite counts as missing.
    """
    if value is None or isinstance(value, str):
        return (str(value).strip() or None) if value is not None else None
    if isinstance(value, bool):
        return value
    if isinstance(value, (int, float, DSdecimal)):
        number = float(value)
        return number if math.isfinite(number) else None
    if isinstance(value, Sequence) or hasattr(value, "__iter__"):
        parts = tuple(plain(part) for part in value)
        return parts if parts and all(part is not None for part in parts) else None
    return str(value)


def read_keyword(series: SeriesHeaders, keyword: str) -> Reading:
    """Return an element in every frame, under its enhanced name where no frame has that one."""
    values = [plain(value) for value in series.column(keyword)]
    enhanced = ENHANCED_NAMES.get(keyword)
    if enhanced and all(value is None for value in values):
        others = [plain(value) for value in series.column(enhanced)]
        if any(other is not None for other in others):
            return _reading(others, (tag_text(enhanced),), enhanced)
    return _reading(values, (tag_text(keyword),), keyword)


def read_path(series: SeriesHeaders, path: str) -> Reading:
    """Return an element inside the items of a sequence, in every frame.

    A frame whose items disagree has a tuple of their values.
    """
    sequence, *rest = path.split(".")
    tag = ">".join(tag_text(part) for part in path.split("."))
    values = [_follow(items, rest) for items in series.column(sequence)]
    return _reading(values, (tag,), path)


def _follow(items: Any, rest: Sequence[str]) -> Any:
    if items is None or not rest:
        return None
    found: list[Any] = []
    for item in items:
        value = item.get(rest[0]) if isinstance(item, Dataset) else None
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
    tag = f"({group:04X},xx{element:02X}) {creator}"
    return _reading(values, (tag,), tag)


def _reading(values: Sequence[Any], tags: tuple[str, ...], name: str) -> Reading:
    present = tuple(value for value in values if value is not None)
    n_missing = len(values) - len(present)
    texts = _texts_for_numbers(present, name)
    if texts:
        present = tuple(value for value in present if value not in texts)
        n_missing = len(values) - len(present)
        text = texts[0] if isinstance(texts[0], str) else "\\".join(map(str, texts[0]))
        reason = f"{name}: {text!r} is no number, in {n_missing} of {len(values)}"
        return Reading(present, n_missing, tags, reason=reason, unreadable=text)
    reason = f"{name} is absent or empty in {n_missing} of {len(values)}" if n_missing else ""
    return Reading(present, n_missing, tags, reason=reason)


def _texts_for_numbers(values: Sequence[Any], name: str) -> list[Any]:
    """Return the values of a decimal or integer string that are none (a decimal comma)."""
    keyword = name.rpartition(".")[2]
    if tag_for_keyword(keyword) is None or dictionary_VR(keyword) not in {"DS", "IS"}:
        return []
    return [value for value in dict.fromkeys(values) if _holds_text(value)]


def _holds_text(value: Any) -> bool:
    return any(isinstance(part, str) for part in (value if isinstance(value, tuple) else (value,)))
