"""The wide table: one row per region, one column per feature, nothing mixed or guessed."""

from __future__ import annotations

import csv
import hashlib
import json

import pytest

from biomarker_cli.model.errors import InputNotFoundError
from biomarker_cli.tables.errors import TableError
from biomarker_cli.tables.export.column_heads import units_path
from biomarker_cli.tables.export.wide import WideRules, export_wide
from biomarker_cli.tables.package import write_datapackage
from biomarker_cli.tables.schema import FEATURES, MEASUREMENTS
from biomarker_cli.tables.writing import write_table

MEAN, SIZE = "original.intensity.mean", "original.morphology.volume"
ANALYSIS = "radiomics-ct@1.0.0"


def _row(case, roi, feature, value, usable="yes", **more):
    return {
        "case_id": case,
        "roi_id": roi,
        "analysis_id": ANALYSIS,
        "feature_id": feature,
        "value": value,
        "unit": "mm3" if feature == SIZE else "1",
        "status": "undefined" if value is None else "ok",
        "usable": "no" if value is None else usable,
        **more,
    }


ROWS = [
    _row("A/S1/T1/ct", "GTV", MEAN, 1.5),
    _row("A/S1/T1/ct", "GTV", SIZE, 1e-07, "caution", flags="draft_protocol"),
    _row("A/S1/T1/ct", "NODE", MEAN, -2.0, "no", flags="acq_fail:R-1;draft_protocol"),
    _row("A/S1/T1/ct", "NODE", SIZE, None, flags="roi_small", unit=""),
    _row("A/S2/T1/ct", "GTV", SIZE, None),
]


def _run(folder, rows=ROWS, features=None, units=None):
    folder.mkdir(exist_ok=True)
    write_table(MEASUREMENTS, rows, folder)
    known = {(r["analysis_id"], r["feature_id"]) for r in rows} if features is None else features
    said = units or {SIZE: "mm3", MEAN: "1"}
    content = [{"analysis_id": a, "feature_id": f, "unit_ucum": said[f]} for a, f in sorted(known)]
    write_table(FEATURES, content, folder)
    write_datapackage([MEASUREMENTS, FEATURES], folder, "trial")
    return folder


def _wide(folder, tmp_path, *rules):
    path = tmp_path / "wide.csv"
    summary = export_wide(folder, path, WideRules(*rules))
    with path.open(newline="") as stream, units_path(path).open(newline="") as units:
        lines, (unit,) = csv.DictReader(stream), csv.DictReader(units)
        found = list(lines)
        assert list(unit) == lines.fieldnames
    return found, unit, summary


def test_a_region_is_a_row_and_a_feature_a_column(tmp_path):
    rows, units, summary = _wide(_run(tmp_path / "run"), tmp_path)
    assert [
        (r["site_id"], r["subject_id"], r["timepoint"], r["role"], r["roi_id"]) for r in rows
    ] == [
        ("A", "S1", "T1", "ct", "GTV"),
        ("A", "S1", "T1", "ct", "NODE"),
        ("A", "S2", "T1", "ct", "GTV"),
    ]
    assert [(r[MEAN], r[SIZE]) for r in rows] == [("1.5", "1e-07"), ("", ""), ("", "")]
    assert [r["usable"] for r in rows] == ["caution", "no", "no"]
    assert [r["flags"] for r in rows] == [
        "draft_protocol",
        "acq_fail:R-1;draft_protocol;roi_small",
        "",
    ]
    counts = [(r["n_values"], r["n_left_out"], r["n_absent"]) for r in rows]
    assert counts == [("2", "0", "0"), ("0", "1", "1"), ("0", "0", "1")]
    assert (units[MEAN], units[SIZE], units["case_id"], units["usable"]) == ("1", "mm3", "", "")
    assert summary.as_json() == {
        "rows": 3,
        "columns": 2,
        "values": 2,
        "left_out": 1,
        "absent": 2,
    }


@pytest.mark.parametrize(
    ("usable", "first", "second"),
    [
        ("yes", ("1.5", ""), ""),
        ("caution", ("1.5", "1e-07"), ""),
        ("all", ("1.5", "1e-07"), "-2.0"),
    ],
)
def test_what_may_not_be_pooled_is_left_empty_unless_it_is_asked_for(
    tmp_path, usable, first, second
):
    rows, _, summary = _wide(_run(tmp_path / "run"), tmp_path, usable)
    assert (rows[0][MEAN], rows[0][SIZE]) == first
    assert rows[1][MEAN] == second
    assert [row["usable"] for row in rows] == ["caution", "no", "no"]
    assert summary.values + summary.left_out == 3


def test_several_analyses_stand_beside_each_other_and_one_can_be_chosen(tmp_path):
    other = "radiomics-mr@2.0.0"
    rows = sorted(
        [*ROWS, _row("A/S1/T1/ct", "GTV", MEAN, 7.0, analysis_id=other)],
        key=lambda r: [r[k] for k in MEASUREMENTS.key],
    )
    folder = _run(tmp_path / "run", rows)
    found, _, _ = _wide(folder, tmp_path)
    assert found[0][f"{ANALYSIS}:{MEAN}"] == "1.5"
    assert found[0][f"{other}:{MEAN}"] == "7.0"
    assert MEAN not in found[0]
    for chosen in ("radiomics-mr", other):
        (row,), _, _ = _wide(folder, tmp_path, "caution", (chosen,))
        assert row[MEAN] == "7.0"
        assert SIZE not in row
    with pytest.raises(InputNotFoundError, match="no analysis 'radiomics-xx'") as refused:
        _wide(folder, tmp_path, "caution", ("radiomics-ct", "radiomics-xx"))
    assert refused.value.code == "NOTHING-FOUND"


def test_a_feature_in_two_units_has_two_columns(tmp_path):
    rows = [
        _row("A/S1/T1/ct", "GTV", MEAN, 40.0, unit="[hnsf'U]"),
        _row("A/S1/T1/mr", "GTV", MEAN, 400.0, unit="1"),
        _row("A/S2/T1/mr", "GTV", MEAN, None, unit=""),
    ]
    folder = _run(tmp_path / "run", rows, units={MEAN: "1;[hnsf'U]"})
    found, units, _ = _wide(folder, tmp_path)
    columns = [f"{MEAN} [1]", f"{MEAN} [[hnsf'U]]"]
    assert [[row[c] for c in columns] for row in found] == [["", "40.0"], ["400.0", ""], ["", ""]]
    assert [units[c] for c in columns] == ["1", "[hnsf'U]"]


def test_a_run_of_before_there_was_the_column_is_weighed_by_the_product(tmp_path):
    folder = _run(tmp_path / "run")
    path = folder / "measurements.csv"
    lines = path.read_text().splitlines()
    path.write_text("".join(f"{line.rpartition(',')[0]}\n" for line in lines))
    package = json.loads((folder / "datapackage.json").read_text())
    resource = package["resources"][0]
    resource["schema"]["fields"].pop()
    resource["hash"] = f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    (folder / "datapackage.json").write_text(json.dumps(package))
    rows, _, _ = _wide(folder, tmp_path)
    assert [(r[MEAN], r[SIZE], r["usable"]) for r in rows] == [
        ("1.5", "1e-07", "caution"),
        ("", "", "no"),
        ("", "", "no"),
    ]


def test_text_that_a_spreadsheet_would_run_stays_escaped(tmp_path):
    rows, _, _ = _wide(_run(tmp_path / "run", [_row("A/S1/T1/ct", "=1+1", MEAN, 1.0)]), tmp_path)
    assert rows[0]["roi_id"] == "'=1+1"


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("1.5", "1.6"),
        lambda text: text[:-3],
        lambda text: "",
        lambda text: text + "\0",
    ],
)
def test_a_table_that_was_edited_is_refused(tmp_path, change):
    folder = _run(tmp_path / "run")
    path = folder / "measurements.csv"
    path.write_text(change(path.read_text()))
    with pytest.raises(TableError) as refused:
        _wide(folder, tmp_path)
    assert refused.value.code == "TABLE-CHANGED"
    assert not (tmp_path / "wide.csv").exists()


def _sealed(folder, change):
    """Change measurements.csv, and let the package say that it is so."""
    path = folder / "measurements.csv"
    path.write_bytes(change(path.read_text()).encode("utf-8", "surrogateescape"))
    package = json.loads((folder / "datapackage.json").read_text())
    package["resources"][0]["hash"] = f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    (folder / "datapackage.json").write_text(json.dumps(package))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda t: t.replace(",1.5,", ",1_5,"), "TABLE-VALUE"),
        (lambda t: t.replace(",1.5,", ",nan,"), "TABLE-VALUE"),
        (lambda t: t.replace(",1.5,", ",1e999,"), "TABLE-VALUE"),
        (lambda t: t.replace(",1.5,", ",=cmd,"), "TABLE-VALUE"),
        (lambda t: t.replace(",1.5,", ",,"), "TABLE-VALUE"),
        (lambda t: t.replace(",1.5,1,", ",1.5,mm,"), "TABLE-VALUE"),
        (lambda t: t.replace(",,yes", ",,maybe"), "TABLE-VALUE"),
        (lambda t: t.replace("A/S1/T1/ct,GTV,", "S1,GTV,"), "TABLE-VALUE"),
        (lambda t: t.replace("intensity.mean,1.5", "intensity.moan,1.5"), "TABLE-VALUE"),
        (lambda t: t + t.splitlines()[1] + "\n", "TABLE-VALUE"),
        (lambda t: t + t.splitlines()[-1] + "\n", "TABLE-VALUE"),
        (lambda t: t.replace(",1.5,1,", ",1.5,1,1,"), "TABLE-VALUE"),
        (lambda t: t.replace("case_id", "case"), "TABLE-COLUMNS"),
        (lambda t: "", "TABLE-COLUMNS"),
        (lambda t: t + '"', "TABLE-UNREADABLE"),
        (lambda t: t + "\udcff", "TABLE-UNREADABLE"),
        (lambda t: t + "x" * 200_000, "TABLE-UNREADABLE"),
    ],
)
def test_a_row_that_no_run_writes_is_refused_and_leaves_nothing(tmp_path, change, code):
    folder = _run(tmp_path / "run")
    _sealed(folder, change)
    with pytest.raises(TableError) as refused:
        _wide(folder, tmp_path)
    assert refused.value.code == code
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_cell_without_end_is_refused_whatever_another_library_allows(tmp_path):
    folder = _run(tmp_path / "run")
    _sealed(folder, lambda t: t + "x" * 200_000)
    before = csv.field_size_limit(10_000_000)
    try:
        with pytest.raises(TableError) as refused:
            _wide(folder, tmp_path)
    finally:
        csv.field_size_limit(before)
    assert refused.value.code == "TABLE-UNREADABLE"


@pytest.mark.parametrize(
    "change",
    [
        lambda p: None,
        lambda p: [],
        lambda p: {},
        lambda p: {"resources": [1]},
        lambda p: {"resources": {"a": 1}},
        lambda p: _with(p, path="../measurements.csv"),
        lambda p: _with(p, name="../measurements", path="../measurements.csv"),
        lambda p: _with(p, hash=None),
        lambda p: {"resources": [*p["resources"], p["resources"][0]]},
        lambda p: _with(p, schema={"fields": [], "primaryKey": []}),
        lambda p: _with(p, schema=p["resources"][0]["schema"] | {"primaryKey": ["nothing"]}),
        lambda p: _field(p, type="object"),
        lambda p: _field(p, name="=cmd"),
        lambda p: _field(p, name="roi_id"),
    ],
)
def test_a_data_package_that_is_none_of_ours_is_refused(tmp_path, change):
    folder = _run(tmp_path / "run")
    path = folder / "datapackage.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(TableError) as refused:
        _wide(folder, tmp_path)
    assert refused.value.code == "TABLE-PACKAGE"


def _with(package, **change):
    package["resources"][0] |= change
    return package


def _field(package, **change):
    package["resources"][0]["schema"]["fields"][0] |= change
    return package


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "\x1b[31m", " " * 10_000_001])
def test_a_data_package_that_is_no_json_is_refused(tmp_path, text):
    folder = _run(tmp_path / "run")
    (folder / "datapackage.json").write_text(text)
    with pytest.raises(TableError) as refused:
        _wide(folder, tmp_path)
    assert refused.value.code == "TABLE-PACKAGE"


def test_a_folder_without_a_run_or_with_nothing_measured_says_so(tmp_path):
    with pytest.raises(TableError, match=r"no datapackage\.json") as refused:
        _wide(tmp_path, tmp_path)
    assert refused.value.code == "TABLE-NOT-FOUND"
    with pytest.raises(InputNotFoundError, match="measured nothing"):
        _wide(_run(tmp_path / "empty", [], features=set()), tmp_path)
    folder = _run(tmp_path / "run")
    (folder / "measurements.csv").unlink()
    with pytest.raises(TableError, match="no such table"):
        _wide(folder, tmp_path)
    write_datapackage([FEATURES], folder, "trial")
    with pytest.raises(InputNotFoundError, match="no table measurements"):
        _wide(folder, tmp_path)


def test_columns_have_the_names_of_pyradiomics_where_it_has_one_for_each(tmp_path):
    named = {
        "wavelet-LLH.glcm.joint_entropy.3d_average": ("glcm", "glcm_JointEntropy"),
        "original.intensity.mean": ("intensity", "firstorder_Mean"),
        "original.glcm.contrast.3d_average": ("glcm", "glcm_Contrast"),
        "original.glcm.contrast.3d_merged": ("glcm", "glcm_Contrast"),
        "original.ivh.v10": ("ivh", ""),
    }
    rows = [_row("A/S1/T1/ct", "GTV", feature, 1.0) for feature in sorted(named)]
    write_table(MEASUREMENTS, rows, tmp_path)
    content = [
        {"analysis_id": ANALYSIS, "feature_id": feature, "unit_ucum": "1",
         "family": family, "pyradiomics_name": peer}
        for feature, (family, peer) in sorted(named.items())
    ]  # fmt: skip
    write_table(FEATURES, content, tmp_path)
    write_datapackage([MEASUREMENTS, FEATURES], tmp_path, "trial")
    export_wide(tmp_path, tmp_path / "wide.csv", WideRules(names="pyradiomics"))
    header = (tmp_path / "wide.csv").read_text().splitlines()[0].split(",")
    assert header[-5:] == [
        "original.glcm.contrast.3d_average",
        "original.glcm.contrast.3d_merged",
        "original_firstorder_Mean",
        "original.ivh.v10",
        "wavelet-LLH_glcm_JointEntropy",
    ]
