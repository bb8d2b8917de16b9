"""When the injection was, as the header can tell it.

Said once: the SUV and the acquisition facts read one header alike. Which
uptake time is accepted is decided above.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta

from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.dicom.injection import TAG_START_DATETIME, TAG_START_TIME, InjectionRecord
from biomarker_cli.dicom.times import in_series_clock, parse_datetime, parse_time

EARLIEST_S = -60.0
"""A scan may start this long before the injection is noted: clocks differ."""

EARLIEST_DYNAMIC_S = -3600.0
"""A dynamic series may start before the injection."""

TIME_OF_DAY_SUFFICES_BELOW_S = 41_400.0
"""Half-life (11.5 h) below which a time of day without a date tells the injection."""

_DATE_ALONE = len("YYYYMMDD")
_ONE_DAY = timedelta(days=1)


class InjectionTimeError(ValueError):
    """A time of injection that is unreadable, with the element that it stands in."""

    def __init__(self, problem: str, tag: str) -> None:
        super().__init__(problem)
        self.tag = tag


@dataclass(frozen=True, slots=True)
class DatedInjection:
    """RadiopharmaceuticalStartDateTime in the clock of the series.

    Attributes
    ----------
    at : datetime.datetime
    clock_told_by_start_time : bool
        Whether the series' offset from UTC was told by RadiopharmaceuticalStartTime alone.
    """

    at: datetime
    clock_told_by_start_time: bool = False


def earliest_scan_s(is_dynamic: bool) -> float:
    """Return how early after the injection a scan may start, s; negative is before it."""
    return EARLIEST_DYNAMIC_S if is_dynamic else EARLIEST_S


def time_of_day_suffices(half_life_s: float) -> bool:
    """Tell whether a time of day without a date says when a nuclide was injected.

    What decays within a day is imaged within a day.
    """
    return half_life_s < TIME_OF_DAY_SUFFICES_BELOW_S


def dated_injection(
    record: InjectionRecord, header: FrameHeader, offset: timedelta | None
) -> DatedInjection | None:
    """Return the dated moment of injection, None where the header has no date-time.

    A date without a time takes the time of day of RadiopharmaceuticalStartTime.

    Parameters
    ----------
    record : InjectionRecord
    header : FrameHeader
        For the message.
    offset : timedelta or None
        Of the series' clock from UTC.

    Raises
    ------
    InjectionTimeError
        Where a value is no time.
    HeaderError
        ``HEADER-TIMEZONE`` where the value carries an offset from UTC, and neither the
        series nor RadiopharmaceuticalStartTime tells the local clock.
    """
    if not record.start_datetime:
        return None
    text = record.start_datetime
    if len(text) == _DATE_ALONE and record.start_time:
        text += record.start_time.replace(":", "")
    try:
        stamped = parse_datetime(text)
    except ValueError as error:
        raise InjectionTimeError(str(error), TAG_START_DATETIME) from error
    told = None
    if stamped.offset is not None and offset is None and record.start_time:
        told = offset = _offset_told_by_clock(record.start_time, stamped.at, stamped.offset)
    at = in_series_clock(stamped, offset, TAG_START_DATETIME, header).at
    return DatedInjection(at, told is not None)


def _offset_told_by_clock(start_time: str, at: datetime, own_offset: timedelta) -> timedelta | None:
    """Return the series' offset where the local StartTime is the same moment."""
    difference = datetime.combine(at.date(), _parsed(start_time)) - at
    half_day = _ONE_DAY / 2
    difference = (difference + half_day) % _ONE_DAY - half_day
    return None if difference % timedelta(minutes=15) else own_offset + difference


def injections_by_time_of_day(start_time: str, scan: datetime) -> tuple[datetime, ...]:
    """Return a time of day on the day before the scan, on its day, and on the day after.

    A scan may start shortly after midnight, an injection be noted shortly before it.

    Raises
    ------
    InjectionTimeError
        Where the value is no time.
    """
    found = datetime.combine(scan.date(), _parsed(start_time))
    return found - _ONE_DAY, found, found + _ONE_DAY


def last_injection_before(start_time: str, scan: datetime, is_dynamic: bool) -> datetime:
    """Return the last moment with a time of day that a scan may follow.

    Raises
    ------
    InjectionTimeError
        Where the value is no time.
    """
    latest = scan - timedelta(seconds=earliest_scan_s(is_dynamic))
    return max(one for one in injections_by_time_of_day(start_time, scan) if one <= latest)


def _parsed(start_time: str) -> time:
    try:
        return parse_time(start_time).time
    except ValueError as error:
        raise InjectionTimeError(str(error), TAG_START_TIME) from error
