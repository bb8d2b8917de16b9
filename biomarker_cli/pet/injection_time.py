"""The moment of injection, in the clock of the series."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType

from biomarker_cli.dicom.injection import TAG_START_DATETIME, TAG_START_TIME, InjectionRecord
from biomarker_cli.dicom.injection_clock import (
    InjectionTimeError,
    dated_injection,
    earliest_scan_s,
    injections_by_time_of_day,
    time_of_day_suffices,
)
from biomarker_cli.dicom.nuclides import Nuclide
from biomarker_cli.dicom.times import parse_time
from biomarker_cli.pet.derivation import Derivation
from biomarker_cli.pet.errors import SuvError
from biomarker_cli.pet.rules import ClinicalForm
from biomarker_cli.pet.series import PetSeries, with_acquisition_dates_of_series

_LONGEST_UPTAKE_H = MappingProxyType(
    {"F-18": 8.0, "Ga-68": 5.0, "C-11": 2.5, "Cu-64": 72.0, "Zr-89": 14 * 24.0}
)
"""Latest plausible start of a scan after injection; 8 half-lives for other nuclides."""

SAME_TIME_S = 120.0
"""Header and form tell the same time of injection within this."""


@dataclass(frozen=True, slots=True)
class UptakeWindow:
    """Accepted times from injection to scan, s."""

    earliest_s: float
    latest_s: float

    def holds(self, uptake_s: float) -> bool:
        """Tell whether an uptake time is plausible."""
        return self.earliest_s <= uptake_s <= self.latest_s


def longest_uptake_s(nuclide: Nuclide) -> float:
    """Return the latest plausible start of a scan after injection, s."""
    longest_h = _LONGEST_UPTAKE_H.get(nuclide.name)
    return 8 * nuclide.half_life_s if longest_h is None else longest_h * 3600.0


def uptake_window(nuclide: Nuclide, is_dynamic: bool) -> UptakeWindow:
    """Return the window of a nuclide; only a dynamic series may start before the injection."""
    return UptakeWindow(earliest_scan_s(is_dynamic), longest_uptake_s(nuclide))


def header_injection(
    record: InjectionRecord, series: PetSeries, derivation: Derivation
) -> datetime | None:
    """Return RadiopharmaceuticalStartDateTime in the series' clock, None where absent."""
    try:
        found = dated_injection(record, series.frames.first, series.offset)
    except InjectionTimeError as error:
        raise _time_error(error) from error
    if found is None:
        return None
    if found.clock_told_by_start_time:
        derivation.warn(
            "the start date-time carries an offset from UTC and the series none: "
            "the local clock was told from RadiopharmaceuticalStartTime"
        )
    return found.at


def injection_moment(
    record: InjectionRecord,
    series: PetSeries,
    nuclide: Nuclide,
    form: ClinicalForm,
    derivation: Derivation,
) -> datetime:
    """Return the moment of injection in the clock of the series.

    RadiopharmaceuticalStartDateTime comes first; without it the time of day on
    the day of the scan, or the day before. A date that cannot be is rebuilt
    from the time of day where the nuclide is short-lived.

    Raises
    ------
    SuvError
        ``SUV-NO-INJECTION-TIME``, ``SUV-INJECTION-TIME``,
        ``SUV-INJECTION-DATE``, ``SUV-INJECTION-CONFLICT``, ``SUV-NO-SCAN-TIME``.
    """
    derivation.read("injection", record.start_datetime or None, "", TAG_START_DATETIME)
    derivation.read("injection time of day", record.start_time or None, "", TAG_START_TIME)
    scan_s = series.scan_s
    if scan_s is None:
        raise SuvError(
            "SUV-NO-SCAN-TIME",
            "neither the acquisition nor the series has a date and time",
            where="AcquisitionDate, AcquisitionTime, SeriesDate, SeriesTime",
            hint="Export the series again with its dates, or give them in the override file.",
        )
    scan = series.moment(scan_s)
    window = uptake_window(nuclide, series.is_dynamic)
    of_form = _form_injection(form, series)
    found = header_injection(record, series, derivation)
    if found is None and record.start_time:
        found = _on_day_of_scan(record.start_time, scan, nuclide, window)
        derivation.convert(
            "injection", record.start_time, found.isoformat(), "on the day of the scan"
        )
    elif found is not None and not window.holds((scan - found).total_seconds()):
        found = _rebuilt(record, found, scan, nuclide, window, derivation)
    elif found is not None:
        _compare_clocks(record, found, derivation)
    if found is None:
        if of_form is None:
            raise SuvError(
                "SUV-NO-INJECTION-TIME",
                "the time of injection is missing",
                where=f"{TAG_START_DATETIME}, {TAG_START_TIME}",
                hint="Give injection_datetime in the manifest, or "
                "RadiopharmaceuticalStartDateTime in the override file.",
            )
        derivation.convert("injection", None, of_form.isoformat(), "the header has none: the form")
        found = of_form
        _require_inside(found, scan, window, "form: injection_datetime")
    elif of_form is not None:
        _require_same_time(found, of_form, derivation)
    derivation.results["injection"] = found.isoformat()
    return found


def _compare_clocks(record: InjectionRecord, found: datetime, derivation: Derivation) -> None:
    """Warn where the two elements name different times of day."""
    if not record.start_time:
        return
    try:
        clock = parse_time(record.start_time)
    except ValueError:
        derivation.warn(f"{TAG_START_TIME} is unreadable: {record.start_time!r}")
        return
    apart = abs((datetime.combine(found.date(), clock.time) - found).total_seconds())
    apart = min(apart, 86_400.0 - apart)
    if apart > max(SAME_TIME_S, clock.resolution_s):
        derivation.warn(
            f"{TAG_START_DATETIME} says {found.time().isoformat()}, {TAG_START_TIME} "
            f"{clock.time.isoformat()}: the date-time is used",
            "injection_times_differ",
        )


def _on_day_of_scan(text: str, scan: datetime, nuclide: Nuclide, window: UptakeWindow) -> datetime:
    if not time_of_day_suffices(nuclide.half_life_s):
        raise SuvError(
            "SUV-INJECTION-DATE",
            f"{nuclide.name} may be imaged days after injection: a time of day without a date "
            "does not tell when it was",
            where=TAG_START_DATETIME,
            hint="Give RadiopharmaceuticalStartDateTime in the override file.",
        )
    try:
        days = injections_by_time_of_day(text, scan)
    except InjectionTimeError as error:
        raise _time_error(error) from error
    inside = [day for day in days if window.holds((scan - day).total_seconds())]
    if not inside:
        _require_inside(days[1], scan, window, TAG_START_TIME)
    if len(inside) > 1:
        raise SuvError(
            "SUV-INJECTION-DATE",
            f"{nuclide.name} may be imaged a day after injection: a time of day without a date "
            f"may mean {' or '.join(day.isoformat() for day in inside)}",
            where=TAG_START_DATETIME,
            hint="Give RadiopharmaceuticalStartDateTime in the override file.",
        )
    return inside[0]


def _rebuilt(
    record: InjectionRecord,
    found: datetime,
    scan: datetime,
    nuclide: Nuclide,
    window: UptakeWindow,
    derivation: Derivation,
) -> datetime:
    if derivation.is_overridden("RadiopharmaceuticalStartDateTime"):
        return found
    if not time_of_day_suffices(nuclide.half_life_s):
        _require_inside(found, scan, window, TAG_START_DATETIME)
    clock = record.start_time or found.time().strftime("%H%M%S.%f")
    try:
        rebuilt = _on_day_of_scan(clock, scan, nuclide, window)
    except SuvError:
        _require_inside(found, scan, window, TAG_START_DATETIME)
        raise
    derivation.convert(
        "injection", record.start_datetime, rebuilt.isoformat(), "its time of day, before the scan"
    )
    derivation.warn(
        f"the date of injection {found.isoformat()} does not fit the scan {scan.isoformat()}: "
        "it was rebuilt from the time of day",
        "injection_time_rebuilt",
    )
    return rebuilt


def _require_inside(found: datetime, scan: datetime, window: UptakeWindow, tag: str) -> None:
    uptake = (scan - found).total_seconds()
    if window.holds(uptake):
        return
    raise SuvError(
        "SUV-INJECTION-TIME",
        f"the scan at {scan.isoformat()} is {uptake / 60:.1f} min after the injection at "
        f"{found.isoformat()}: expected {window.earliest_s / 60:g} to "
        f"{window.latest_s / 60:g} min",
        where=tag,
        hint="Give RadiopharmaceuticalStartDateTime in the override file.",
    )


def _form_injection(form: ClinicalForm, series: PetSeries) -> datetime | None:
    moment = form.injection_datetime
    if moment is None or moment.tzinfo is None:
        return moment
    own = moment.utcoffset()
    if series.offset is None or own is None:
        raise SuvError(
            "SUV-FORM",
            "the form's time carries an offset from UTC, the series does not say its own",
            where="form: injection_datetime",
            hint="Write injection_datetime in the local time of the scanner.",
        )
    return moment.replace(tzinfo=None) - own + series.offset


def _require_same_time(found: datetime, of_form: datetime, derivation: Derivation) -> None:
    derivation.read("injection", of_form.isoformat(), "", "form: injection_datetime")
    apart = abs((found - of_form).total_seconds())
    overridden = ("RadiopharmaceuticalStartDateTime", "RadiopharmaceuticalStartTime")
    if apart <= SAME_TIME_S or derivation.is_overridden(*overridden):
        return
    raise SuvError(
        "SUV-INJECTION-CONFLICT",
        f"the header says {found.isoformat()}, the case report form {of_form.isoformat()}: "
        f"{apart / 60:.1f} min apart",
        where=TAG_START_DATETIME,
        hint="Find out which is right and name it in the override file.",
    )


def _time_error(error: InjectionTimeError) -> SuvError:
    return SuvError(
        "SUV-INJECTION-TIME",
        str(error),
        where=error.tag,
        hint="Correct the value in the override file.",
    )


def settle_acquisition_date(
    record: InjectionRecord, series: PetSeries, nuclide: Nuclide, derivation: Derivation
) -> PetSeries:
    """Return the series with acquisition dates that belong to it.

    Anonymisers rewrite AcquisitionDate and SeriesDate differently. Where the
    two are more than a day apart, the one that fits the dated injection holds;
    for a short-lived nuclide the time of day decides, with a warning.

    Raises
    ------
    SuvError
        ``SUV-ACQUISITION-DATE``.
    """
    first, start = series.first_acquisition_s, series.series_start
    if first is None or start is None:
        return series
    acquired = series.moment(first)
    if abs(acquired - start.at) <= timedelta(days=1):
        return series
    injected = header_injection(record, series, derivation)
    window = uptake_window(nuclide, series.is_dynamic)
    if injected is not None and window.holds((acquired - injected).total_seconds()):
        return series
    if not time_of_day_suffices(nuclide.half_life_s):
        raise SuvError(
            "SUV-ACQUISITION-DATE",
            f"the acquisition of {acquired.date()} and the series of {start.at.date()} are "
            "more than a day apart, and no dated injection tells which is right",
            where="AcquisitionDate (0008,0022), SeriesDate (0008,0021)",
            hint="Give AcquisitionDate in the override file.",
        )
    derivation.warn(
        f"AcquisitionDate {acquired.date()} does not belong to the series of {start.at.date()}: "
        "the acquisition was put on the day of the series",
        "acquisition_date_rebuilt",
    )
    return with_acquisition_dates_of_series(series)
