"""Facts of uptake time: from injection to the scan, by three named definitions of its start."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from biomarker_cli.acquisition.facts.elements import tag_text
from biomarker_cli.acquisition.facts.registry import FACTS, Reading, missing
from biomarker_cli.acquisition.series import SeriesHeaders
from biomarker_cli.dicom.errors import HeaderError
from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.dicom.injection import (
    TAG_START_DATETIME,
    TAG_START_TIME,
    InjectionRecord,
    read_injections,
)
from biomarker_cli.dicom.injection_clock import (
    dated_injection,
    last_injection_before,
    time_of_day_suffices,
)
from biomarker_cli.dicom.pet_units import is_dynamic
from biomarker_cli.dicom.times import date_and_time, date_time, series_offset


@dataclass(frozen=True, slots=True)
class _Start:
    """When a frame began, and the elements that say so."""

    at: datetime
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Uptake:
    """Injection, minutes to the scan, and the elements used, of one frame."""

    injection: datetime
    minutes: float
    tags: tuple[str, ...]


ScanStart = Callable[[FrameHeader, timedelta | None], _Start | None]


def _acquisition(frame: FrameHeader, offset: timedelta | None) -> _Start | None:
    """Return when a frame was acquired, None where date or time are absent."""
    found = date_and_time(frame, "AcquisitionDate", "AcquisitionTime")
    if found is not None:
        return _Start(found.at, ("(0008,0022)", "(0008,0032)"))
    for keyword in ("FrameAcquisitionDateTime", "AcquisitionDateTime"):
        found = date_time(frame, keyword, offset)
        if found is not None:
            return _Start(found.at, (tag_text(keyword),))
    return None


def _series_start(frame: FrameHeader, _offset: timedelta | None) -> _Start | None:
    found = date_and_time(frame, "SeriesDate", "SeriesTime")
    return _Start(found.at, ("(0008,0021)", "(0008,0031)")) if found else None


def _injection(
    record: InjectionRecord, frame: FrameHeader, scan: datetime, offset: timedelta | None
) -> tuple[datetime, str] | None:
    """Return the moment of injection and its element, None where it cannot be told.

    The date-time is preferred. A time of day is the last one that the scan may
    follow, for nuclides that decay within a day.
    """
    dated = dated_injection(record, frame, offset)
    if dated is not None:
        return dated.at, TAG_START_DATETIME
    if not record.start_time or not time_of_day_suffices(record.half_life or 0.0):
        return None
    return last_injection_before(record.start_time, scan, is_dynamic(frame)), TAG_START_TIME


def _frame_uptake(frame: FrameHeader, scan_start: ScanStart) -> _Uptake | str:
    """Return the uptake of a frame, or why it cannot be told."""
    try:
        offset = series_offset(frame)
        scan = scan_start(frame, offset)
        records = read_injections(frame)
        if scan is None:
            return "date or time of the scan are absent"
        if len(records) != 1:
            return f"{len(records)} radiopharmaceutical items, expected one"
        told = _injection(records[0], frame, scan.at, offset)
    except (HeaderError, ValueError) as error:
        return str(error)
    if told is None:
        return "the time of injection is absent"
    return _Uptake(told[0], (scan.at - told[0]).total_seconds() / 60.0, (told[1], *scan.tags))


def _uptakes(
    series: SeriesHeaders, scan_start: ScanStart, tags: tuple[str, ...]
) -> tuple[list[_Uptake], Reading]:
    """Return the uptake of every frame, and a reading that says what is missing.

    Frames that tell it by other elements than most do count as missing: a
    header that is whole says it in one way.
    """
    told = [_frame_uptake(frame, scan_start) for frame in series.frames]
    found = [u for u in told if isinstance(u, _Uptake)]
    reasons = [u for u in told if isinstance(u, str)]
    if not found:
        return [], missing(tags, reasons[0], len(told))
    usual = Counter(u.tags for u in found).most_common(1)[0][0]
    alike = [u for u in found if u.tags == usual]
    n_missing = len(told) - len(alike)
    why = ""
    if n_missing:
        cause = reasons[0] if reasons else "told by other elements"
        why = f"{cause} ({n_missing} of {len(told)} slices)"
    return alike, Reading((), n_missing, usual, reason=why)


_UPTAKE_TAGS = (TAG_START_DATETIME, TAG_START_TIME, "(0008,0022)", "(0008,0032)")
_UPTAKE_SERIES_TAGS = (TAG_START_DATETIME, TAG_START_TIME, "(0008,0021)", "(0008,0031)")


@FACTS.define(
    "uptake_time_min",
    "min",
    "Uptake time: injection to the earliest acquisition (AcquisitionDate + AcquisitionTime) of "
    "the series, the start of its first bed. RadiopharmaceuticalStartDateTime, else StartTime "
    "with the date of the scan. Several injection times give several values.",
    "PT",
)
def uptake_time_min(series: SeriesHeaders) -> Reading:
    """Return the minutes from injection to the first bed."""
    found, reading = _uptakes(series, _acquisition, _UPTAKE_TAGS)
    first: dict[datetime, float] = {}
    for uptake in found:
        first[uptake.injection] = min(uptake.minutes, first.get(uptake.injection, math.inf))
    return replace(reading, values=tuple(round(m, 4) for m in first.values()))


@FACTS.define(
    "uptake_time_series_min",
    "min",
    "Uptake time by the series: injection to SeriesDate + SeriesTime.",
    "PT",
)
def uptake_time_series_min(series: SeriesHeaders) -> Reading:
    """Return the minutes from injection to the time of the series."""
    found, reading = _uptakes(series, _series_start, _UPTAKE_SERIES_TAGS)
    return replace(reading, values=tuple(dict.fromkeys(round(u.minutes, 4) for u in found)))


@FACTS.define(
    "uptake_time_bed_min",
    "min",
    "Uptake time by bed: injection to the acquisition time of each slice; from the first bed to "
    "the last of a whole-body scan it differs by the duration of the scan.",
    "PT",
)
def uptake_time_bed_min(series: SeriesHeaders) -> Reading:
    """Return the minutes from injection to the acquisition of every slice."""
    found, reading = _uptakes(series, _acquisition, _UPTAKE_TAGS)
    return replace(reading, values=tuple(round(u.minutes, 4) for u in found))
