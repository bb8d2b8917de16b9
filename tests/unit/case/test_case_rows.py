"""Rows of the tables: ids, joined flags, and headers as text."""

from __future__ import annotations

import pytest
from synthetic_acquisitions import instance, series_of

from biomarker_cli.case.plan import CasePlan, ImagePlan
from biomarker_cli.case.rows import case_row, skipped_roi_rows

PLAN = CasePlan("A", "S1", "T1", "mr", (ImagePlan("mr"),), None, (), wanted_rois=("GTV",))


def test_a_case_is_named_by_the_study_never_by_a_header():
    series = [series_of([instance(0, "MR", PatientID="HIDDEN")])]
    row = case_row(PLAN, series)
    assert row.case_id == PLAN.case_id == "A/S1/T1/mr"
    assert (row.site_id, row.subject_id, row.timepoint) == ("A", "S1", "T1")
    assert PLAN.subject == "A/S1"
    assert "HIDDEN" not in str(row)


def test_the_series_of_a_case_are_joined_in_order():
    series = [
        series_of([instance(0, "MR")], uid="1.3", study="1.1"),
        series_of([instance(0, "MR")], uid="1.2", study="1.1"),
    ]
    row = case_row(PLAN, series)
    assert (row.series_uid, row.study_uid, row.modality) == ("1.2;1.3", "1.1", "MR")


@pytest.mark.parametrize(
    ("software", "text"),
    [("V1 ", "V1"), (["V1", "V2"], "V1\\V2"), (None, "")],
)
def test_an_element_of_several_values_stands_as_in_dicom(software, text):
    series = [series_of([instance(0, "MR", SoftwareVersions=software)])]
    assert case_row(PLAN, series).software == text


def test_a_region_that_was_never_reached_says_why():
    (row,) = skipped_roi_rows(
        PLAN.case_id, "mr", PLAN.wanted_rois, ("CASE-EXCLUDED", "rules are broken")
    ).values()
    assert (row.roi_id, row.status, row.error_code) == ("GTV", "skipped", "CASE-EXCLUDED")
    assert row.case_id == PLAN.case_id
