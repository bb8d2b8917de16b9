"""Dates and times of a header, in the series' own clock.

A DA or TM value is local time; a DT value may carry an offset from UTC. Both
are brought to one clock: the one that ``TimezoneOffsetFromUTC`` (0008,0201)
names for the local values of the object. Times of different clocks are never
compared without it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from biomarker_cli.dicom.errors import HeaderError
from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.model.wording import quoted

_DATE = re.compile(r"^(\d{4})[.\-/]?(\d{2})[.\-/]?(\d{2})$")
_TIME = re.compile(r"^(\d{2})(?::?(\d{2})(?::?(\d{2})(?:\.(\d{1,6}))?)?)?$")
_DATETIME = re.compile(r"^(\d{8})(\d{2,6}(?:\.\d{1,6})?)?([+-]\d{4})?$")
_OFFSET = re.compile(r"^([+-])(\d{2})(\d{2})$")

_FURTHEST_OFFSET = timedelta(hours=14)


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of day and how finely it was written.

    Attributes
    ----------
    time : datetime.time
    resolution_s : float
        1 for HHMMSS, 60 for HHMM, 3600 for HH.
    """

    time: time
    resolution_s: float


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time in the clock of the series.

    Attributes
    ----------
    at : datetime.datetime
        Without zone: local time of the series.
    resolution_s : float
    tag : str
        Elements it was read from.
    """

    at: datetime
    resolution_s: float
    tag: str


@dataclass(frozen=True, slots=True)
class StampedText:
    """A DT value, split: what it says and the offset it carries."""

    at: datetime
    resolution_s: float
    offset: timedelta | None


def text_of(value: Any) -> str:
    """Return the text of a header value; private elements may come as bytes."""
    if isinstance(value, bytes):
        value = value.decode("ascii", errors="replace")
    return str(value).strip().rstrip("\0").strip()


def parse_date(value: Any) -> date:
    """Return a DA value.

    Raises
    ------
    ValueError
        Where the value is no date (PS3.5 6.2; the old form with points passes).
    """
    match = _DATE.match(text_of(value))
    if match is None:
        raise ValueError(f"{quoted(text_of(value))} is no date (YYYYMMDD)")
    found = date(*(int(part) for part in match.groups()))
    if found.year in {date.min.year, date.max.year}:
        # A day before or after it, or another clock, would leave the calendar.
        raise ValueError(f"{quoted(text_of(value))} is no date of an examination")
    return found


def parse_time(value: Any) -> Clock:
    """Return a TM value.

    Raises
    ------
    ValueError
        Where the value is no time (PS3.5 6.2).
    """
    match = _TIME.match(text_of(value))
    if match is None:
        raise ValueError(f"{quoted(text_of(value))} is no time (HHMMSS)")
    hour, minute, second, fraction = match.groups()
    microsecond = int(f"{fraction or '':0<6}")
    # 60 stands for a leap second (PS3.5 6.2).
    whole = time(int(hour), int(minute or 0), min(int(second or 0), 59), microsecond)
    return Clock(whole, 3600.0 if minute is None else 60.0 if second is None else 1.0)


def parse_datetime(value: Any) -> StampedText:
    """Return a DT value with the offset that it carries.

    Raises
    ------
    ValueError
        Where the value is no date with a time (PS3.5 6.2).
    """
    match = _DATETIME.match(text_of(value))
    if match is None or match[2] is None:
        raise ValueError(f"{quoted(text_of(value))} is no date with a time (YYYYMMDDHHMMSS)")
    clock = parse_time(match[2])
    at = datetime.combine(parse_date(match[1]), clock.time)
    return StampedText(at, clock.resolution_s, parse_offset(match[3]) if match[3] else None)


def parse_offset(value: Any) -> timedelta:
    """Return an offset from UTC such as ``+0100``.

    Raises
    ------
    ValueError
    """
    match = _OFFSET.match(text_of(value))
    if match is None:
        raise ValueError(f"{quoted(text_of(value))} is no offset from UTC (+HHMM)")
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
    if offset > _FURTHEST_OFFSET:
        raise ValueError(f"{quoted(text_of(value))} lies outside -1400..+1400")
    return -offset if match[1] == "-" else offset


def series_offset(header: FrameHeader) -> timedelta | None:
    """Return the offset of local times from UTC, None where none is said.

    Raises
    ------
    HeaderError
        ``HEADER-TIME`` where the value is no offset, or several are given.
    """
    value = header.get("TimezoneOffsetFromUTC")
    if value is None:
        return None
    several = [value] if isinstance(value, str | bytes) else list(value)
    try:
        offsets = {parse_offset(item) for item in several}
    except ValueError as error:
        raise _unreadable(header, "(0008,0201)", str(error)) from error
    if len(offsets) != 1:
        raise _unreadable(header, "(0008,0201)", "several offsets from UTC")
    return offsets.pop()


def in_series_clock(
    stamped: StampedText, offset: timedelta | None, tag: str, header: FrameHeader
) -> Moment:
    """Bring a DT value to the clock of the series.

    Parameters
    ----------
    stamped : StampedText
    offset : timedelta or None
        Of the series' clock from UTC.
    tag : str
    header : FrameHeader
        For the message.

    Raises
    ------
    HeaderError
        ``HEADER-TIMEZONE`` where the value carries an offset and the series
        does not say its own.
    """
    if stamped.offset is None:
        return Moment(stamped.at, stamped.resolution_s, tag)
    if offset is None:
        raise HeaderError(
            "HEADER-TIMEZONE",
            f"{tag} carries an offset from UTC, but the other times of the series do not say "
            "theirs: expected TimezoneOffsetFromUTC (0008,0201), found none",
            where=header.path.name,
            hint="Give TimezoneOffsetFromUTC, or the time without an offset, in the override file.",
        )
    return Moment(stamped.at - stamped.offset + offset, stamped.resolution_s, tag)


def date_and_time(header: FrameHeader, date_keyword: str, time_keyword: str) -> Moment | None:
    """Return the moment of a DA and a TM element, None where one is absent.

    Raises
    ------
    HeaderError
        ``HEADER-TIME`` where a value is present and unreadable.
    """
    day, clock = header.get(date_keyword), header.get(time_keyword)
    if day is None or clock is None:
        return None
    tag = f"{date_keyword} + {time_keyword}"
    try:
        parsed = parse_time(clock)
        return Moment(datetime.combine(parse_date(day), parsed.time), parsed.resolution_s, tag)
    except ValueError as error:
        raise _unreadable(header, tag, str(error)) from error


def date_time(header: FrameHeader, keyword: str, offset: timedelta | None) -> Moment | None:
    """Return the moment of a DT element in the clock of the series.

    Raises
    ------
    HeaderError
        ``HEADER-TIME``, ``HEADER-TIMEZONE``.
    """
    value = header.get(keyword)
    if value is None:
        return None
    try:
        stamped = parse_datetime(value)
    except ValueError as error:
        raise _unreadable(header, keyword, str(error)) from error
    return in_series_clock(stamped, offset, keyword, header)


def _unreadable(header: FrameHeader, tag: str, problem: str) -> HeaderError:
    return HeaderError(
        "HEADER-TIME",
        f"{tag}: {problem}",
        where=header.path.name,
        hint="Correct the value, or give it in the override file.",
    )
