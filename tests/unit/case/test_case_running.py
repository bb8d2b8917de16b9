"""One case from its plan to its rows: flags, refusals, and what stays when something fails."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from synthetic_dwi import ADC_MM2_S, SHAPE, Spec, candidates, write_dwi
from synthetic_protocols import protocol_head

from biomarker_cli.acquisition.protocol import load_acquisition
from biomarker_cli.case.analysis import load_analysis
from biomarker_cli.case.plan import CasePlan, ImagePlan
from biomarker_cli.case.result import CaseResult, CaseStatus
from biomarker_cli.case.running import run_case
from biomarker_cli.imaging.files import write_nifti
from biomarker_cli.imaging.geometry import Geometry

GRID = Geometry(SHAPE, (1.0, 2.0, 3.0))

ANALYSIS = """\
applies_to: {{modality: MR}}
measure: adc
regions: {{gaps: error, cross_series: allow, other_grid: forbid, empty: row}}
adc: {{estimator: lls, b_set: {b_set}, statistics: [mean, median]}}
"""
ACQUISITION = """\
applies_to: {{when: {{Modality: MR}}}}
rules:
  - {{id: R, title: r, fact: {fact}, check: {{max: 10}}, unit: ms, severity: {severity}}}
"""


@pytest.fixture
def analysis(tmp_path):
    def load(status: str = "active", ident: str = "test", b_set: str = "{kind: all}"):
        path = tmp_path / f"{ident}.yaml"
        head = protocol_head("analysis", ident, "1.0.0", status)
        path.write_text(head + ANALYSIS.format(b_set=b_set))
        return load_analysis(str(path))

    return load


@pytest.fixture
def acquisition(tmp_path):
    def load(status: str = "active", severity: str = "error", fact: str = "EchoTime"):
        path = tmp_path / "site.yaml"
        head = protocol_head(status=status)
        path.write_text(head + ACQUISITION.format(severity=severity, fact=fact))
        return load_acquisition(str(path))

    return load


def mask(folder: Path) -> Path:
    """Write two regions: a large one with the label 1, and one voxel with the label 2."""
    labels = np.zeros(SHAPE, dtype=np.uint8)
    labels[:, :3] = 1
    labels[0, 3, 0] = 2
    write_nifti(labels, GRID, folder / "mask.nii.gz")
    return folder / "mask.nii.gz"


@pytest.fixture
def plan(tmp_path, analysis):
    """A case whose image is a map of known values."""
    write_nifti(ADC_MM2_S, GRID, tmp_path / "adc.nii.gz")
    return CasePlan(
        site_id="A",
        subject_id="S1",
        timepoint="T1",
        role="adc",
        images=(ImagePlan("adc", files=(tmp_path / "adc.nii.gz",), quantity="adc"),),
        mask=mask(tmp_path),
        analyses=(analysis(),),
    )


@pytest.fixture
def series(tmp_path, plan):
    """The same case, whose image is a diffusion series with an echo time of 70 ms."""
    write_dwi(tmp_path / "dwi", [Spec(0), Spec(800)])
    found = candidates(tmp_path / "dwi")
    geometry = found[0].geometry
    assert geometry is not None
    write_nifti(np.ones(SHAPE, dtype=np.uint8), geometry, tmp_path / "whole.nii.gz")
    return replace(plan, images=(ImagePlan("adc", found),), mask=tmp_path / "whole.nii.gz")


def flags_of(result: CaseResult) -> set[str]:
    """Return the flags that every row of a case carries."""
    assert result.measurements
    return set.intersection(*(set(row.flags) for row in result.measurements))


def state(result: CaseResult) -> tuple[str, str]:
    return str(result.status), result.case.error_code


def test_a_case_gives_a_row_of_each_feature_of_each_region(plan):
    result = run_case(plan)
    assert state(result) == ("measured", "")
    assert {row.case_id for row in result.measurements} == {"A/S1/T1/adc"}
    means = {
        row.roi_id: row.value
        for row in result.measurements
        if row.feature_id == "adc.intensity.mean"
    }
    expected = [ADC_MM2_S[:, :3].mean(), ADC_MM2_S[0, 3, 0]]
    assert list(means.values()) == pytest.approx(expected, rel=1e-6)
    assert [row.status for row in result.rois.values()] == ["ok", "ok"]
    known = {row.feature_id for row in result.features}
    assert known == {row.feature_id for row in result.measurements}


@pytest.mark.parametrize(("status", "is_flagged"), [("draft", True), ("active", False)])
def test_a_draft_analysis_flags_every_row(plan, analysis, status, is_flagged):
    result = run_case(replace(plan, analyses=(analysis(status),)))
    assert ("draft_protocol" in flags_of(result)) == is_flagged


@pytest.mark.parametrize(("status", "is_flagged"), [("draft", True), ("active", False)])
def test_a_draft_acquisition_protocol_flags_every_row(plan, acquisition, status, is_flagged):
    result = run_case(replace(plan, acquisition=acquisition(status)))
    assert ("draft_protocol" in flags_of(result)) == is_flagged


def test_a_retired_protocol_flags_every_row(plan, analysis, acquisition):
    assert "retired_protocol" in flags_of(run_case(replace(plan, analyses=(analysis("retired"),))))
    flags = flags_of(run_case(replace(plan, acquisition=acquisition("retired"))))
    assert "retired_protocol" in flags
    assert "draft_protocol" not in flags


def test_a_draft_beside_a_released_analysis_flags_its_own_rows_alone(plan, analysis):
    both = (analysis(), analysis("draft", "other"))
    rows = run_case(replace(plan, analyses=both)).measurements
    flagged = {row.analysis_id for row in rows if "draft_protocol" in row.flags}
    assert flagged == {"other@1.0.0"}


def test_what_is_known_of_a_case_before_stands_on_every_row(plan):
    result = run_case(replace(plan, flags=frozenset({"deviates"})))
    assert "deviates" in flags_of(result)


def test_a_case_without_segmentation_waits_and_names_what_was_wanted(plan):
    result = run_case(replace(plan, mask=None, wanted_rois=("GTV", "NODE")))
    assert state(result) == ("waiting", "CASE-NO-MASK")
    assert [(row.roi_id, row.status) for row in result.rois.values()] == [
        ("GTV", "skipped"),
        ("NODE", "skipped"),
    ]
    assert not result.measurements


@pytest.mark.parametrize(
    ("severity", "on_violation", "expected"),
    [
        ("error", "exclude", "excluded"),
        ("warning", "exclude", "measured"),
        ("error", "flag", "measured"),
    ],
)
def test_only_an_error_level_rule_excludes_a_case(
    series, acquisition, severity, on_violation, expected
):
    result = run_case(
        replace(series, acquisition=acquisition(severity=severity), on_violation=on_violation)
    )
    assert result.status is CaseStatus(expected)
    assert [row.outcome for row in result.checks] == ["fail"]
    assert bool(result.measurements) == (expected == "measured")
    if expected == "excluded":
        assert result.case.error_code == "CASE-EXCLUDED"
    elif severity == "error":
        assert "acq_fail:R" in flags_of(result)
    else:
        assert not [flag for flag in flags_of(result) if flag.startswith("acq_")]


@pytest.mark.parametrize(("severity", "is_flagged"), [("error", True), ("warning", False)])
def test_an_error_level_rule_that_cannot_be_judged_flags_and_never_excludes(
    series, acquisition, severity, is_flagged
):
    protocol = acquisition(severity=severity, fact="InversionTime")
    result = run_case(replace(series, acquisition=protocol, on_violation="exclude"))
    assert result.status is CaseStatus.MEASURED
    assert ("acq_not_evaluable:R" in flags_of(result)) == is_flagged


def test_one_analysis_that_refuses_does_not_stop_the_others(series, analysis):
    refusing = analysis(ident="range", b_set="{kind: range, min: 900}")
    result = run_case(replace(series, analyses=(refusing, analysis())))
    assert state(result) == ("partial", "ADC-B-SET")
    assert {row.analysis_id for row in result.measurements} == {"test@1.0.0"}
    assert [note for note in result.notes if note.text.startswith("range@1.0.0: ADC-B-SET")]


def test_where_all_analyses_refuse_the_case_has_failed_and_keeps_its_facts(series, analysis):
    refusing = analysis(ident="range", b_set="{kind: range, min: 900}")
    result = run_case(replace(series, analyses=(refusing,), wanted_rois=("GTV",)))
    assert state(result) == ("failed", "ADC-B-SET")
    assert result.facts
    assert [(row.status, row.error_code) for row in result.rois.values()] == [
        ("skipped", "ADC-B-SET")
    ]


def test_a_region_that_was_asked_for_and_is_not_there_makes_the_case_partial(plan):
    first = next(iter(run_case(plan).rois)).roi
    result = run_case(replace(plan, wanted_rois=(first, "NODE")))
    assert result.status is CaseStatus.PARTIAL
    assert {row.roi_id: row.status for row in result.rois.values()}["NODE"] == "missing"
    assert result.measurements


def test_a_case_without_any_measurement_has_failed(plan, tmp_path):
    write_nifti(np.zeros(SHAPE, dtype=np.uint8), GRID, tmp_path / "empty.nii.gz")
    result = run_case(replace(plan, mask=tmp_path / "empty.nii.gz", wanted_rois=("GTV",)))
    assert result.status is CaseStatus.FAILED
    assert not result.measurements


def test_the_digest_of_every_input_is_that_of_its_bytes(plan):
    import hashlib

    named = replace(plan, input_paths=(*plan.primary.files, plan.mask))
    result = run_case(named)
    assert {path: read.sha256 for path, read in result.inputs.items()} == {
        path: hashlib.sha256(path.read_bytes()).hexdigest() for path in named.input_paths
    }


def test_a_wrong_modality_is_refused_by_name(series, tmp_path):
    analysis = load_analysis("fdg-suv")
    result = run_case(replace(series, analyses=(analysis,)))
    assert state(result) == ("failed", "IMAGE-MODALITY")


def say_of_pixels(folder: Path, word: str) -> None:
    for path in folder.glob("*.dcm"):
        dataset = pydicom.dcmread(path)
        dataset.BurnedInAnnotation = word
        dataset.save_as(path)


@pytest.mark.parametrize(("word", "is_flagged"), [("YES", True), ("NO", False)])
def test_text_burned_into_the_pixels_is_a_flag_of_every_row(tmp_path, series, word, is_flagged):
    say_of_pixels(tmp_path / "dwi", word)
    plan = replace(series, images=(ImagePlan("adc", candidates(tmp_path / "dwi")),))
    result = run_case(plan)
    assert ("burned_in_annotation" in flags_of(result)) is is_flagged
    assert [row.value for row in result.facts if row.fact == "burned_in_annotation"] == [word]


def test_a_damaged_word_on_burned_in_text_fails_no_case(tmp_path, series):
    for path in (tmp_path / "dwi").glob("*.dcm"):
        dataset = pydicom.dcmread(path)
        dataset[0x00280301] = pydicom.DataElement(0x00280301, "SQ", [pydicom.Dataset()])
        dataset.save_as(path)
    plan = replace(series, images=(ImagePlan("adc", candidates(tmp_path / "dwi")),))
    result = run_case(plan)
    assert state(result) == ("measured", "")
    assert "burned_in_annotation" not in flags_of(result)
