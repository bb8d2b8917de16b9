"""Regions that an analysis asks for: one that the segmentation lacks has a row of its own."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from synthetic_dwi import ADC_MM2_S, SHAPE
from synthetic_protocols import protocol_head

from biomarker_cli.case.analysis import Analysis, load_analysis
from biomarker_cli.case.plan import CasePlan, ImagePlan
from biomarker_cli.case.required_regions import missing_regions
from biomarker_cli.case.result import CaseStatus, RoiKey
from biomarker_cli.case.running import run_case
from biomarker_cli.imaging.files import write_nifti
from biomarker_cli.imaging.geometry import Geometry
from biomarker_cli.regions.result import RoiResult

GRID = Geometry(SHAPE, (1.0, 2.0, 3.0))
VIALS = """\
    certificate:
      phantom: p
      source: c
      temperature_c: 0.0
      vials: [{roi: mask, adc_mm2_s: 1.0e-3}, {roi: pvp30, adc_mm2_s: 0.5e-3}]
"""


def analysis_with(folder: Path, name: str, vials: str) -> Analysis:
    path = folder / f"{name}.yaml"
    path.write_text(
        protocol_head("analysis", name, "1.0.0", "active")
        + "applies_to: {modality: MR}\nmeasure: adc\n"
        + "regions: {gaps: error, cross_series: allow, other_grid: forbid, empty: row}\n"
        + "adc:\n  estimator: lls\n  b_set: {kind: all}\n  statistics: [mean]\n"
        + "  phantom:\n    bias_mm2_s: 0.04e-3\n    within_slice_cv_percent: 2\n"
        + "    b_dependence_percent: 2\n"
        + vials
    )
    return load_analysis(str(path))


@pytest.fixture
def plan(tmp_path: Path) -> CasePlan:
    write_nifti(ADC_MM2_S, GRID, tmp_path / "adc.nii.gz")
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[:, :3] = 1
    write_nifti(labels, GRID, tmp_path / "mask.nii.gz")
    return CasePlan(
        site_id="A",
        subject_id="P1",
        timepoint="T1",
        role="adc",
        images=(ImagePlan("adc", files=(tmp_path / "adc.nii.gz",), quantity="adc"),),
        mask=tmp_path / "mask.nii.gz",
        analyses=(analysis_with(tmp_path, "phantom", VIALS),),
    )


def test_a_vial_that_matches_no_region_is_an_error_row(plan):
    result = run_case(plan)
    row = result.rois[RoiKey("pvp30", "adc")]
    assert (row.status, row.error_code) == ("missing", "REGION-REQUIRED")
    assert "'pvp30'" in row.error_message
    assert "'mask'" in row.error_message
    assert row.source_kind == "nifti"
    assert result.status is CaseStatus.PARTIAL
    assert result.rois[RoiKey("mask", "adc")].status == "ok"


def test_without_a_certificate_no_region_is_asked_for(plan, tmp_path):
    result = run_case(replace(plan, analyses=(analysis_with(tmp_path, "bare", ""),)))
    assert list(result.rois) == [RoiKey("mask", "adc")]
    assert result.status is CaseStatus.MEASURED


def test_who_names_the_regions_misses_no_others(plan):
    result = run_case(replace(plan, wanted_rois=("mask",)))
    assert list(result.rois) == [RoiKey("mask", "adc")]
    assert result.status is CaseStatus.MEASURED


def test_two_analyses_that_ask_for_one_region_give_one_row(plan, tmp_path):
    second = analysis_with(tmp_path, "second", VIALS)
    result = run_case(replace(plan, analyses=(*plan.analyses, second)))
    assert [key.roi for key in result.rois] == ["mask", "pvp30"]


@pytest.mark.parametrize(("n", "said"), [(20, "'r19'."), (21, "'r19' and 1 more")])
def test_a_long_list_of_regions_is_cut(plan, n, said):
    found = [RoiResult(f"r{i:02d}", f"r{i:02d}", f"r{i:02d}", "ok") for i in range(n)]
    missing = missing_regions(plan, plan.analyses[0], found)
    assert [roi.roi_id for roi in missing] == ["mask", "pvp30"]
    assert said in missing[0].error_message
    assert missing[0].source_kind == ""
