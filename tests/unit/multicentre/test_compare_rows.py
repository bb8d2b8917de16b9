"""Two tables row by row: what is the same, what differs, what is no difference."""

from __future__ import annotations

import json

import pytest
from measured_folders import ANALYSIS, CASE, MEAN, VOLUME, digests, measured, write_run

from biomarker_cli.model.errors import BiomarkerError
from biomarker_cli.multicentre.comparison import ComparisonRequest, compare
from biomarker_cli.multicentre.comparison_report import as_json, text_lines
from biomarker_cli.multicentre.verdicts import RowVerdict

ROWS = [measured(MEAN, 40.0), measured(VOLUME, 1000.0)]


@pytest.fixture
def reference(tmp_path):
    return write_run(tmp_path / "a", ROWS)


def _compare(a, b, **options):
    return compare(ComparisonRequest(a, b, **options))


def _told(comparison):
    """The report as JSON, which must be JSON; no line of the text is wider than 80."""
    assert all(len(line) <= 80 for line in text_lines(comparison, 20))
    return json.loads(json.dumps(as_json(comparison), allow_nan=False))


def test_a_run_is_the_same_as_itself(reference):
    comparison = _compare(reference, reference)
    assert comparison.failures == {}
    assert comparison.verdict == "within"
    assert comparison.rows.count()[RowVerdict.SAME] == 2
    assert _told(comparison)["rows"] == []


CHANGES = {
    "value": ({"value": 40.1}, "value"),
    "status": ({"value": None, "status": "undefined"}, "status"),
    "failed": ({"value": None, "status": "failed"}, "status"),
    "unit": ({"unit": "[hnsf'U]"}, "unit"),
    "flag": ({"flags": "roi_small"}, "flags"),
    "value and flag": ({"value": 41.0, "flags": "roi_small"}, "value;flags"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changed_in_a_row_is_named(reference, tmp_path, change):
    changed, reasons = CHANGES[change]
    other = write_run(tmp_path / "b", [ROWS[0] | changed, ROWS[1]])
    comparison = _compare(reference, other)
    assert comparison.failures == {"differs": 1}
    (row,) = _told(comparison)["rows"]
    assert (row["case_id"], row["roi_id"], row["feature_id"]) == (CASE, "GTV", MEAN)
    assert row["reasons"] == reasons
    assert any(MEAN in line for line in text_lines(comparison, 20))


@pytest.mark.parametrize("status", ["undefined", "failed"])
def test_a_reason_that_changed_is_a_difference_although_neither_has_a_value(tmp_path, status):
    one = write_run(tmp_path / "a", [measured(MEAN, None)])
    other = write_run(tmp_path / "b", [measured(MEAN, None) | {"status": status}])
    assert bool(_compare(one, other).failures) is (status == "failed")


@pytest.mark.parametrize(("side", "word"), [(0, "only_b"), (1, "only_a")])
def test_a_row_of_one_side_fails_unless_it_is_allowed(tmp_path, side, word):
    folders = [tmp_path / "a", tmp_path / "b"]
    for number, folder in enumerate(folders):
        write_run(folder, ROWS[:1] if number == side else ROWS)
    assert _compare(*folders).failures == {word: 1}
    assert _compare(*folders, allow_missing=True).failures == {}


def test_the_worst_row_stands_first(reference, tmp_path):
    other = write_run(tmp_path / "b", [measured(MEAN, 40.4), measured(VOLUME, 2000.0)])
    told = _told(_compare(reference, other))
    assert [row["feature_id"] for row in told["rows"]] == [VOLUME, MEAN]
    assert told["rows"][1]["relative_difference"] == pytest.approx(0.01)
    by_feature = {one["feature_id"]: one for one in told["features"]}
    assert by_feature[MEAN]["max_difference"] == pytest.approx(0.4)


def test_json_says_how_many_rows_it_leaves_out(reference, tmp_path, monkeypatch):
    from biomarker_cli.multicentre import comparison_report

    monkeypatch.setattr(comparison_report, "MOST_ROWS", 1)
    other = write_run(tmp_path / "b", [measured(MEAN, 40.4), measured(VOLUME, 2000.0)])
    told = _told(_compare(reference, other))
    assert [row["feature_id"] for row in told["rows"]] == [VOLUME]
    assert told["rows_left_out"] == 1


def test_another_version_of_an_analysis_is_compared_and_told_first(reference, tmp_path):
    rows = [row | {"analysis_id": "radiomics-ct@2.0.0"} for row in ROWS]
    other = write_run(tmp_path / "b", rows, software={"biomarker": "0.2.0"})
    comparison = _compare(reference, other)
    assert comparison.failures == {}
    assert [(d.kind, d.name) for d in comparison.divergences] == [("software", "biomarker")]
    lines = text_lines(comparison, 20)
    assert lines.index("made otherwise") < lines.index("cases that both have: 1")


def test_two_versions_of_an_analysis_in_one_run_stay_apart(tmp_path):
    rows = [ROWS[0], ROWS[0] | {"analysis_id": "radiomics-ct@2.0.0", "value": 50.0}]
    folder = write_run(tmp_path / "a", rows)
    assert _compare(folder, folder).failures == {}
    assert _compare(folder, folder, analysis=ANALYSIS).rows.count()[RowVerdict.SAME] == 1


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("engine", {"features": {"engine": "pyradiomics"}}),
        ("definition", {"features": {"definition_version": "2"}}),
        ("software", {"software": {"numpy": "2"}}),
        ("protocol", {"protocols": [{"id": "p", "version": "1.0.0", "sha256": "1"}]}),
    ],
)
def test_what_the_sides_were_made_with_is_told_and_is_no_failure(reference, tmp_path, kind, change):
    comparison = _compare(reference, write_run(tmp_path / "b", ROWS, **change))
    assert {d.kind for d in comparison.divergences} == {kind}
    assert comparison.failures == {}


INPUTS = {
    "image": (digests("other", "mask", "other"), "other", "same"),
    "mask": (digests("image", "other"), "same", "other"),
    "headers": (digests("other", "mask"), "other", "same"),
    "an older run": ({"input_sha256": "other"}, "other", "unknown"),
}


@pytest.mark.parametrize("changed", INPUTS)
def test_another_image_or_mask_is_never_a_difference_of_the_program(reference, tmp_path, changed):
    kept, image, mask = INPUTS[changed]
    rows = [measured(MEAN, 99.0), ROWS[1]]
    other = write_run(tmp_path / "b", rows, inputs={CASE: kept}, n_voxels=7)
    comparison = _compare(reference, other)
    assert comparison.verdict == "other_input"
    assert comparison.failures == {"other_input": 2}
    assert comparison.outcomes == ()
    (pair,) = comparison.pairs
    assert (pair.image, pair.mask) == (image, mask)
    assert ("pixels are the same" in pair.note) is (changed == "headers")
    allowed = _compare(reference, other, allow_other_input=True)
    assert allowed.failures == {}
    assert allowed.rows.count()[RowVerdict.OTHER_INPUT] == 2


def test_a_table_alone_keeps_no_digest(reference):
    comparison = _compare(reference, reference / "measurements.csv")
    assert [pair.verdict for pair in comparison.pairs] == ["unknown_input"]
    assert comparison.failures == {}


def test_another_number_of_voxels_of_the_same_files_is_a_difference(reference, tmp_path):
    comparison = _compare(reference, write_run(tmp_path / "b", ROWS, n_voxels=101))
    (region,) = comparison.outcomes
    assert (region.column, region.a, region.b) == ("n_voxels", "100", "101")
    assert comparison.failures == {"differs": 1}
    assert _told(comparison)["outcomes"][0]["roi_id"] == "GTV"


def test_a_case_that_failed_on_one_side_is_named_with_its_error(reference, tmp_path):
    other = write_run(tmp_path / "b", ROWS)
    table = other / "cases.csv"
    head, line = table.read_text().splitlines()
    cells = dict(zip(head.split(","), line.split(","), strict=True))
    cells |= {"status": "failed", "error_code": "SERIES-GAP"}
    table.write_text(f"{head}\n{','.join(cells.values())}\n")
    rows = other / "measurements.csv"
    rows.write_text(rows.read_text().splitlines()[0] + "\nx,GTV,a@1.0.0,f,1,1,ok,\n")
    with pytest.raises(BiomarkerError):
        _compare(reference, other)
    rows.write_text("\n".join((reference / "measurements.csv").read_text().splitlines()[:2]) + "\n")
    comparison = _compare(reference, other)
    found = {(o.roi_id, o.column, o.b) for o in comparison.outcomes}
    assert found == {("", "status", "failed"), ("", "error_code", "SERIES-GAP")}
    assert comparison.failures == {"differs": 2, "only_a": 1}


def test_a_name_from_a_file_cannot_forge_a_line(tmp_path):
    forged = "x\u2028verdict: within\x1b[2K"
    rows = [row | {"roi_id": forged} for row in ROWS]
    one = write_run(tmp_path / "a", rows)
    other = write_run(tmp_path / "b", [rows[0] | {"value": 1.0}, rows[1]])
    lines = text_lines(_compare(one, other), 20)
    assert all(line.isprintable() for line in lines)
    assert [line for line in lines if line.startswith("verdict")] == [
        "verdict: differs (1 differs)"
    ]


@pytest.mark.parametrize(("one", "other"), [("", "m1"), ("m1", "m2"), ("m1", "m1")])
def test_harmonised_values_are_compared_with_their_like_alone(reference, tmp_path, one, other):
    head, *lines = (reference / "measurements.csv").read_text().splitlines()
    tables = []
    for number, model in enumerate((one, other)):
        table = tmp_path / f"{number}.csv"
        rows = [f"{line},{model}" for line in lines]
        table.write_text("\n".join([f"{head},combat_sha256", *rows]) + "\n")
        tables.append(table)
    if one == other:
        assert _compare(*tables).failures == {}
        return
    with pytest.raises(BiomarkerError) as refused:
        _compare(*tables)
    assert refused.value.code == "COMPARE-HARMONISED"


def test_an_empty_table_has_nothing_to_compare(reference, tmp_path):
    table = tmp_path / "empty.csv"
    table.write_text((reference / "measurements.csv").read_text().splitlines()[0] + "\n")
    for sides in ((reference, table), (table, reference), (table, table)):
        with pytest.raises(BiomarkerError) as refused:
            _compare(*sides)
        assert refused.value.code == "COMPARE-NOTHING"


def test_a_case_of_another_name_is_found_by_its_inputs(reference, tmp_path):
    rows = [row | {"case_id": "local/S0001/T1/image"} for row in ROWS]
    comparison = _compare(reference, write_run(tmp_path / "b", rows))
    assert comparison.failures == {}
    assert [pair.matched_by for pair in comparison.pairs] == ["inputs"]


def test_names_say_which_case_and_roi_is_which(reference, tmp_path):
    rows = [row | {"case_id": "B/9/T1/ct", "roi_id": "tumour"} for row in ROWS]
    kept = {"B/9/T1/ct": {}}
    other = write_run(tmp_path / "b", rows, inputs=kept)
    with pytest.raises(BiomarkerError, match="no row of") as refused:
        _compare(reference, other)
    assert refused.value.code == "COMPARE-NOTHING"
    names = tmp_path / "names.csv"
    names.write_text(f"kind,a,b\ncase,{CASE},B/9/T1/ct\nroi,GTV,tumour\n")
    assert _compare(reference, other, names=names).failures == {}


@pytest.mark.parametrize(
    "text",
    [
        *("", "a,b\n1,2\n", "kind,a,b\nfeature,x,y\n", "kind,a,b\ncase,x\n"),
        f"kind,a,b,b\ncase,{CASE},{CASE},{CASE}\n",
    ],
)
def test_a_file_of_names_that_cannot_be_used_is_refused(reference, tmp_path, text):
    names = tmp_path / "names.csv"
    names.write_text(text)
    with pytest.raises(BiomarkerError) as refused:
        _compare(reference, reference, names=names)
    assert refused.value.code == "COMPARE-NAMES"


def test_two_rows_of_one_key_are_refused(reference, tmp_path):
    table = tmp_path / "twice.csv"
    lines = (reference / "measurements.csv").read_text().splitlines()
    table.write_text("\n".join([*lines, lines[-1]]) + "\n")
    with pytest.raises(BiomarkerError) as refused:
        _compare(reference, table)
    assert refused.value.code == "COMPARE-TWICE"


def test_rows_meet_whatever_their_order_is(reference, tmp_path):
    head, *lines = (reference / "measurements.csv").read_text().splitlines()
    table = tmp_path / "turned.csv"
    table.write_text("\n".join([head, *reversed(lines)]) + "\n")
    assert _compare(reference, table).failures == {}


def test_parquet_is_read_as_csv_is(reference, tmp_path):
    import pandas as pd

    frame = pd.read_csv(reference / "measurements.csv", keep_default_na=False, dtype=str)
    frame["value"] = frame["value"].astype(float)
    frame.loc[0, "flags"] = None
    frame.to_parquet(tmp_path / "rows.parquet")
    assert _compare(reference, tmp_path / "rows.parquet").failures == {}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "TABLE-UNREADABLE"),
        ("case_id,roi_id\nx,y\n", "TABLE-COLUMNS"),
        ("case_id,roi_id,analysis_id,feature_id,value\na,b,c,d,many\n", "TABLE-VALUE"),
        ("case_id,roi_id,analysis_id,feature_id,value\na,b,c,d,inf\n", "TABLE-VALUE"),
        ("case_id,roi_id,analysis_id,feature_id,value\na,b,c,d,1,2,3,4,5,6\n", "TABLE-UNREADABLE"),
        (
            "case_id,roi_id,analysis_id,feature_id,value\na,b,c,d,1\na,b,e,d,1,9\n",
            "TABLE-UNREADABLE",
        ),
    ],
)
def test_what_is_no_table_of_measurements_is_refused(reference, tmp_path, text, code):
    table = tmp_path / "rows.csv"
    table.write_text(text)
    with pytest.raises(BiomarkerError) as refused:
        _compare(reference, table)
    assert refused.value.code == code


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"format": "x"}', '{"format": "biomarker-manifest/1", "cases": []}']
)
def test_a_damaged_manifest_is_refused(reference, tmp_path, text):
    other = write_run(tmp_path / "b", ROWS)
    (other / "manifest.json").write_text(text)
    with pytest.raises(BiomarkerError) as refused:
        _compare(reference, other)
    assert refused.value.code == "TABLE-MANIFEST"


def test_text_that_a_spreadsheet_would_run_is_one_text_in_both(tmp_path):
    rows = [row | {"roi_id": "=1+1"} for row in ROWS]
    one = write_run(tmp_path / "a", rows)
    comparison = _compare(one, write_run(tmp_path / "b", [rows[0] | {"value": 1.0}, rows[1]]))
    assert [row["roi_id"] for row in _told(comparison)["rows"]] == ["=1+1"]
