"""The report of a run: what it tells, what it must not, and that text stays text."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from kept_study import run, write_study

from biomarker_cli.drawing.picture_svg import outline_path
from biomarker_cli.drawing.region_tiles import region_tiles, tile_words
from biomarker_cli.imaging.region import Crop, Region
from biomarker_cli.imaging.volume import Volume
from biomarker_cli.model.quantity import ADC
from biomarker_cli.report.acquisition import RuleTexts, rule_matrix
from biomarker_cli.report.cases import CaseReading
from biomarker_cli.report.choosing import MOST_OF_ROI, listed_features, shown_of_roi
from biomarker_cli.report.derived import derived_parts
from biomarker_cli.report.identity import ReportIdentity
from biomarker_cli.report.making import ReportOrder, report_pages, write_report
from biomarker_cli.report.page import LONGEST_TEXT, PageWriter, script_json, text
from biomarker_cli.report.run_reading import ReportedValue, read_run
from biomarker_cli.report.values import outliers
from biomarker_cli.tables.errors import TableError
from biomarker_cli.tables.kept import case_folder, read_index, read_mask
from biomarker_cli.tables.outgoing_text import LEFT_OUT

UID = "1.2.840.113619.2.55.3.604688119"
HOSTILE = "</script><img src=x onerror=alert(1)>\u202egnp\u2028" + "A" * 5000


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    study = write_study(folder / "study", n_cases=2, keep=("pictures",))
    run(study, folder / "out")
    return folder / "out"


@pytest.fixture
def tables(measured):
    return read_run(measured)


def whole(tables, order=ReportOrder()):  # noqa: B008 - frozen
    return dict(report_pages(tables, order))


def test_one_page_holds_every_case_with_the_pictures_that_the_run_kept(tables):
    ((name, page),) = whole(tables).items()
    assert name == "index.html"
    for number, case in enumerate(tables.cases, start=1):
        assert f'id="case-{number}"' in page
        assert case["case_id"] in page
    # Two ROIs: four slices and two other planes.
    assert page.count("<image ") == 2 * 2 * 6
    assert not re.search(r'(?:src|href)="(?!#|data:image/(?:png|webp);base64,)', page)


def test_a_split_report_has_a_page_for_each_case_and_links_that_lead_there(tables):
    pages = whole(tables, ReportOrder(split=True))
    index = pages.pop("index.html")
    assert len(pages) == 2
    for name, page in pages.items():
        assert f'href="{name}#case-' in index
        assert 'href="../index.html"' in page


def test_the_policy_names_the_very_style_and_script_of_the_page(tables):
    import base64
    import hashlib

    page = whole(tables)["index.html"]
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    for tag in ("style", "script"):
        inside = re.search(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)[1]
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert digest in policy.replace("&#43;", "+")
    assert "default-src &#39;none&#39;" in policy
    assert " style=" not in page
    assert " onclick=" not in page


def test_hostile_text_of_tables_shows_as_text(tables):
    rois = {
        case: [dict(row) | {"roi_id": HOSTILE, "flags": HOSTILE} for row in rows]
        for case, rows in tables.rois.items()
    }
    more = {"manufacturer": HOSTILE, "site_id": HOSTILE, "error_message": f"in {HOSTILE}.dcm"}
    cases = tuple(dict(row) | more | {"error_code": HOSTILE} for row in tables.cases)
    case = tables.cases[0]["case_id"]
    fact = {"fact": HOSTILE, "value": HOSTILE, "unit": HOSTILE, "tags": HOSTILE}
    checks = tuple(check(one, "fail", HOSTILE) | {"observed": HOSTILE} for one in (case, ""))
    told = {"study": HOSTILE, "software": {HOSTILE: HOSTILE}, "report": ["*"]}
    hostile = replace(tables, rois=rois, cases=cases, facts={case: [fact]}, checks=checks)
    page = whole(replace(hostile, manifest=dict(tables.manifest) | told))["index.html"]
    assert page.count("<script") == 2
    assert "<img" not in page
    assert not set("\u202e\u2028") & set(page)
    assert "&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;\\u202egnp" in page
    data = re.search(r'id="report-data">(.*?)</script>', page, re.DOTALL)[1]
    assert not set("<>&") & set(data)
    assert json.loads(data)[0]["site"] == text(HOSTILE)


def test_text_is_bounded_and_json_ends_no_script():
    assert len(text("x" * 5000)) == LONGEST_TEXT
    assert text("a\x1b[2Jb") == "a\\x1b[2Jb"
    found = str(script_json(["</script>", "&", "\u2029", "\ud800"]))
    assert not set("<>&\u2029") & set(found)


IDENTITY = ReportIdentity(False, {"S1": date(2024, 4, 1)}, frozenset({"A/S1/T1/ct"}))


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("20240415", "day 14"),
        ("2024-04-15T10:02:15.5", "day 14 10:02:15"),
        ("20240415082500", "day 14 08:25:00"),
        ("2024-03-31", "day -1"),
        (f"series {UID}#2", f"series {LEFT_OUT}"),
        (f"2.25.{7**40}", LEFT_OUT),
        ("1.2.3", "1.2.3"),
        ("310000000", "310000000"),
        ("20241355", "20241355"),
    ],
)
def test_dates_are_days_from_the_first_visit_and_uids_are_left_out(given, expected):
    assert IDENTITY.text(given, "S1") == expected


def test_a_date_of_a_subject_without_a_first_visit_is_left_out():
    assert IDENTITY.text("at 20240415", "S2") == f"at {LEFT_OUT}"


def test_a_message_leaves_without_what_it_quotes_and_without_paths():
    said = "A/S1/T1/ct: 'Smith tumour' in /data/Smith/a.dcm and Smith.dcm [centre/x]"
    found = IDENTITY.message(said, "S1")
    assert "Smith" not in found
    assert "centre" not in found
    assert found.startswith("A/S1/T1/ct:")
    assert replace(IDENTITY, keeps=True).message(said, "S1") == said


def test_stations_and_serials_do_not_leave_unless_all_is_kept():
    row = {"fact": "device_serial", "value": "SN-77", "unit": ""}
    assert IDENTITY.fact(row, "S1") is None
    assert replace(IDENTITY, keeps=True).fact(row, "S1") == "SN-77"
    number = {"fact": "activity", "value": "20240415", "unit": "Bq"}
    assert IDENTITY.fact(number, "S1") == "20240415"
    nested = IDENTITY.plain({"at": ["20240415", {UID: 1}]}, "S1")
    assert nested == {"at": ["day 14", {LEFT_OUT: 1}]}


def test_at_most_forty_measurements_unless_the_study_lists_them():
    rows = [
        ReportedValue("c", "r", "a", f"x.f{n:03d}", "1", "ok", "", "yes", 1.0) for n in range(90)
    ]
    rows.append(ReportedValue("c", "r", "a", "suvbw.uptake.max", "1", "ok", "", "yes", 1.0))
    shown, n_more = shown_of_roi(rows, ())
    assert (len(shown), n_more, shown[0].feature_id) == (MOST_OF_ROI, 51, "suvbw.uptake.max")
    shown, n_more = shown_of_roi(rows, ("x.f00*",))
    assert (len(shown), n_more) == (10, 81)


def test_outliers_lie_beyond_the_fences_of_five_values_or_more():
    values = {f"c{n}": float(n) for n in range(8)}
    assert outliers(values) == frozenset()
    assert outliers(values | {"far": 40.0, "deep": -40.0}) == {"far", "deep"}
    assert outliers({"a": 1.0, "b": 1.0, "c": 1.0, "d": 99.0}) == frozenset()


def check(case, outcome, rule="R-1"):
    return {
        "scope": "series", "case_id": case, "series_uid": UID, "protocol_id": "own",
        "protocol_version": "1.0.0", "protocol_sha256": "0", "rule_id": rule, "severity": "error",
        "outcome": outcome, "observed": "6", "expected": "<= 5", "unit": "mm", "tags": "",
    }  # fmt: skip


def test_a_rule_is_one_line_and_says_its_worst_outcome_of_how_many(tables):
    first, second = (row["case_id"] for row in tables.cases)
    checks = (
        check(first, "pass"), check(second, "fail"),
        check(first, "not_applicable", "R-2"), check(second, "pass", "R-2"),
    )  # fmt: skip
    found = replace(tables, checks=checks)
    lines = rule_matrix(found, RuleTexts())
    told = [(line.rule_id, line.cells[0].word, line.cells[0].said, line.n_bad) for line in lines]
    assert told == [("R-1", "fail", "1 of 2", 1), ("R-2", "pass", "1 of 1", 0)]
    page = whole(found)["index.html"]
    assert "expected &lt;= 5 mm, found 6 mm" in page
    assert "The rule that most cases break is R-1 (1)" in page


def test_a_waived_rule_is_shown_as_waived_and_not_counted_as_broken(tables):
    first, second = (row["case_id"] for row in tables.cases)
    found = replace(tables, checks=(check(first, "waived"), check(second, "pass")))
    (line,) = rule_matrix(found, RuleTexts())
    assert (line.n_bad, line.n_waived, line.n_judged) == (0, 1, 2)
    assert (line.cells[0].word, line.cells[0].said) == ("waived", "1 of 2")
    page = whole(found)["index.html"]
    assert "The rule that most cases break" not in page
    assert "1 check that is not met is waived." in page
    checks = (check(first, "waived"), check(second, "fail"), check(first, "not_evaluable", "R-2"))
    lines = rule_matrix(replace(tables, checks=checks), RuleTexts())
    assert [(one.rule_id, one.n_bad, one.n_waived) for one in lines] == [
        ("R-1", 1, 1),
        ("R-2", 1, 0),
    ]


def test_a_rule_across_cases_stands_beside_the_matrix(tables):
    found = replace(
        tables, checks=(check(tables.cases[0]["case_id"], "pass"), check("", "fail", "R-9"))
    )
    assert [line.rule_id for line in rule_matrix(found, RuleTexts())] == ["R-1"]
    page = whole(found)["index.html"]
    assert page.count("R-9") == 1
    assert page.index("Rules across cases") < page.index("R-9")
    again = replace(tables, checks=(check("", "fail", "R-9"), check("", "fail", "R-9")))
    page = whole(again)["index.html"]
    assert page.count("R-9") == 1
    assert "found 6 mm (2 times)" in page


def test_a_picture_of_an_earlier_result_or_a_damaged_one_is_not_shown(tables, measured, tmp_path):
    row = dict(tables.cases[0]) | {"result_key": "another"}
    identity = ReportIdentity.of(tables, "study")
    page = CaseReading(tables, identity, {}).page(1, row)
    assert {roi.no_picture for roi in page.rois} == {"what is kept is of an earlier result"}
    copy = tmp_path / "copy"
    shutil.copytree(measured, copy)
    for path in copy.rglob("*.svg"):
        path.write_bytes(path.read_bytes()[:-9])
    damaged = whole(read_run(copy))["index.html"]
    assert damaged.count("KEPT-DAMAGED") == 4
    assert "<image " not in damaged


def drawn(region):
    """Plane of each tile -> the outline of a region in it."""
    blank = Volume(np.zeros(region.geometry.shape), region.geometry, ADC)
    tiles = region_tiles(region, blank)
    return {
        tile_words(tile)[0].partition(": ")[2]: outline_path(tile.outlines_mm) for tile in tiles
    }


def shown_outlines(page, roi):
    """Plane of each tile of the first case -> the path that the page draws over it."""
    found = {}
    for figure in re.findall(r"<figure>.*?</figure>", page, re.DOTALL):
        if f'aria-label="{roi}, ' in figure:
            where = re.search(r'aria-label="[^"]*: ([^"]*)"', figure)[1]
            path = re.search(r'<path id="case-1-[^"]*" d="([^"]*)"', figure)
            found.setdefault(where, path[1] if path else "")
    return found


def test_the_outline_on_the_page_is_that_of_the_measured_mask_in_the_slice_it_names(tmp_path):
    study = write_study(tmp_path / "study", n_cases=1, keep=("pictures", "masks"))
    run(study, tmp_path / "out")
    tables = read_run(tmp_path / "out")
    folder = case_folder(tmp_path / "out", tables.cases[0]["case_id"])
    page = whole(tables)["index.html"]
    masks = list(read_index(folder).of_kind("masks"))
    assert len(masks) == 2
    for file in masks:
        region = read_mask(folder, file).region
        assert shown_outlines(page, file.roi_id) == drawn(region)
        crop = Crop(region.crop.mask, (region.crop.offset[0] - 1, *region.crop.offset[1:]))
        shifted = drawn(Region(crop, region.geometry, "label", "name"))
        same = shown_outlines(page, file.roi_id)
        assert any(shifted[where] != path for where, path in same.items() if where in shifted)


def test_an_edited_table_is_refused_and_no_file_is_written(measured, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(measured, copy)
    path = copy / "cases.csv"
    path.write_bytes(path.read_bytes().replace(b"measured", b"waiting ", 1))
    with pytest.raises(TableError) as error:
        write_report(copy, tmp_path / "r.html", ReportOrder())
    assert error.value.code == "TABLE-CHANGED"
    assert not (tmp_path / "r.html").exists()


def test_any_derivation_becomes_tables_of_text():
    found = derived_parts({"a_b": 1.23456789, "list": [{"x": None, "y": True}], "deep": {"z": [1]}})
    assert [(p.title, list(p.columns), p.rows) for p in found] == [
        ("", [], [["a b", "1.23457"]]),
        ("list", ["x", "y"], [["–", "yes"]]),
        ("deep", [], [["z", "1"]]),
    ]
    assert derived_parts([3])[0].rows == [["", "3"]]


def test_the_policy_is_one_for_all_pages():
    assert PageWriter().policy == PageWriter().policy


def test_the_study_lists_what_a_report_shows(tmp_path):
    study = write_study(tmp_path / "study", n_cases=1, keep=())
    study.write_text(study.read_text() + "report: ['*.intensity.median']\n")
    run(study, tmp_path / "out")
    found = read_run(tmp_path / "out")
    listed = listed_features(found)
    assert listed == ("*.intensity.median",)
    page = CaseReading(found, ReportIdentity.of(found, "study"), {}, listed).page(1, found.cases[0])
    for roi in page.rois:
        assert [one.feature_id.endswith(".intensity.median") for one in roi.measured] == [True]
        assert roi.n_more > 0


def test_text_burned_into_the_pixels_is_warned_of_on_the_page_of_the_case(tables):
    assert "text is burned into the pixels" not in whole(tables)["index.html"]
    case = tables.cases[0]["case_id"]
    row = {"series_uid": "", "unit": "", "tags": "(0028,0301)", "flags": ""}

    def page(value):
        fact = row | {"case_id": case, "fact": "burned_in_annotation", "value": value}
        found = replace(tables, facts={case: [fact]})
        return whole(found)["index.html"]

    assert page("NO\\YES").count("text is burned into the pixels") == 1
    assert "text is burned into the pixels" not in page("NO")
    rois = {one: [dict(row) for row in rows] for one, rows in tables.rois.items()}
    rois[case][0]["flags"] = "burned_in_annotation"
    flagged = whole(replace(tables, rois=rois))["index.html"]
    assert flagged.count("Look before this is sent to anybody") == 1
