"""Tables of other programs: what a column means, and which relations are no differences."""

from __future__ import annotations

import math

import pytest
from measured_folders import CASE, MEAN, VOLUME, digests, measured, write_run

from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.multicentre.comparison import ComparisonRequest, compare
from biomarker_cli.multicentre.comparison_report import as_json, text_lines
from biomarker_cli.multicentre.dialects import load_dialect, shipped_dialects
from biomarker_cli.multicentre.verdicts import RowVerdict
from biomarker_cli.pet.uptake import UPTAKE
from biomarker_cli.radiomics.features.registry import RADIOMICS

KURTOSIS = "original.intensity.kurtosis"
AXIS = "original.morphology.major_axis_length"
TEXTURE = "original.glcm.contrast.3d_average"

DIALECT = """
format: biomarker-dialect/1
id: example
version: 0.1.0
status: active
title: Example
source: [{doc: none, confirmed: {by: recall}}]
changelog: [{version: 0.1.0, date: 2026-11-28, change: first}]
program: {name: Example, versions: "1"}
tables:
  - case: image
    roi: mask
    strip: '_(?P<method>fbs)_w(?P<number>[0-9.]+)$|\\[(?P<unit>\\w*)\\]$'
    units: {cm3: mL, mm3: mm3}
    ignore: ["info_*"]
    undefined: [0]
    masks: [{column: voxels, against: n_voxels}]
tolerance: {rel: 1.0e-6}
discretisation: {methods: {fbs: "FBS {number}"}, families: [glcm]}
aggregations: {directional: {3d_average: _avg, 3d_merged: _mrg}}
relations:
  mesh: {why: another mesh, rel: 1.0e-4}
  excess: {why: not the excess, offset: -3}
  by_n: {why: divided by N, bessel: true}
  variance: {why: the variance, power: 0.5}
  other: {why: defined otherwise, judged: false}
  plain: {why: other bins, judged: false, unless_discretisation: multiple_of_width}
features:
  original.intensity.mean: {column: mean}
  original.morphology.volume: {column: volume, relation: mesh}
  original.intensity.kurtosis: {column: kurtosis, relation: excess}
  original.morphology.major_axis_length: {column: axis, relation: by_n}
  original.intensity.sd: {column: variance, relation: variance}
  original.intensity.energy: {column: energy, relation: other}
  original.intensity.range: {column: range, relation: plain}
  original.glcm.contrast: {column: contrast, suffixes: directional, relation: {3d_merged: other}}
no_feature: {centroid: no feature of ours}
"""


@pytest.fixture
def dialect(tmp_path):
    path = tmp_path / "example.yaml"
    path.write_text(DIALECT)
    return path


@pytest.fixture
def against(tmp_path, dialect):
    """Compare our rows with a table of one image, or of the lines given."""

    def run(rows, theirs, **more):
        folder = write_run(tmp_path / "ours", rows, **more)
        table = tmp_path / "theirs.csv"
        if isinstance(theirs, dict):
            cells = {"image": "scan1", "mask": "m", **theirs}
            theirs = f"{','.join(cells)}\n{','.join(cells.values())}\n"
        table.write_text(theirs)
        comparison = compare(ComparisonRequest(folder, table, dialect=str(dialect)))
        assert all(len(line) <= 80 for line in text_lines(comparison, 20))
        return comparison

    return run


def _verdicts(comparison):
    count = comparison.rows.count()
    return {verdict.word: number for verdict, number in count.items() if number}


RELATIONS = {
    "the same": (MEAN, 40.0, {"mean": "40.00001"}, "within"),
    "a difference": (MEAN, 40.0, {"mean": "40.1"}, "differs"),
    "another mesh": (VOLUME, 1000.0, {"volume": "1000.05"}, "relation"),
    "another mesh too far off": (VOLUME, 1000.0, {"volume": "1000.2"}, "differs"),
    "excess kurtosis": (KURTOSIS, -0.5, {"kurtosis": "2.5"}, "relation"),
    "excess kurtosis that is wrong": (KURTOSIS, -0.5, {"kurtosis": "-0.5"}, "differs"),
    "n or n-1": (AXIS, 10.0, {"axis": repr(10.0 * math.sqrt(99 / 100))}, "relation"),
    "n or n-1 that is wrong": (AXIS, 10.0, {"axis": "10.0"}, "differs"),
    "a variance": ("original.intensity.sd", 3.0, {"variance": "9"}, "relation"),
    "a negative variance": ("original.intensity.sd", 3.0, {"variance": "-9"}, "differs"),
    "another definition": ("original.intensity.energy", 3.0, {"energy": "77"}, "not_judged"),
    "another unit": (VOLUME, 1000.0, {"volume[cm3]": "1.0"}, "relation"),
    "another unit that is wrong": (VOLUME, 1000.0, {"volume[cm3]": "1.1"}, "differs"),
    "undefined against 0": (MEAN, None, {"mean": "0"}, "relation"),
    "undefined against noise": (MEAN, None, {"mean": "-4e-32"}, "relation"),
    "undefined against nothing": (MEAN, None, {"mean": ""}, "relation"),
    "undefined against a number": (MEAN, None, {"mean": "7"}, "differs"),
    "a value against nothing": (MEAN, 7.0, {"mean": ""}, "differs"),
    "0 against nothing": (MEAN, 0.0, {"mean": ""}, "relation"),
    "infinity": (MEAN, 7.0, {"mean": "inf"}, "differs"),
    "text in place of a number": (MEAN, 7.0, {"mean": "error"}, "differs"),
}


@pytest.mark.parametrize("what", RELATIONS)
def test_a_relation_is_no_difference_and_a_difference_is_no_relation(against, what):
    feature, ours, theirs, verdict = RELATIONS[what]
    unit = "mm3" if feature == VOLUME else "1"
    comparison = against([measured(feature, ours) | {"unit": unit}], theirs)
    assert _verdicts(comparison) == {verdict: 1}
    assert bool(comparison.failures) is (verdict == "differs")


def test_a_relation_of_n_without_a_known_n_is_not_judged(against):
    comparison = against([measured(AXIS, 10.0)], {"axis": "9.9"}, n_voxels=None)
    assert _verdicts(comparison) == {"not_judged": 1}


@pytest.mark.parametrize(("voxels", "verdict"), [("100", "differs"), ("98", "other_input")])
def test_another_mask_is_other_input(against, voxels, verdict):
    comparison = against([measured(MEAN, 40.0)], {"mean": "41", "voxels": voxels})
    assert _verdicts(comparison) == {verdict: 1}
    assert comparison.verdict == verdict
    masks = as_json(comparison)["dialect"]["other_masks"]
    assert [mask["theirs"] for mask in masks] == ([98.0] if verdict == "other_input" else [])


@pytest.mark.parametrize(
    ("ours", "column", "verdict"),
    [
        ("FBS 25, anchor 0", "contrast_avg_fbs_w25.0", "differs"),
        ("FBS 25, anchor 0", "contrast_avg_fbs_w10.0", "not_judged"),
        ("FBS 25, anchor 0", "contrast_avg_fbs_w2.0", "not_judged"),
        ("FBS 25, anchor 0", "contrast_avg", "not_judged"),
        ("FBN 25", "contrast_avg_fbs_w25.0", "not_judged"),
        ("none", "contrast_avg", "differs"),
        ("none", "contrast_avg_fbs_w25.0", "not_judged"),
    ],
)
def test_other_grey_levels_are_no_difference(against, ours, column, verdict):
    comparison = against([measured(TEXTURE, 3.0)], {column: "4"}, features={"discretisation": ours})
    assert _verdicts(comparison) == {verdict: 1}


def test_of_several_discretisations_the_one_that_is_ours_is_compared(against):
    theirs = {"contrast_avg_fbs_w10.0": "9", "contrast_avg_fbs_w25.0": "3", "contrast_avg": "8"}
    comparison = against(
        [measured(TEXTURE, 3.0)], theirs, features={"discretisation": "FBS 25, anchor 0"}
    )
    assert _verdicts(comparison) == {"same": 1}


@pytest.mark.parametrize(
    ("ours", "verdict"), [("FBS 25, anchor multiple_of_width", "differs"), ("FBN 3", "not_judged")]
)
def test_a_relation_does_not_hold_where_ours_measures_by_their_conventions(against, ours, verdict):
    rows = [measured("original.intensity.range", 3.0)]
    comparison = against(rows, {"range": "4"}, features={"discretisation": ours})
    assert _verdicts(comparison) == {verdict: 1}


def test_the_relation_of_one_aggregation_is_its_own(against):
    rows = [measured(f"original.glcm.contrast.{a}", 3.0) for a in ("3d_average", "3d_merged")]
    comparison = against(rows, {"contrast_avg": "3", "contrast_mrg": "9"})
    assert _verdicts(comparison) == {"same": 1, "not_judged": 1}


def test_a_column_is_known_by_the_dialect_and_never_by_an_id_in_its_name(against):
    theirs = {"mean": "40", "volume_Q4LE": "1000", "centroid": "3", "info_x": "1"}
    comparison = against([measured(MEAN, 40.0), measured(VOLUME, 999.0)], theirs)
    assert _verdicts(comparison) == {"same": 1}
    columns = as_json(comparison)["dialect"]
    assert columns["columns"] == {"same": 1, "relation": 0, "no_feature": 1, "unknown": 1}
    assert columns["unknown_columns"] == ["volume_Q4LE"]


def _two_cases():
    rows = [measured(MEAN, 1.0), measured(MEAN, 2.0) | {"case_id": "A/S2/T1/ct"}]
    return [*rows, measured(MEAN, 3.0) | {"case_id": "A/S2/T1/ct", "roi_id": "NODE"}]


def test_cases_are_found_by_subject_and_rois_by_name(against):
    table = "image,mask,mean\nS1.nii.gz,x,1\n/data/S2.nii.gz,GTV,2\n/data/S2.nii.gz,NODE,3\n"
    assert _verdicts(against(_two_cases(), table)) == {"same": 3}


def test_an_image_or_roi_of_one_side_is_a_failure(against):
    table = "image,mask,mean\nS2,GTV,2\nS2,LIVER,3\n"
    assert _verdicts(against(_two_cases(), table)) == {"same": 1, "only_a": 2, "only_b": 1}


@pytest.mark.parametrize(
    ("theirs", "code"),
    [
        ("", "DIALECT-TABLE"),
        ("image,mask,mean\n", "DIALECT-TABLE"),
        ("subject,mean\nS1,2\n", "DIALECT-TABLE"),
        ("image,mask,mean\nS1,GTV,1\nS1,GTV,2\n", "DIALECT-TWICE"),
        ("image,mask,mean,mean\nS1,GTV,1,2\n", "DIALECT-TABLE"),
        ("image,image,mask,mean\nS1,S2,GTV,1\n", "DIALECT-TABLE"),
        ("image,mask,volume[mm2]\nS1,GTV,1\n", "DIALECT-UNIT"),
        ("image,mask,colour\nS1,GTV,1\n", "COMPARE-NOTHING"),
    ],
)
def test_what_cannot_be_read_is_refused(against, dialect, theirs, code):
    dialect.write_text(DIALECT.replace("mm3: mm3", "mm2: mm2"))
    with pytest.raises(BiomarkerError) as refused:
        against([measured(VOLUME, 1.0) | {"unit": "mm3"}, measured(MEAN, 1.0)], theirs)
    assert refused.value.code == code


def test_the_same_value_in_two_files_is_one(tmp_path, dialect):
    folder = write_run(tmp_path / "ours", [measured(MEAN, 1.0), measured(TEXTURE, 2.0)])
    tables = tmp_path / "tables"
    tables.mkdir()
    (tables / "1.csv").write_text("image,mask,mean\nS1,GTV,1.0\n")
    (tables / "2.csv").write_text("image,mask,mean,contrast_avg\nS1,GTV,1,2\n")
    comparison = compare(ComparisonRequest(folder, tables, dialect=str(dialect)))
    assert _verdicts(comparison) == {"same": 2}


def test_several_analyses_need_one_to_be_named(tmp_path, dialect):
    rows = [measured(MEAN, 1.0), measured(MEAN, 2.0) | {"analysis_id": "other@1.0.0"}]
    folder = write_run(tmp_path / "ours", rows)
    table = tmp_path / "t.csv"
    table.write_text("image,mask,mean\nS1,GTV,2\n")
    with pytest.raises(BiomarkerError) as refused:
        compare(ComparisonRequest(folder, table, dialect=str(dialect)))
    assert refused.value.code == "COMPARE-ANALYSIS"
    request = ComparisonRequest(folder, table, dialect=str(dialect), analysis="other")
    assert _verdicts(compare(request)) == {"same": 1}


def test_a_workbook_is_told_how_to_save(tmp_path):
    folder = write_run(tmp_path / "ours", [measured(MEAN, 1.0)])
    book = tmp_path / "t.xlsx"
    book.write_bytes(b"PK")
    with pytest.raises(BiomarkerError) as refused:
        compare(ComparisonRequest(folder, book, dialect="pysera"))
    assert refused.value.code == "DIALECT-TABLE"
    assert "Radiomics_Features" in refused.value.hint


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("relation: mesh", "relation: unheard"),
        ("suffixes: directional", "suffixes: zonal"),
        ("3d_average: _avg", "4d: _avg"),
        ("version: 0.1.0\nstatus", "version: one\nstatus"),
        ("offset: -3", "offset: -3, cubed: true"),
        ("strip: '_", "strip: '(_"),
        ("format: biomarker-dialect/1", "format: biomarker-analysis/1"),
        ("  - case: image", "  - layout: long\n    case: image"),
    ],
)
def test_a_dialect_that_contradicts_itself_is_refused(dialect, old, new):
    assert old in DIALECT
    dialect.write_text(DIALECT.replace(old, new))
    with pytest.raises(BiomarkerError) as refused:
        load_dialect(str(dialect))
    assert refused.value.code == "DIALECT-INVALID"


@pytest.mark.parametrize("name", ["pyradiomix", "mirp@9.0.0", "mirp@x", "mirp@"])
def test_a_dialect_that_is_not_shipped_is_refused_with_what_is(name):
    if name == "mirp@":
        assert load_dialect(name).id == "mirp"
        return
    with pytest.raises(BiomarkerError) as refused:
        load_dialect(name)
    assert refused.value.code == "DIALECT-NOT-FOUND"
    assert "zrad@0.1.0" in refused.value.hint


SHIPPED = ("lifex", "mirp", "pictologics", "pyradiomics", "pysera", "zrad")


def test_the_promised_dialects_are_shipped():
    assert sorted(shipped_dialects()) == sorted(SHIPPED)
    assert {name for name in SHIPPED if load_dialect(name).status == "draft"} == {"lifex"}


@pytest.mark.parametrize("name", SHIPPED)
def test_the_ibsi_id_of_each_column_is_that_of_our_feature(name):
    ours = {f"original.{d.key}": d for d in RADIOMICS} | {f"suvbw.{d.key}": d for d in UPTAKE}
    dialect = load_dialect(name)
    assert len(dialect.meanings) >= 76
    for column, meanings in dialect.meanings.items():
        for meaning in meanings:
            definition = ours.get(meaning.feature_id)
            if definition is None:
                # Peaks and thresholds of PET are made by the rules of an analysis.
                assert meaning.feature_id.startswith("suvbw.uptake."), column
                continue
            assert meaning.aggregation == definition.aggregation, column
            is_pet = meaning.feature_id.startswith("suvbw.")
            assert is_pet or meaning.ibsi_id == definition.ibsi_id, column


def test_the_inputs_of_another_program_are_not_known(against):
    comparison = against([measured(MEAN, 1.0)], {"mean": "1"}, inputs={CASE: digests("i", "m")})
    assert [pair.verdict for pair in comparison.pairs] == ["unknown_input"]
    assert comparison.rows.count()[RowVerdict.SAME] == 1
