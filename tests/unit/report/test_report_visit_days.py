"""Courses over visits stand on days of one calendar, or on the order of the visits."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from biomarker_cli.report.values import FeatureValues, change_figure

DAYS = {"T1": "20240101", "T2": "20240301"}


def figure(moved):
    cases = {f"A/S1/{visit}/ct": visit for visit in DAYS}
    facts = {
        case: [
            {"fact": "study_date", "value": DAYS[visit]},
            *([{"fact": "dates_modified", "value": "MODIFIED"}] if visit in moved else []),
        ]
        for case, visit in cases.items()
    }
    tables = SimpleNamespace(
        facts=facts,
        case_of={
            case: {"site_id": "A", "subject_id": "S1", "timepoint": visit}
            for case, visit in cases.items()
        },
    )
    rows = tuple(SimpleNamespace(case_id=case, value=1.0) for case in cases)
    return change_figure(tables, FeatureValues("a@1.0.0", "x.mean", "GTV", "ct", "1", rows))


@pytest.mark.parametrize(
    ("moved", "places"),
    [((), ["0", "60"]), (("T1", "T2"), ["0", "60"]), (("T1",), ["–", "–"]), (("T2",), ["–", "–"])],
)
def test_days_of_two_calendars_are_no_axis(moved, places):
    assert [row[2] for row in figure(moved).rows] == places
