"""The elements that say which phase of a dynamic series a frame belongs to, and when it was.

Each reader returns what its element says, for itself; which of them is taken, and whether
they agree, is judged where the phases are put in order. RepetitionTime is never a frame
interval, and NumberOfTemporalPositions says nothing without an identifier: both stand on
series of one phase.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

from biomarker_cli.dicom.errors import HeaderError
from biomarker_cli.dicom.frames import FrameHeader
from biomarker_cli.dicom.philips_scaling import is_philips
from biomarker_cli.dicom.private_values import first_number
from biomarker_cli.dicom.times import date_and_time, date_time, parse_time, series_offset

_EPOCH = datetime(1970, 1, 1)


class Said(NamedTuple):
    """What an element says.

    Attributes
    ----------
    value : float
        Number of the phase, or seconds.
    tag : str
    """

    value: float
    tag: str


def _of_keyword(keyword: str, tag: str) -> Callable[[FrameHeader], Said | None]:
    def read(header: FrameHeader) -> Said | None:
        return _said(header.get(keyword), tag)

    return read


def _said(value: Any, tag: str, factor: float = 1.0) -> Said | None:
    number = first_number(value)
    return Said(number * factor, tag) if math.isfinite(number) else None


def _is_ge(header: FrameHeader) -> bool:
    return str(header.get("Manufacturer", "")).upper().startswith("GE")


def _ge_index(header: FrameHeader) -> Said | None:
    if not _is_ge(header):
        return None
    return _said(header.private(0x0019, "GEMS_ACQU_01", 0xA2), "(0019,xxA2)")


def _philips_index(header: FrameHeader) -> Said | None:
    if not is_philips(header):
        return None
    for creator, offset in (
        ("Philips MR Imaging DD 001", 0x63),
        ("Philips MR Imaging DD 005", 0x13),
    ):
        found = _said(header.private(0x2005, creator, offset), f"(2005,xx{offset:02X})")
        if found is not None:
            return found
    return None


INDEX_RULES: dict[str, Callable[[FrameHeader], Said | None]] = {
    "temporal_position": _of_keyword("TemporalPositionIdentifier", "(0020,0100)"),
    "temporal_position_index": _of_keyword("TemporalPositionIndex", "(0020,9128)"),
    "ge_private": _ge_index,
    "philips_private": _philips_index,
}
"""Rule -> number of the phase; the first that tells all phases apart is taken."""


def _philips_begin(header: FrameHeader) -> Said | None:
    if not is_philips(header):
        return None
    value = header.private(0x2005, "Philips MR Imaging DD 001", 0xA0)
    return _said(value, "(2005,xxA0)")


def _trigger_time(header: FrameHeader) -> Said | None:
    """On GE the start of the phase; elsewhere cardiac or an inversion delay as well."""
    if not _is_ge(header):
        return None
    return _said(header.get("TriggerTime"), "(0018,1060)", 1e-3)


def _acquisition_datetime(header: FrameHeader) -> Said | None:
    for keyword, tag in (
        ("FrameAcquisitionDateTime", "(0018,9074)"),
        ("AcquisitionDateTime", "(0008,002A)"),
    ):
        try:
            moment = date_time(header, keyword, series_offset(header))
        except HeaderError:
            # Whatever stands there is no time: another element may tell it.
            continue
        if moment is not None:
            return Said((moment.at - _EPOCH).total_seconds(), tag)
    return None


def _clock(date_keyword: str, time_keyword: str, tag: str) -> Callable[[FrameHeader], Said | None]:
    def read(header: FrameHeader) -> Said | None:
        try:
            moment = date_and_time(header, date_keyword, time_keyword)
        except HeaderError:
            moment = None
        if moment is not None:
            return Said((moment.at - _EPOCH).total_seconds(), tag)
        value = header.get(time_keyword)
        if value is None:
            return None
        try:
            time = parse_time(value).time
        except ValueError:
            return None
        return Said((datetime.combine(_EPOCH, time) - _EPOCH).total_seconds(), tag)

    return read


OFFSET_RULES: dict[str, Callable[[FrameHeader], Said | None]] = {
    "time_offset": _of_keyword("TemporalPositionTimeOffset", "(0020,930D)"),
    "philips_dynamic_begin": _philips_begin,
    "ge_trigger_time": _trigger_time,
}
"""Rule -> seconds from a start that each series has for itself."""

CLOCK_RULES: dict[str, Callable[[FrameHeader], Said | None]] = {
    "acquisition_datetime": _acquisition_datetime,
    "acquisition_time": _clock("AcquisitionDate", "AcquisitionTime", "(0008,0032)"),
    "content_time": _clock("ContentDate", "ContentTime", "(0008,0033)"),
}
"""Rule -> seconds of a clock that all series of an examination share.

ContentTime comes last: it may be the time of reconstruction, or one value for all.
"""

SECOND_RULES = {**OFFSET_RULES, **CLOCK_RULES}


def read_said(
    header: FrameHeader, rules: dict[str, Callable[[FrameHeader], Said | None]]
) -> Iterator[tuple[str, Said]]:
    """Yield each rule that the header answers, and what it says."""
    for rule, read in rules.items():
        found = read(header)
        if found is not None:
            yield rule, found
