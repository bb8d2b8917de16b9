"""Days and hours: which day a clock time belongs to, and how late a scan may be."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest
from synthetic_pet import pet_volume

from biomarker_cli.dicom.nuclides import NUCLIDES
from biomarker_cli.dicom.times import Moment
from biomarker_cli.pet.derivation import Derivation
from biomarker_cli.pet.injection_time import longest_uptake_s, uptake_window
from biomarker_cli.pet.series import nearest_day, read_series, with_acquisition_dates_of_series

LATEST_S = {
    "O-15": 8 * 122.24,
    "I-124": 8 * 4.176 * 86_400,
    "C-11": 2.5 * 3600,
    "Ga-68": 5 * 3600,
    "F-18": 8 * 3600,
    "Cu-64": 72 * 3600,
    "Zr-89": 14 * 86_400,
}
"""Eight half-lives, but for the nuclides whose practice is known."""


@pytest.mark.parametrize("name", LATEST_S)
def test_a_scan_begins_at_most_eight_half_lives_after_the_injection(name):
    nuclide = NUCLIDES[name]
    latest = LATEST_S[name]
    assert longest_uptake_s(nuclide) == latest
    for is_dynamic in (False, True):
        window = uptake_window(nuclide, is_dynamic)
        assert window.holds(latest)
        assert not window.holds(latest + 1.0)


@pytest.mark.parametrize(
    ("clock", "other", "expected"),
    [
        ("20200101T23:50", "20250102T00:10", "20250101T23:50"),
        ("20300101T00:10", "20250102T23:50", "20250103T00:10"),
        ("20200101T09:00", "20250102T10:00", "20250102T09:00"),
        ("20200101T11:59", "20250102T00:00", "20250102T11:59"),
        ("20200101T12:01", "20250102T00:00", "20250101T12:01"),
    ],
)
def test_a_clock_time_is_on_the_day_nearest_to_another_moment(clock, other, expected):
    read = "%Y%m%dT%H:%M"
    moment = Moment(datetime.strptime(clock, read), 0.01, "AcquisitionTime")
    found = nearest_day(moment, datetime.strptime(other, read))
    assert found == replace(moment, at=datetime.strptime(expected, read))


def series_across_midnight():
    """Three beds after midnight, whose dates are those of another year; the series has its own."""

    def change(dataset, index):
        dataset.SeriesDate, dataset.SeriesTime = "20250101", "235800"
        dataset.AcquisitionDate = "20240601" if index == 0 else "20240602"
        dataset.AcquisitionTime = ("000100", "000300", "000500")[index]

    return read_series(pet_volume(change=change).frames, Derivation())


def test_the_acquisition_is_put_around_the_start_of_the_series():
    series = with_acquisition_dates_of_series(series_across_midnight())
    at = [series.moment(s) for s in series.acquisition_s]
    start = datetime(2025, 1, 1, 23, 58)
    assert at == [start + timedelta(minutes=minutes) for minutes in (3, 5, 7)]
    assert series.base == datetime(2025, 1, 1)
    assert series.seconds(start) == 86_280.0


def test_a_frame_without_time_stays_without():
    read = series_across_midnight()
    seconds = read.acquisition_s.copy()
    seconds[1] = np.nan
    series = with_acquisition_dates_of_series(replace(read, acquisition_s=seconds))
    assert np.isnan(series.acquisition_s[1])
    assert np.isfinite(series.acquisition_s[[0, 2]]).all()


def test_a_series_without_a_start_stays_as_it_is():
    series = replace(series_across_midnight(), series_start=None)
    assert with_acquisition_dates_of_series(series) is series
