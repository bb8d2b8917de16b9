"""Facts of positron emission tomography: tracer, dose, timing, corrections."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from biomarker_cli.acquisition.facts.elements import plain, read_keyword, tag_text
from biomarker_cli.acquisition.facts.registry import FACTS, Reader, Reading, missing, one
from biomarker_cli.acquisition.series import SeriesHeaders
from biomarker_cli.dicom.errors import HeaderError
from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.dicom.injection import (
    TAG_DOSE,
    TAG_HALF_LIFE,
    TAG_NUCLIDE,
    TAG_START_DATETIME,
    TAG_START_TIME,
    InjectionRecord,
    read_injections,
)
from biomarker_cli.dicom.pet_units import (
    is_enhanced,
    read_corrections,
    read_decay_correction,
    read_units,
)
from biomarker_cli.dicom.times import (
    date_and_time,
    date_time,
    in_series_clock,
    parse_datetime,
    parse_time,
    series_offset,
)

SMALLEST_DOSE_BQ = 1e4
"""A smaller RadionuclideTotalDose cannot be becquerel: no injection is below 10 kBq."""

SMALLEST_WEIGHT_G, LARGEST_HEIGHT_M = 1000.0, 3.0
"""Beyond these PatientWeight is in grams and PatientSize in centimetres."""

CLOCK_TIME_SUFFICES_BELOW_S = 41_400.0
"""Half-life below which a time of day without a date tells the injection."""

NUCLIDES = MappingProxyType(
    {
        "C-105A1": "C-11",
        "40565003": "C-11",
        "C-107A1": "N-13",
        "21576001": "N-13",
        "C-B1038": "O-15",
        "129504001": "O-15",
        "C-111A1": "F-18",
        "77004003": "F-18",
        "C-127A2": "Cu-64",
        "23184005": "Cu-64",
        "C-131A3": "Ga-68",
        "80751004": "Ga-68",
        "C-159A2": "Rb-82",
        "79197006": "Rb-82",
        "C-168A4": "Zr-89",
        "129501009": "Zr-89",
        "C-114A5": "I-124",
        "83118000": "I-124",
    }
)
"""Codes of radionuclides (DICOM PS3.16 CID 4020), SNOMED RT and SNOMED CT."""


def _element(keyword: str) -> Reader:
    def read(series: SeriesHeaders) -> Reading:
        return read_keyword(series, keyword)

    return read


_ELEMENTS = (
    ("frame_duration_ms", "ms", "ActualFrameDuration", "Duration of the frame or bed."),
    ("frame_reference_time_ms", "ms", "FrameReferenceTime", "Reference time of the frame."),
    (
        "reconstruction_method",
        "",
        "ReconstructionMethod",
        "Reconstruction as the scanner names it.",
    ),
    ("series_type", "", "SeriesType", "Static, dynamic, gated or whole body; image or projection."),
)
for _name, _unit, _keyword, _definition in _ELEMENTS:
    FACTS.define(_name, _unit, f"{_definition} {_keyword}.", "PT")(_element(_keyword))


def _per_frame(series: SeriesHeaders, read: Callable[[FrameHeader], Any], tag: str) -> Reading:
    values = [read(frame) for frame in series.frames]
    present = tuple(value for value in values if value)
    n_missing = len(values) - len(present)
    reason = f"absent or empty in {n_missing} of {len(values)} slices" if n_missing else ""
    return Reading(present, n_missing, (tag,), reason=reason)


@FACTS.define("pet_units", "", "Unit of the stored values (BQML, GML, CNTS ...). Units.", "PT")
def pet_units(series: SeriesHeaders) -> Reading:
    """Return the unit word of every slice."""
    return _per_frame(series, lambda frame: read_units(frame)[0].value, "(0054,1001)")


@FACTS.define(
    "decay_correction", "", "Moment that decay is corrected to: START, ADMIN or NONE.", "PT"
)
def decay_correction(series: SeriesHeaders) -> Reading:
    """Return the decay correction of every slice."""
    return _per_frame(series, lambda frame: read_decay_correction(frame).value, "(0054,1102)")


@FACTS.define("corrections", "", "Set of corrections applied. CorrectedImage.", "PT")
def corrections(series: SeriesHeaders) -> Reading:
    """Return the corrections of every slice, a sorted tuple."""
    return _per_frame(series, lambda frame: tuple(sorted(read_corrections(frame))), "(0028,0051)")


@FACTS.define(
    "attenuation_corrected", "", "yes where CorrectedImage holds ATTN in every slice.", "PT"
)
def attenuation_corrected(series: SeriesHeaders) -> Reading:
    """Return whether the series is corrected for attenuation."""
    reading = corrections(series)
    values = tuple("yes" if "ATTN" in words else "no" for words in reading.values)
    return Reading(values, reading.n_missing, reading.tags, reason=reading.reason)


def _scaled(
    reading: Reading, wrong: Callable[[float], bool], factor: float, keyword: str, why: str
) -> Reading:
    """Return a reading whose impossible numbers are read in another unit, flagged."""
    if not any(isinstance(v, float) and wrong(v) for v in reading.values):
        return reading
    values = tuple(v * factor if isinstance(v, float) and wrong(v) else v for v in reading.values)
    flags = frozenset({f"unit_inferred:{keyword}"})
    return Reading(values, reading.n_missing, reading.tags, flags, why)


@FACTS.define(
    "weight_kg", "kg", "Weight of the patient; 1000 or more is read as grams, flagged.", "PT"
)
def weight_kg(series: SeriesHeaders) -> Reading:
    """Return the weight in every slice."""
    return _scaled(
        read_keyword(series, "PatientWeight"),
        lambda v: v >= SMALLEST_WEIGHT_G,
        1e-3,
        "PatientWeight",
        "the number can only be grams; DICOM wants kilograms",
    )


@FACTS.define(
    "height_m", "m", "Height of the patient; more than 3 is read as centimetres, flagged.", "PT"
)
def height_m(series: SeriesHeaders) -> Reading:
    """Return the height in every slice."""
    return _scaled(
        read_keyword(series, "PatientSize"),
        lambda v: v > LARGEST_HEIGHT_M,
        1e-2,
        "PatientSize",
        "the number can only be centimetres; DICOM wants metres",
    )


def _administration(
    series: SeriesHeaders, read: Callable[[InjectionRecord], Any], tag: str
) -> Reading:
    """Return one value of the radiopharmaceutical items of every slice."""
    present: list[Any] = []
    n_missing = 0
    for frame in series.frames:
        values = {read(record) for record in read_injections(frame)}
        if len(values) != 1 or None in values or "" in values:
            n_missing += 1
        else:
            present.extend(values)
    reason = (
        f"absent, empty or told twice in {n_missing} of {len(series.frames)} slices"
        if n_missing
        else ""
    )
    return Reading(tuple(present), n_missing, (tag,), reason=reason)


def _nuclide(record: InjectionRecord) -> str:
    for code in record.nuclide_codes:
        if code in NUCLIDES:
            return NUCLIDES[code]
    return ";".join(record.nuclide_codes) or record.nuclide_meaning


@FACTS.define(
    "radionuclide", "", "Radionuclide by its code, such as F-18; the code where unknown.", "PT"
)
def radionuclide(series: SeriesHeaders) -> Reading:
    """Return the nuclide of every slice."""
    return _administration(series, _nuclide, TAG_NUCLIDE)


@FACTS.define("radiopharmaceutical", "", "Tracer as the console was told.", "PT")
def radiopharmaceutical(series: SeriesHeaders) -> Reading:
    """Return the tracer of every slice."""
    return _administration(
        series, lambda record: record.radiopharmaceutical, "(0054,0016)>(0018,0031)"
    )


@FACTS.define("half_life_s", "s", "Half-life as written. RadionuclideHalfLife.", "PT")
def half_life_s(series: SeriesHeaders) -> Reading:
    """Return the half-life in every slice."""
    return _administration(series, lambda record: record.half_life, TAG_HALF_LIFE)


@FACTS.define(
    "injected_activity_mbq",
    "MBq",
    "Administered activity. RadionuclideTotalDose, in Bq by the standard; a number below 1e4 is "
    "read as MBq and flagged. Enhanced PET has MBq by definition.",
    "PT",
)
def injected_activity_mbq(series: SeriesHeaders) -> Reading:
    """Return the administered activity in every slice."""
    reading = _administration(series, lambda record: record.dose, TAG_DOSE)
    if is_enhanced(series.frames.first):
        return reading
    inferred = any(v < SMALLEST_DOSE_BQ for v in reading.values)
    values = tuple(v if v < SMALLEST_DOSE_BQ else v / 1e6 for v in reading.values)
    flags = frozenset({"unit_inferred:RadionuclideTotalDose"} if inferred else ())
    reason = "the number can only be MBq; DICOM wants becquerel" if inferred else reading.reason
    return Reading(values, reading.n_missing, reading.tags, flags, reason)


@FACTS.define(
    "activity_per_kg", "MBq/kg", "Administered activity over the weight of the patient.", "PT"
)
def activity_per_kg(series: SeriesHeaders) -> Reading:
    """Return the activity per kilogram, one value per distinct pair."""
    dose, weight = injected_activity_mbq(series), weight_kg(series)
    tags = (*dose.tags, *weight.tags)
    n_missing = max(dose.n_missing, weight.n_missing)
    flags = dose.flags | weight.flags
    why = dose.reason or weight.reason
    if n_missing or not all(isinstance(v, float) and v > 0 for v in weight.values):
        return missing(tags, why or "the weight is not a positive number", max(n_missing, 1))
    pairs = dict.fromkeys(zip(dose.values, weight.values, strict=True))
    return Reading(tuple(d / w for d, w in pairs), 0, tags, flags, why)


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

    The date-time is preferred. A time of day takes the date of the scan, or the
    day before where it would lie behind it, for nuclides that decay within a day.
    """
    if record.start_datetime:
        stamped = parse_datetime(record.start_datetime)
        return in_series_clock(stamped, offset, TAG_START_DATETIME, frame).at, TAG_START_DATETIME
    if not record.start_time or (record.half_life or 0.0) >= CLOCK_TIME_SUFFICES_BELOW_S:
        return None
    moment = datetime.combine(scan.date(), parse_time(record.start_time).time)
    if moment > scan:
        moment -= timedelta(days=1)
    return moment, TAG_START_TIME


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


@FACTS.define("n_radiopharmaceuticals", "1", "Number of radiopharmaceutical items.", "PT")
def n_radiopharmaceuticals(series: SeriesHeaders) -> Reading:
    """Return how many administrations the header names."""
    counts = {float(len(read_injections(frame))) for frame in series.frames}
    if 0.0 in counts:
        return missing(("(0054,0016)",), "no radiopharmaceutical item")
    if len(counts) > 1:
        return Reading(tuple(sorted(counts)), 0, ("(0054,0016)",))
    return one(counts.pop(), ("(0054,0016)",))


@FACTS.define("patient_sex", "", "Sex of the patient, needed for lean body mass. PatientSex.", "PT")
def patient_sex(series: SeriesHeaders) -> Reading:
    """Return the sex as written."""
    values = tuple(v for v in map(plain, series.column("PatientSex")) if v is not None)
    n_missing = len(series.frames) - len(values)
    reason = f"absent in {n_missing} slices" if n_missing else ""
    return Reading(values, n_missing, ("(0010,0040)",), reason=reason)
