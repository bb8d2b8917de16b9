"""The joint table: all quantities of a visit side by side, and a reason for each empty cell."""

from __future__ import annotations

import csv
from dataclasses import replace

import pytest

from biomarker_cli.model.errors import InputNotFoundError
from biomarker_cli.tables.errors import TableError
from biomarker_cli.tables.export.column_heads import units_path
from biomarker_cli.tables.export.joint import JointRules, absent_path, export_joint
from biomarker_cli.tables.package import write_datapackage
from biomarker_cli.tables.schema import CASES, FEATURES, MEASUREMENTS, ROIS
from biomarker_cli.tables.writing import write_table

MODALITY = {"ct": "CT", "late": "CT", "pet": "PT", "dwi": "MR"}
HU, SUV, ADC = "original.intensity.mean", "suvbw.uptake.max", "adc.intensity.median"
UNIT = {HU: "[hnsf'U]", SUV: "g/ml{SUVbw}", ADC: "mm2/s"}


def _row(case, roi, feature, value, usable="yes", *, analysis="a@1.0.0", **more):
    return {
        "case_id": case,
        "roi_id": roi,
        "analysis_id": analysis,
        "feature_id": feature,
        "value": value,
        "unit": UNIT[feature],
        "status": "undefined" if value is None else "ok",
        "usable": "no" if value is None else usable,
        **more,
    }


VISIT = [
    _row("A/S1/T1/ct", "GTV", HU, 40.0),
    _row("A/S1/T1/dwi", "GTV", ADC, 0.0011, "caution", flags="trace_images"),
    _row("A/S1/T1/pet", "GTV", SUV, 6.5),
]


def _run(folder, rows=VISIT, cases=None, rois=None):
    """Write a run; `cases` and `rois` are statuses of what the rows do not tell."""
    folder.mkdir()
    states = {r["case_id"]: "measured" for r in rows} | (cases or {})
    regions = {(r["case_id"], r["roi_id"]): "ok" for r in rows} | (rois or {})
    write_table(MEASUREMENTS, rows, folder)
    pairs = {(r["analysis_id"], r["feature_id"]) for r in rows}
    features = [{"analysis_id": a, "feature_id": f, "unit_ucum": UNIT[f]} for a, f in pairs]
    write_table(FEATURES, features, folder)
    parts = {
        case: dict(zip(("site_id", "subject_id", "timepoint"), case.split("/")[:3], strict=True))
        for case in states
    }
    content = [
        {"case_id": c, "modality": MODALITY[c.split("/")[3]], "status": s, **parts[c]}
        for c, s in states.items()
    ]
    write_table(CASES, content, folder)
    write_table(
        ROIS, [{"case_id": c, "roi_id": r, "status": s} for (c, r), s in regions.items()], folder
    )
    write_datapackage([MEASUREMENTS, FEATURES, CASES, ROIS], folder, "trial")
    return folder


def _joint(folder, tmp_path, **rules):
    path = tmp_path / "joint.csv"
    summary = export_joint(folder, path, JointRules(**rules))
    found = []
    for one in (path, units_path(path), absent_path(path)):
        with one.open(newline="") as stream:
            found.append(list(csv.DictReader(stream)))
    rows, (units,), absent = found
    assert not rows or list(rows[0]) == list(units)
    # No cell is empty without a reason.
    assert summary.absent == len(absent)
    return rows, units, absent


def _why(absent):
    return {(r["roi_id"], r["column"]): (r["reason"], r["case_id"]) for r in absent}


def test_a_visit_and_roi_is_one_row_with_all_quantities(tmp_path):
    (row,), units, absent = _joint(_run(tmp_path / "run"), tmp_path)
    key = [row[name] for name in ("site_id", "subject_id", "timepoint", "roi_id")]
    assert key == ["A", "S1", "T1", "GTV"]
    assert (row[f"ct.{HU}"], row[SUV], row[ADC]) == ("40.0", "6.5", "0.0011")
    assert [row[f"{q}.status"] for q in ("ct", "suvbw", "adc")] == ["ok"] * 3
    assert (row["adc.usable"], row["adc.flags"]) == ("caution", "trace_images")
    assert row["suvbw.case_id"] == "A/S1/T1/pet"
    assert (units[f"ct.{HU}"], units[SUV], units[ADC]) == tuple(UNIT.values())
    assert units["roi_id"] == units["ct.status"] == ""
    assert absent == []


def test_a_value_that_may_not_be_used_is_empty_and_says_why(tmp_path):
    rows = [
        _row("A/S1/T1/ct", "GTV", HU, 40.0, "no", flags="acq_fail:R-1"),
        _row("A/S1/T1/dwi", "GTV", ADC, None, flags="roi_small"),
        _row("A/S1/T1/pet", "GTV", SUV, 6.5, "caution"),
    ]
    run = _run(tmp_path / "run", rows)
    (row,), _, absent = _joint(run, tmp_path, usable="yes")
    assert (row[f"ct.{HU}"], row[SUV], row[ADC]) == ("", "", "")
    assert [row[f"{q}.status"] for q in ("ct", "suvbw", "adc")] == ["no_value"] * 3
    assert _why(absent) == {
        ("GTV", f"ct.{HU}"): ("usable_no", "A/S1/T1/ct"),
        ("GTV", ADC): ("undefined", "A/S1/T1/dwi"),
        ("GTV", SUV): ("usable_caution", "A/S1/T1/pet"),
    }
    assert [r["flags"] for r in absent] == ["roi_small", "acq_fail:R-1", ""]
    (row,), _, absent = _joint(run, tmp_path, usable="all")
    assert (row[f"ct.{HU}"], row[SUV]) == ("40.0", "6.5")
    assert len(absent) == 1


def test_two_series_of_a_modality_are_named_and_none_is_picked(tmp_path):
    rows = [*VISIT, _row("A/S1/T1/late", "GTV", HU, 90.0)]
    run = _run(tmp_path / "run", rows)
    (row,), _, absent = _joint(run, tmp_path)
    assert (row[f"ct.{HU}"], row["ct.status"]) == ("", "ambiguous")
    assert row["ct.case_id"] == "A/S1/T1/ct;A/S1/T1/late"
    assert _why(absent) == {
        ("GTV", f"ct.{HU}"): ("ambiguous", "A/S1/T1/ct;A/S1/T1/late"),
    }
    assert row[SUV] == "6.5"
    (row,), _, absent = _joint(run, tmp_path, roles=("late", "pet"))
    assert (row[f"ct.{HU}"], row["ct.status"]) == ("90.0", "ok")
    assert "adc.status" not in row


def test_a_second_series_without_a_value_is_ambiguous_as_well(tmp_path):
    rows = [*VISIT, _row("A/S1/T1/late", "GTV", HU, None)]
    for order in (rows, rows[::-1]):
        folder = tmp_path / str(order is rows)
        folder.mkdir()
        (row,), _, _ = _joint(_run(folder / "run", order), folder)
        assert (row[f"ct.{HU}"], row["ct.status"]) == ("", "ambiguous")


def test_what_a_visit_lacks_is_said_not_left_blank(tmp_path):
    rows = [*VISIT, _row("A/S1/T2/ct", "NODE", HU, 12.0), _row("B/S2/T1/ct", "GTV", HU, 1.0)]
    cases = {"A/S1/T2/pet": "failed", "A/S1/T2/dwi": "measured"}
    rois = {("A/S1/T2/dwi", "NODE"): "empty", ("B/S2/T1/ct", "NODE"): "ok"}
    found, _, absent = _joint(_run(tmp_path / "run", rows, cases, rois), tmp_path)
    of = {(r["site_id"], r["timepoint"], r["roi_id"]): r for r in found}
    assert len(of) == len(found) == 4
    node = of["A", "T2", "NODE"]
    assert node[f"ct.{HU}"] == "12.0"
    assert (node["adc.status"], node["suvbw.status"]) == ("region_empty", "case_failed")
    other = of["B", "T1", "NODE"]
    assert (other["ct.status"], other["suvbw.status"]) == ("not_measured", "no_case")
    assert of["B", "T1", "GTV"]["ct.status"] == "ok"
    assert {r["reason"] for r in absent} == {
        "region_empty",
        "case_failed",
        "not_measured",
        "no_case",
    }


def test_a_visit_without_any_roi_stands_with_what_is_absent(tmp_path):
    cases = {"A/S1/T2/ct": "failed"}
    found, _, absent = _joint(_run(tmp_path / "run", cases=cases), tmp_path)
    assert [r["timepoint"] for r in found] == ["T1"]
    assert [(r["timepoint"], r["roi_id"], r["column"], r["reason"]) for r in absent] == [
        ("T2", "", "adc", "no_case"),
        ("T2", "", "ct", "case_failed"),
        ("T2", "", "suvbw", "no_case"),
    ]


def test_one_feature_of_two_analyses_has_two_columns(tmp_path):
    rows = [*VISIT, _row("A/S1/T1/late", "GTV", HU, 90.0, analysis="b@1.0.0")]
    run = _run(tmp_path / "run", rows)
    (row,), _, absent = _joint(run, tmp_path)
    assert (row[f"ct.{HU}.a@1.0.0"], row[f"ct.{HU}.b@1.0.0"]) == ("40.0", "90.0")
    assert row["ct.status"] == "ok"
    assert absent == []
    (row,), _, _ = _joint(run, tmp_path, analyses=("b",))
    assert row[f"ct.{HU}"] == "90.0"


def test_one_feature_of_ct_and_pet_never_shares_a_column(tmp_path):
    rows = [
        _row("A/S1/T1/ct", "GTV", HU, 40.0),
        _row("A/S1/T1/pet", "GTV", HU, 6.0, unit="g/ml{SUVbw}"),
    ]
    (row,), units, _ = _joint(_run(tmp_path / "run", rows), tmp_path)
    assert (row[f"ct.{HU}"], row[f"pt.{HU}"]) == ("40.0", "6.0")
    assert (units[f"ct.{HU}"], units[f"pt.{HU}"]) == ("[hnsf'U]", "g/ml{SUVbw}")


def test_two_units_of_one_feature_are_two_columns_and_no_value_needs_none(tmp_path):
    rows = [
        _row("A/S1/T1/ct", "GTV", HU, 40.0),
        _row("A/S1/T1/ct", "NODE", HU, 4.0, unit="1"),
        _row("A/S1/T1/ct", "RIB", HU, None, unit=""),
    ]
    found, units, absent = _joint(_run(tmp_path / "run", rows), tmp_path)
    names = [name for name in units if name.endswith("]")]
    assert names == [f"ct.{HU} [1]", f"ct.{HU} [[hnsf'U]]"]
    assert [[r[name] for name in names] for r in found] == [["", "40.0"], ["4.0", ""], ["", ""]]
    assert {r["reason"] for r in absent} == {"not_measured", "undefined"}


def test_sites_whose_names_begin_alike_stay_in_their_places(tmp_path):
    rows = [
        _row(f"{site}/S1/{visit}/ct", "GTV", HU, value)
        for value, (site, visit) in enumerate(
            [("A", "T1"), ("A-1", "T1"), ("A", "T1-b"), ("A.2", "T1")]
        )
    ]
    found, _, _ = _joint(_run(tmp_path / "run", rows), tmp_path)
    values = {(r["site_id"], r["timepoint"]): r[f"ct.{HU}"] for r in found}
    assert values == {
        ("A", "T1"): "0",
        ("A-1", "T1"): "1",
        ("A", "T1-b"): "2",
        ("A.2", "T1"): "3",
    }


def test_text_of_a_study_is_no_formula(tmp_path):
    rows = [_row("A/S1/T1/ct", "=1+1", HU, 40.0)]
    _joint(_run(tmp_path / "run", rows), tmp_path)
    assert "\nA,S1,T1,'=1+1," in (tmp_path / "joint.csv").read_text()


@pytest.mark.parametrize("rules", [{"roles": ("mri",)}, {"analyses": ("other",)}])
def test_what_the_run_does_not_have_is_named(tmp_path, rules):
    with pytest.raises(InputNotFoundError, match="the run has no"):
        _joint(_run(tmp_path / "run"), tmp_path, **rules)


def test_a_run_that_was_edited_is_refused(tmp_path):
    run = _run(tmp_path / "run")
    for name in ("measurements", "cases", "rois"):
        path = run / f"{name}.csv"
        content = path.read_bytes()
        path.write_bytes(content.replace(b"GTV", b"NOD").replace(b"CT", b"PT"))
        with pytest.raises(TableError) as refused:
            _joint(run, tmp_path)
        assert refused.value.code == "TABLE-CHANGED"
        path.write_bytes(content)
    (run / "rois.csv").unlink()
    with pytest.raises(TableError) as refused:
        _joint(run, tmp_path)
    assert refused.value.code == "TABLE-NOT-FOUND"


def _bad(**more):
    return [VISIT[0] | more, *VISIT[1:]]


@pytest.mark.parametrize(
    "rows",
    [
        _bad(case_id="A/S1/T1/ct", roi_id="OTHER"),
        _bad(usable="perhaps"),
        _bad(value="nan"),
        _bad(analysis_id="other@1.0.0"),
        _bad(case_id="A/S0/T1/ct"),
    ],
)
def test_a_row_that_no_run_writes_is_refused(tmp_path, rows):
    run = _run(tmp_path / "run")
    write_table(MEASUREMENTS, rows, run)
    write_datapackage([MEASUREMENTS, FEATURES, CASES, ROIS], run, "trial")
    with pytest.raises(TableError) as refused:
        _joint(run, tmp_path)
    assert refused.value.code == "TABLE-VALUE"
    assert not (tmp_path / "joint.csv").exists()


def test_a_row_of_a_role_that_is_not_asked_for_is_of_no_matter(tmp_path):
    found, _, _ = _joint(_run(tmp_path / "run"), tmp_path, roles=("pet",))
    assert [r[SUV] for r in found] == ["6.5"]
    assert f"ct.{HU}" not in found[0]


def test_a_row_that_is_not_in_its_place_is_named_by_its_number(tmp_path):
    run = _run(tmp_path / "run", [*VISIT, _row("A/S2/T1/ct", "GTV", HU, 4.0)])
    path = run / "measurements.csv"
    head, first, *rows, last = path.read_text().splitlines(keepends=True)
    path.write_text("".join([head, first, last, *rows]))
    write_datapackage([MEASUREMENTS, FEATURES, CASES, ROIS], run, "trial")
    with pytest.raises(TableError, match="not in its place: 'A/S1/T1/dwi'") as refused:
        _joint(run, tmp_path)
    assert refused.value.where.endswith("row 3")


def test_a_package_of_other_columns_is_refused_by_their_names(tmp_path):
    run = _run(tmp_path / "run")
    path = run / "cases.csv"
    lines = list(csv.reader(path.read_text().splitlines()))
    place = lines[0].index("modality")
    path.write_text("".join(",".join(c[:place] + c[place + 1 :]) + "\n" for c in lines))
    few = replace(CASES, columns=tuple(c for c in CASES.columns if c.name != "modality"))
    write_datapackage([MEASUREMENTS, FEATURES, few, ROIS], run, "trial")
    with pytest.raises(TableError, match="modality") as refused:
        _joint(run, tmp_path)
    assert refused.value.code == "TABLE-COLUMNS"
