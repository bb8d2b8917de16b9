"""The methods of a run: sentences that its tables hold, and nothing that they cannot know."""

from __future__ import annotations

import csv
import re
from dataclasses import replace

import pytest
from kept_study import run, write_study

from biomarker_cli.report.checklists import ITEMS
from biomarker_cli.report.methods import methods_evidence
from biomarker_cli.report.methods_files import checklist_rows, methods_text, write_methods
from biomarker_cli.report.run_reading import read_run

KNOWN = {
    "METRICS": {4, 6, 8, 11, 12, 13, 14},
    "CLEAR": {16, 19, 21, 22, 23, 24, 25, 26, 27, 28, 29, 46},
}


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    folder = tmp_path_factory.mktemp("methods")
    study = write_study(folder / "study", n_cases=2, keep=())
    run(study, folder / "out")
    return folder / "out"


@pytest.fixture
def tables(measured):
    return read_run(measured)


def test_what_software_cannot_know_stays_blank(tables):
    rows = list(checklist_rows(methods_evidence(tables, ["more/repeatability.csv"])))
    assert len([row for row in rows if row["checklist"] == "METRICS"]) == 30
    for row in rows:
        known = row["item"] in KNOWN[row["checklist"]]
        if row["checklist"] == "METRICS" and row["item"] == 14:
            assert row["file"] == "more/repeatability.csv"
        if not known:
            assert (row["sentence"], row["file"], row["column"]) == ("", "", "")
        elif row["sentence"]:
            assert row["file"]
            assert row["column"]
    # Nothing was checked or resampled here: what there is says so, or nothing does.
    said = {(row["checklist"], row["item"]) for row in rows if row["sentence"]}
    assert {("METRICS", 4), ("METRICS", 12), ("METRICS", 13), ("CLEAR", 29)} <= said


def test_without_its_table_repeatability_and_harmonisation_are_not_claimed(tables):
    without = methods_evidence(tables, [])
    assert {"repeatability", "harmonisation"}.isdisjoint(without)
    found = methods_evidence(tables, ["combat_report.csv"])
    assert "combat_report.csv" in found["harmonisation"].sentence
    assert "repeatability" not in found


def test_every_file_and_column_that_is_named_exists(tables, measured):
    for one in methods_evidence(tables, []).values():
        columns = set()
        for name in one.file.split("; "):
            path = measured / name
            assert path.is_file()
            if path.suffix == ".csv":
                columns |= set(path.read_text().splitlines()[0].split(","))
            else:
                columns |= set(tables.manifest)
        assert set(one.column.split("; ")) <= columns


def test_sentences_count_what_the_tables_hold(tables):
    found = methods_evidence(tables, [])
    cases = [dict(row) | {"site_id": site} for row, site in zip(tables.cases, "BA", strict=True)]
    two = methods_evidence(replace(tables, cases=tuple(cases)), [])
    assert "2 images of 2 subjects came from 2 sites: A (1), B (1)." in two["sites"].sentence
    n_rois = sum(map(len, tables.rois.values()))
    assert f"({n_rois})" in found["segmentation"].sentence
    analysis, sha256 = tables.features[0]["analysis_id"], tables.features[0]["analysis_sha256"]
    assert f"{analysis} (sha256 {sha256[:12]})" in found["parameters"].sentence
    assert f"of {len(tables.features)} are held" in found["software"].sentence
    assert f"Of {len(tables.measurements)} values: ok (" in found["missing"].sentence


def test_what_a_pool_left_out_is_told(tables):
    rows = ({"reason": "no_value"}, {"reason": "do_not_use"}, {"reason": "no_value"})
    found = methods_evidence(replace(tables, exclusions=rows), [])["missing"]
    assert found.sentence.endswith("Left out of the pool: no value (2), do not use (1).")
    assert (found.file, found.column) == (
        "measurements.csv; cases.csv; exclusions.csv",
        "status; error_code; reason",
    )
    assert "pool" not in methods_evidence(tables, [])["missing"].sentence


def test_settings_are_told_of_the_very_protocol_that_was_used_alone(tables):
    from biomarker_cli.case.analysis import load_analysis

    analysis = load_analysis("radiomics-ct@1.0.0")
    row = dict(tables.features[0]) | {"analysis_id": "radiomics-ct@1.0.0"}
    same = row | {"analysis_sha256": analysis.document.sha256}
    found = methods_evidence(replace(tables, features=(same,)), [])["preprocessing"].sentence
    assert "resegmentation range -1000, 400" in found
    assert "interpolation spacing mm 1, 1, 1; image linear; mask linear" in found
    other = methods_evidence(replace(tables, features=(row | {"analysis_sha256": "0"},)), [])
    assert "preprocessing" not in other
    path = row | {"analysis_id": "../radiomics-ct@1.0.0"}
    assert "preprocessing" not in methods_evidence(replace(tables, features=(path,)), [])


def test_settings_stand_in_the_table_and_not_in_the_paragraph(tables):
    from biomarker_cli.case.analysis import load_analysis

    analysis = load_analysis("radiomics-ct@1.0.0")
    row = dict(tables.features[0]) | {"analysis_id": "radiomics-ct@1.0.0"}
    same = row | {"analysis_sha256": analysis.document.sha256}
    said = methods_text(methods_evidence(replace(tables, features=(same,)), []))
    paragraph, table = said.split("# Checklists")
    assert "Settings of the analyses" not in paragraph
    assert "radiomics-ct@1.0.0" in paragraph
    assert "Settings of the analyses" in table


def test_checks_and_interpolation_are_told(tables):
    check = {
        "case_id": tables.cases[0]["case_id"], "protocol_id": "own", "protocol_version": "2.0.0",
        "outcome": "not_evaluable",
    }  # fmt: skip
    row = dict(tables.features[0]) | {
        "interpolation": "linear", "resampled_spacing_mm": "1 1 2", "discretisation": "FBN 32",
        "image_filter": "none",
    }  # fmt: skip
    cases = tuple(dict(case) | {"modality": "MR", "model": "M 1"} for case in tables.cases)
    found = methods_evidence(replace(tables, cases=cases, checks=(check,), features=(row,)), [])
    assert "MR M 1 (2)" in found["acquisition"].sentence
    assert "against own@2.0.0: outcomes of 1 check: not evaluable (1)" in (
        found["acquisition"].sentence
    )
    assert f"{row['analysis_id']}: linear to 1 1 2 mm (x y z)." in found["resampling"].sentence
    assert "FBN 32" in found["discretisation"].sentence
    assert "original, without a filter" in found["image_types"].sentence


def test_hostile_names_stay_text(tables):
    hostile = "a|b<script>*\n# head\u202e" + "x" * 5000
    cases = tuple(dict(row) | {"site_id": hostile} for row in tables.cases)
    said = methods_text(methods_evidence(replace(tables, cases=cases), []))
    assert "<script>" not in re.sub(r"\\.", "", said)
    assert "\u202e" not in said
    assert len([line for line in said.splitlines() if line.startswith("#")]) == 2
    assert len([line for line in said.splitlines() if line.startswith("|")]) == len(ITEMS) + 2
    assert f"({len(hostile)} characters)" in said


def test_files_are_written_with_their_package(measured, tmp_path):
    n_said, n_items = write_methods(measured, tmp_path / "methods")
    assert n_items == len(ITEMS)
    with (tmp_path / "methods" / "checklists.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert sum(row["sentence"] != "" for row in rows) == n_said > 5
    assert (tmp_path / "methods" / "datapackage.json").is_file()
    assert (tmp_path / "methods" / "methods.md").read_text().startswith("# Methods\n")
