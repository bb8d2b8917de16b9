"""The day of an examination: what DICOM calls a date, whole, and nothing that is like one."""

from __future__ import annotations

from datetime import date

import pytest

from biomarker_cli.model.study_dates import study_day

SPRING = date(2024, 3, 1)


@pytest.mark.parametrize(
    "text", ["20240301", "2024.03.01", "2024-03-01", " 20240301 ", "20240301\0"]
)
def test_a_date_of_dicom_is_read(text):
    assert study_day(text) == SPRING


@pytest.mark.parametrize(
    "text",
    [
        *("", "20240230", "2024-2-28", "2024-1-1 12:00", "28.02.2024", "٢٠٢٤٠٢٢٨", "2024"),
        *("20240228T10", "202402281530", "2024-02-8", "20-24-0101", "2024-0301", "2024.03-01"),
        *("20240301\\20240302", "00000301"),
    ],
)
def test_what_only_begins_like_a_date_names_no_day(text):
    assert study_day(text) is None
