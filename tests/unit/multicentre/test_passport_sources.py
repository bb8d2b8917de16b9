"""Sources of passports: what each gives, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from biomarker_cli.multicentre.passport_book import take_up
from biomarker_cli.multicentre.passport_sources import StatedEntry, passport_rows
from biomarker_cli.tables.cells import csv_text
from biomarker_cli.tables.errors import PassportError
from biomarker_cli.tables.passports import read_passports
from biomarker_cli.tables.schema import CASES, FACTS, MEASUREMENTS
from biomarker_cli.tables.sealed_files import sealed
from biomarker_cli.tables.writing import write_table

SAID = StatedEntry(site="A", day="2026-02-03")


def keep(path: Path, content: dict[str, object]) -> Path:
    path.write_text(json.dumps(sealed(content)))
    return path


def judgement(**more: object) -> dict[str, object]:
    return {
        "format": "biomarker-phantom-judgement/1",
        "phantom": "suv/1 ge",
        "passed": True,
        "info": {"program": "X", "version": "2", "date": "2026-01-01"},
        "rows": [{"outcome": "pass"}, {"outcome": "not_given"}],
        **more,
    }


def certificate(n_out: int = 0) -> dict[str, object]:
    suites = [
        {"name": "suv", "n_checks": 5, "n_out_of_tolerance": n_out},
        {"name": "ibsi-2", "n_checks": 0, "n_out_of_tolerance": 0},
    ]
    return {
        "format": "biomarker-certificate/1",
        "created": "2026-01-05T10:00:00+00:00",
        "installation": {"software": {"biomarker": "1.2.3"}},
        "suites": suites,
    }


def test_a_judgement_is_one_row_of_its_program(tmp_path):
    path = keep(tmp_path / "j.json", judgement())
    (row,) = passport_rows(path, StatedEntry(site="A"))
    assert (row.site_id, row.test, row.device, row.date) == ("A", "program", "X 2", "2026-01-01")
    assert (row.outcome, row.value, row.source) == ("pass", 0.0, "j.json")
    assert len(row.source_sha256) == 64
    failed = judgement(passed=False, rows=[{"outcome": "fail"}, {"outcome": "unreadable"}])
    (row,) = passport_rows(keep(path, failed), StatedEntry(site="A"))
    assert (row.outcome, row.value) == ("fail", 2.0)
    both = judgement(passed=False, rows=[{"outcome": "fail"}, {"outcome": "pass"}])
    (row,) = passport_rows(keep(path, both), StatedEntry(site="A"))
    assert (row.outcome, row.value) == ("fail", 1.0)


def test_a_certificate_is_a_row_for_each_suite_that_ran(tmp_path):
    (row,) = passport_rows(keep(tmp_path / "c.json", certificate()), StatedEntry(site="A"))
    assert (row.test, row.device, row.date) == ("verify", "biomarker 1.2.3", "2026-01-05")
    assert (row.outcome, row.quantity) == ("pass", "suite suv: checks out of tolerance")
    (row,) = passport_rows(keep(tmp_path / "c.json", certificate(1)), StatedEntry(site="A"))
    assert (row.outcome, row.value) == ("fail", 1.0)


def test_repeatability_is_recorded_and_judged_by_the_study(tmp_path):
    feature = {"role": "dwi", "roi_id": "GTV", "feature_id": "adc.intensity.mean", "unit": "mm2/s"}
    content = {
        "format": "biomarker-repeatability/1",
        "conditions": {"scanners": ["GE|X"]},
        "features": [{**feature, "RC": [8e-5, 6e-5, 1e-4], "wCV": None}],
    }
    (row,) = passport_rows(keep(tmp_path / "r.json", content), SAID)
    assert (row.outcome, row.value, row.unit) == ("recorded", 8e-5, "mm2/s")
    assert row.quantity == "dwi GTV adc.intensity.mean RC"
    assert row.device == "GE|X"
    content["conditions"]["sites"] = ["A"]
    assert len(passport_rows(keep(tmp_path / "one.json", content), SAID)) == 1
    content["conditions"]["sites"] = ["A", "B"]
    with pytest.raises(PassportError, match="of several sites: 'A, B'"):
        passport_rows(keep(tmp_path / "two.json", content), SAID)


def run_folder(folder: Path, moved: str = "", **case: str) -> Path:
    folder.mkdir()
    case_id = "A/P/T1/dwi"

    def measured(feature: str, value: float | None) -> dict[str, object]:
        return {
            "case_id": case_id,
            "roi_id": "water",
            "analysis_id": "ours@1.0.0",
            "feature_id": f"adc.phantom.{feature}",
            "value": value,
            "unit": "1" if feature.endswith("pass") else "mm2/s",
            "status": "ok" if value is not None else "undefined",
        }

    rows = [measured("bias", 5e-5), measured("bias_pass", 0.0), measured("b_dependence_pass", None)]
    rows += [measured("within_slice_cv", 0.4), measured("within_slice_cv_pass", 1.0)]
    write_table(MEASUREMENTS, rows, folder)
    told = {"site_id": "A", "subject_id": "P", "manufacturer": "GE", "model": "Z", **case}
    write_table(CASES, [{"case_id": case_id, **told}], folder)
    fact = {"case_id": case_id, "series_uid": "1", "fact": "study_date", "value": "20260104"}
    told = [fact, {**fact, "fact": "dates_modified", "value": moved}]
    write_table(FACTS, [{**one, "unit": "", "tags": ""} for one in told if one["value"]], folder)
    return folder


def test_a_run_with_limits_gives_its_judgements_with_their_numbers(tmp_path):
    bias, slices = passport_rows(run_folder(tmp_path / "run"), StatedEntry())
    assert (bias.site_id, bias.date, bias.device) == ("A", "2026-01-04", "GE Z")
    assert (bias.test, bias.outcome, bias.value, bias.unit) == (
        "dwi_phantom",
        "fail",
        5e-5,
        "mm2/s",
    )
    assert bias.quantity == "A/P/T1/dwi water adc.phantom.bias"
    assert (slices.outcome, slices.value) == ("pass", 0.4)


def test_what_extract_measured_names_no_site(tmp_path):
    folder = run_folder(tmp_path / "run", site_id="local")
    with pytest.raises(PassportError, match="nothing tells the site_id"):
        passport_rows(folder, StatedEntry())
    assert passport_rows(folder, StatedEntry(site="B"))[0].site_id == "B"


def checks(path: Path, protocol: str = "earl-1-phantom", severity: str = "warning") -> Path:
    names = ("protocol_id", "protocol_version")
    names += ("rule_id", "severity", "outcome", "observed", "unit")
    rows = [
        dict(zip(names, (protocol, "0.1.0", *cells), strict=True))
        for cells in (
            ("MAX-10", "error", "pass", "0.45", "1"),
            ("A50-10", "error", "fail", "0.2", "1"),
            ("NUCLIDE", "error", "pass", "F-18", ""),
            ("MAX-13", severity, "not_evaluable", "", "1"),
            ("MAX-17", "error", "waived", "", "1"),
        )
    ]
    path.write_text(csv_text(names, rows))
    return path


def test_checks_of_a_phantom_give_a_row_for_each_rule_that_was_judged(tmp_path):
    rows = passport_rows(checks(tmp_path / "checks.csv"), SAID)
    assert [(row.outcome, row.value) for row in rows] == [
        ("pass", 0.45),
        ("fail", 0.2),
        ("pass", None),
    ]
    assert {row.test for row in rows} == {"pet_phantom"}
    assert rows[0].quantity == "earl-1-phantom@0.1.0 MAX-10"
    with pytest.raises(PassportError, match="protocol of no phantom"):
        passport_rows(checks(tmp_path / "other.csv", "fdg-pet"), SAID)


def test_a_phantom_that_nobody_measured_qualifies_no_site(tmp_path):
    """The rules that a header alone answers passed; those of the phantom were never judged."""
    with pytest.raises(PassportError, match="1 rule of error level could not be judged") as no:
        passport_rows(checks(tmp_path / "checks.csv", severity="error"), SAID)
    assert no.value.code == "PASSPORT-SOURCE"
    assert "MAX-13" in no.value.message
    assert "--measured" in no.value.hint


def edited(path: Path) -> Path:
    path.write_text(path.read_text().replace('"passed": true', '"passed": false'))
    return path


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "no JSON of ours"),
        ("[]", "no JSON of ours"),
        ("[" * 100_000, "no JSON of ours"),
        ('{"format": 3}', "format is '3'"),
        ('{"format": "biomarker-manifest/1"}', "biomarker-manifest/1"),
        ('{"format": "biomarker-phantom-judgement/1"}', "was edited"),
    ],
)
def test_what_is_no_source_is_refused(tmp_path, content, said):
    path = tmp_path / "x.json"
    path.write_text(content)
    with pytest.raises(PassportError, match=said):
        passport_rows(path, SAID)


def test_an_edited_file_a_broken_form_and_an_empty_one_are_refused(tmp_path):
    path = edited(keep(tmp_path / "j.json", judgement()))
    with pytest.raises(PassportError, match="was edited"):
        passport_rows(path, SAID)
    keep(path, judgement(rows=3))
    with pytest.raises(PassportError, match="of another form"):
        passport_rows(path, StatedEntry(site="A"))
    keep(path, judgement(rows=[{"outcome": "not_given"}]))
    with pytest.raises(PassportError, match="nothing that a passport takes up"):
        passport_rows(path, StatedEntry(site="A"))


def test_what_a_person_says_must_not_contradict_the_source(tmp_path):
    path = keep(tmp_path / "j.json", judgement())
    with pytest.raises(PassportError, match="date is '2026-01-01' there"):
        passport_rows(path, SAID)
    named = StatedEntry(site="A", device="Workstation", test="viewer")
    (row,) = passport_rows(path, named)
    assert (row.device, row.test) == ("Workstation", "viewer")
    with pytest.raises(PassportError, match="small letters"):
        passport_rows(path, StatedEntry(site="A", test="A Test"))


def test_a_sheet_without_a_day_needs_one_to_be_said(tmp_path):
    path = keep(tmp_path / "j.json", judgement(info={"program": "X", "date": "3.2.26"}))
    with pytest.raises(PassportError, match="YYYY-MM-DD"):
        passport_rows(path, StatedEntry(site="A"))
    keep(path, judgement(info={}))
    assert passport_rows(path, SAID)[0].date == "2026-02-03"
    with pytest.raises(PassportError, match="nothing tells the date"):
        passport_rows(path, StatedEntry(site="A"))


def test_rows_are_added_once_and_never_silently_replaced(tmp_path):
    book, source = tmp_path / "passports.csv", keep(tmp_path / "j.json", judgement())
    rows = passport_rows(source, StatedEntry(site="A"))
    assert len(take_up(book, rows).added) == 1
    before = book.read_bytes()
    assert len(take_up(book, rows).known) == 1
    assert book.read_bytes() == before
    other = passport_rows(
        keep(source, judgement(passed=False, rows=[{"outcome": "fail"}])), StatedEntry(site="A")
    )
    with pytest.raises(PassportError, match=r"is there as 0\.0"):
        take_up(book, other)
    assert book.read_bytes() == before
    assert len(take_up(book, other, overwrite=True).replaced) == 1
    assert [row.outcome for row in read_passports(book)] == ["fail"]


def test_a_date_that_was_moved_is_no_day_of_measuring(tmp_path):
    told = run_folder(tmp_path / "told", moved="UNMODIFIED")
    assert passport_rows(told, StatedEntry())[0].date == "2026-01-04"
    moved = run_folder(tmp_path / "moved", moved="MODIFIED")
    with pytest.raises(PassportError, match="nothing tells the date"):
        passport_rows(moved, StatedEntry())
    assert passport_rows(moved, StatedEntry(day="2026-01-05"))[0].date == "2026-01-05"
