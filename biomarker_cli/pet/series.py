"""What the frames of one PET series say, read once into arrays.

Times are seconds after the midnight that starts the series' first day
(`PetSeries.base`), in the clock of the series; an absent number is NaN.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Any

import numpy as np

from biomarker_cli.dicom.errors import HeaderError
from biomarker_cli.dicom.frames import FrameHeader, Frames
from biomarker_cli.dicom.injection import InjectionRecord, number, read_injections, require_number
from biomarker_cli.dicom.pet_units import (
    is_dynamic,
    is_enhanced,
    is_ge,
    read_corrections,
    read_decay_correction,
    read_units,
)
from biomarker_cli.dicom.times import (
    Moment,
    date_and_time,
    date_time,
    parse_time,
    series_offset,
    text_of,
)
from biomarker_cli.model.arrays import FloatArray
from biomarker_cli.pet.derivation import Derivation
from biomarker_cli.pet.errors import SuvError

Seconds = FloatArray

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class PetSeries:
    """A PET series as its header tells it.

    Attributes
    ----------
    frames : Frames
    series_uid, manufacturer : str
    units, suv_type, decay_correction : str
        In the words of classic PET; `decay_correction` is ``DATETIME`` for an
        enhanced object that names the moment itself.
    corrections : frozenset of str
        Words of CorrectedImage.
    is_dynamic, is_enhanced : bool
    base : datetime
        Midnight that seconds count from.
    offset : timedelta or None
        Of local times from UTC.
    acquisition_s : ndarray, shape (n,)
        Start of each frame.
    acquisition_resolution_s : float
    acquisition_tag : str
    frame_reference_s : ndarray, shape (n,)
        FrameReferenceTime, seconds after the reference of the series.
    duration_s : ndarray, shape (n,)
    decay_factor : ndarray, shape (n,)
    series_start : Moment or None
    """

    frames: Frames
    series_uid: str
    manufacturer: str
    units: str
    suv_type: str
    decay_correction: str
    corrections: frozenset[str]
    is_dynamic: bool
    is_enhanced: bool
    base: datetime
    offset: timedelta | None
    acquisition_s: Seconds
    acquisition_resolution_s: float
    acquisition_tag: str
    frame_reference_s: Seconds
    duration_s: Seconds
    decay_factor: Seconds
    series_start: Moment | None

    def seconds(self, moment: datetime) -> float:
        """Return seconds after `base`."""
        return (moment - self.base).total_seconds()

    def moment(self, seconds: float) -> datetime:
        """Return the moment of seconds after `base`."""
        return self.base + timedelta(seconds=seconds)

    def moment_text(self, seconds: float) -> str | None:
        """Return the moment in ISO form, None where no calendar holds it."""
        try:
            return self.moment(seconds).isoformat()
        except (OverflowError, ValueError):
            return None

    @property
    def first_acquisition_s(self) -> float | None:
        """Start of the earliest frame, None where no frame says it."""
        known = self.acquisition_s[np.isfinite(self.acquisition_s)]
        return float(known.min()) if known.size else None

    @property
    def scan_s(self) -> float | None:
        """When the scan was, for all that needs no exact reference."""
        first = self.first_acquisition_s
        if first is None and self.series_start is not None:
            return self.seconds(self.series_start.at)
        return first

    @property
    def is_ge(self) -> bool:
        """Whether GE wrote it: its FrameReferenceTime counts from the frame's start."""
        return is_ge(self.frames.first)


def read_series(frames: Frames, derivation: Derivation) -> PetSeries:
    """Read a PET series.

    Parameters
    ----------
    frames : Frames
        In the order of the z axis.
    derivation : Derivation

    Raises
    ------
    SuvError
        ``SUV-MIXED-SERIES`` where frames contradict each other in what must be
        one for the whole series.
    HeaderError
        ``HEADER-TIME`` for an unreadable date or time.
    """
    _require_one_series(frames)
    header = frames.first
    units, suv_type = read_units(header)
    offset = series_offset(header)
    start = date_and_time(header, "SeriesDate", "SeriesTime")
    moments = _acquisitions(frames, start, offset)
    known = [m for m in moments if m is not None]
    days = [m.at for m in known] + ([start.at] if start else [])
    base = datetime.combine(min(days).date(), time()) if days else datetime(1900, 1, 1)
    series = PetSeries(
        frames=frames,
        series_uid=str(header.get("SeriesInstanceUID", "")),
        manufacturer=text_of(header.get("Manufacturer", "")),
        units=units.value,
        suv_type=suv_type.value,
        decay_correction=read_decay_correction(header).value,
        corrections=read_corrections(header),
        is_dynamic=is_dynamic(header),
        is_enhanced=is_enhanced(header),
        base=base,
        offset=offset,
        acquisition_s=np.array(
            [np.nan if m is None else (m.at - base).total_seconds() for m in moments]
        ),
        acquisition_resolution_s=max((m.resolution_s for m in known), default=1.0),
        acquisition_tag=known[0].tag if known else "AcquisitionDate + AcquisitionTime",
        frame_reference_s=_numbers(frames, "FrameReferenceTime", 1e-3),
        duration_s=_durations(frames),
        decay_factor=_numbers(frames, "DecayFactor", 1.0),
        series_start=start,
    )
    _note(series, derivation)
    return series


def _note(series: PetSeries, derivation: Derivation) -> None:
    """Note what was read; of what differs slice by slice, lowest and highest."""
    units, suv_type = read_units(series.frames.first)
    decay = read_decay_correction(series.frames.first)
    read = derivation.read
    read("units", units.value or None, "", units.tag)
    read("SUV type", suv_type.value or None, "", suv_type.tag)
    read("decay correction", decay.value or None, "", decay.tag)
    read("corrected image", sorted(series.corrections), "", "(0028,0051)")
    if series.offset is not None:
        read("offset from UTC", series.offset.total_seconds() / 3600.0, "h", "(0008,0201)")
    start = series.series_start
    read("series start", start.at.isoformat() if start else None, "", "SeriesDate + SeriesTime")
    acquired = [
        series.moment(s).isoformat()
        for s in series.acquisition_s[np.isfinite(series.acquisition_s)]
    ]
    read("acquisition", _extremes(acquired), "", series.acquisition_tag)
    read("frame reference time", _range(series.frame_reference_s), "s", "(0054,1300)")
    read("frame duration", _range(series.duration_s), "s", "(0018,1242)")
    read("decay factor", _range(series.decay_factor), "", "(0054,1321)")


def _require_one_series(frames: Frames) -> None:
    readers: tuple[tuple[str, Any], ...] = (
        ("Units", lambda f: tuple(word.value for word in read_units(f))),
        ("DecayCorrection", lambda f: read_decay_correction(f).value),
        ("CorrectedImage", read_corrections),
        ("Manufacturer", lambda f: text_of(f.get("Manufacturer", ""))),
        ("SeriesType", is_dynamic),
        ("TimezoneOffsetFromUTC", series_offset),
        ("DecayCorrectionDateTime", lambda f: text_of(f.get("DecayCorrectionDateTime", ""))),
        ("PatientWeight", lambda f: number(f.get("PatientWeight"))),
        ("PatientSize", lambda f: number(f.get("PatientSize"))),
        ("PatientSex", lambda f: text_of(f.get("PatientSex", ""))),
        ("RadiopharmaceuticalInformationSequence", read_injections),
    )
    for name, read in readers:
        first = read(frames[0])
        if any(read(frame) != first for frame in frames[1:]):
            raise SuvError(
                "SUV-MIXED-SERIES",
                f"the slices of the series do not agree in {name}",
                where=str(frames.first.get("SeriesInstanceUID", "")),
                hint="Two series were mixed, or a file was edited: export the series again.",
            )


def one_injection(series: PetSeries) -> InjectionRecord:
    """Return the administration that the series shows.

    Raises
    ------
    SuvError
        ``SUV-NO-RADIOPHARMACEUTICAL``, ``SUV-RADIOPHARMACEUTICALS``.
    """
    items = read_injections(series.frames.first)
    if not items:
        raise SuvError(
            "SUV-NO-RADIOPHARMACEUTICAL",
            "expected one item, found none",
            where="RadiopharmaceuticalInformationSequence (0054,0016)",
            hint="Without the administration no activity is known: give it in the override file.",
        )
    if len(items) > 1:
        raise SuvError(
            "SUV-RADIOPHARMACEUTICALS",
            f"expected one radiopharmaceutical, found {len(items)}, and the image refers to none",
            where="RadiopharmaceuticalInformationSequence (0054,0016)",
            hint="Name the item (1, 2, ...) for RadiopharmaceuticalInformationSequence in the "
            "override file.",
        )
    return items[0]


def _acquisitions(
    frames: Frames, start: Moment | None, offset: timedelta | None
) -> list[Moment | None]:
    seen: dict[tuple[str, ...], Moment | None] = {}
    moments = []
    for frame in frames:
        key = tuple(
            text_of(frame.get(k, ""))
            for k in (
                "FrameAcquisitionDateTime",
                "AcquisitionDate",
                "AcquisitionTime",
                "AcquisitionDateTime",
            )
        )
        if key not in seen:
            seen[key] = _acquisition(frame, start, offset)
        moments.append(seen[key])
    return moments


def _acquisition(
    frame: FrameHeader, start: Moment | None, offset: timedelta | None
) -> Moment | None:
    for keyword in ("FrameAcquisitionDateTime", "AcquisitionDateTime"):
        if keyword == "AcquisitionDateTime":
            classic = date_and_time(frame, "AcquisitionDate", "AcquisitionTime")
            if classic is not None:
                return classic
        stamped = date_time(frame, keyword, offset)
        if stamped is not None:
            return stamped
    clock = frame.get("AcquisitionTime")
    if clock is None or start is None:
        return None
    try:
        parsed = parse_time(clock)
    except ValueError as error:
        raise HeaderError("HEADER-TIME", str(error), where=frame.path.name) from error
    moment = Moment(
        datetime.combine(start.at.date(), parsed.time),
        parsed.resolution_s,
        "SeriesDate + AcquisitionTime",
    )
    return nearest_day(moment, start.at)


def nearest_day(moment: Moment, other: datetime) -> Moment:
    """Return the clock time of a moment on the day that brings it nearest to another."""
    on_day = datetime.combine(other.date(), moment.at.time())
    days = (on_day - ONE_DAY, on_day, on_day + ONE_DAY)
    return replace(moment, at=min(days, key=lambda day: abs(day - other)))


def with_acquisition_dates_of_series(series: PetSeries) -> PetSeries:
    """Return the series with the acquisition clock on the days around the series start."""
    start = series.series_start
    if start is None:
        return series
    moments = [
        None if np.isnan(s) else nearest_day(Moment(series.moment(s), 1.0, ""), start.at).at
        for s in series.acquisition_s
    ]
    days = [m for m in (*moments, start.at) if m is not None]
    base = datetime.combine(min(days).date(), time())
    seconds = [np.nan if m is None else (m - base).total_seconds() for m in moments]
    return replace(series, base=base, acquisition_s=np.array(seconds))


def _numbers(frames: Frames, keyword: str, factor: float) -> Seconds:
    found = [require_number(frame.get(keyword), keyword, frame.path.name) for frame in frames]
    return np.array([np.nan if value is None else value * factor for value in found])


def _durations(frames: Frames) -> Seconds:
    """Return the frame durations: (0018,1242), or (0018,9220) of enhanced PET; both in ms."""
    classic = _numbers(frames, "ActualFrameDuration", 1e-3)
    enhanced = _numbers(frames, "FrameAcquisitionDuration", 1e-3)
    return np.where(np.isfinite(classic), classic, enhanced)


def _extremes(values: list[Any]) -> list[Any] | None:
    """Return first and last of the values of all slices, once where they are one."""
    if not values:
        return None
    return sorted({min(values), max(values)})


def _range(values: Seconds) -> list[float] | None:
    return _extremes([float(v) for v in values[np.isfinite(values)]])
