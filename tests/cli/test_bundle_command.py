"""``biomarker bundle``: a run as one file, and whether it is whole where it arrives."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from kept_study import run, write_study

SAMPLE = Path(__file__).resolve().parents[2] / "sample_data"


def biomarker(*words, **more):
    command = [sys.executable, "-m", "biomarker_cli", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **more)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle") / "results"
    done = biomarker("run", SAMPLE / "study.yaml", "-o", folder, "--quiet")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def bundle(results):
    path = results.parent / "a.zip"
    done = biomarker("bundle", results, "-o", path, "--report")
    assert done.returncode == 0, done.stderr
    return path


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def table(content, name):
    with zipfile.ZipFile(content) as archive:
        return rows(archive.read(name).decode())


def test_check_says_what_a_bundle_holds(bundle, results):
    done = biomarker("bundle", "check", bundle, "--format", "json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["study"], found["identity"]) == ("sample-trial", "study")
    assert found["tables"]["cases"] == 9
    assert "analysis/fdg-suv@1.0.0" in found["protocols"]
    assert "report.html" in found["others"]


def test_numbers_leave_as_they_are(bundle, results):
    with zipfile.ZipFile(bundle) as archive:
        for name in ("measurements.csv", "features.csv", "flags.csv"):
            assert archive.read(name) == (results / name).read_bytes()


def test_nothing_of_the_source_is_in_any_member(bundle, results):
    cases = rows((results / "cases.csv").read_text())
    facts = rows((results / "facts.csv").read_text())
    rois = rows((results / "rois.csv").read_text())
    words = {row[name] for row in cases for name in row if name.endswith("_uid")}
    words |= {row[name] for row in rois for name in ("source_uid", "source_file")}
    words |= {row["value"] for row in facts if row["fact"] in {"station", "device_serial"}}
    words |= {row["value"] for row in facts if row["fact"] == "study_date"}
    words -= {""}
    assert len(words) > 20
    with zipfile.ZipFile(bundle) as archive:
        for name in archive.namelist():
            content = archive.read(name).decode()
            assert not [word for word in words if word in content], name
            # A protocol tests its rules by headers of its own.
            if not name.startswith("protocols/"):
                assert not re.search(r"2024-?(03|04|06)-?\d\d", content), name


def test_what_belonged_together_still_does(bundle, results):
    before = rows((results / "cases.csv").read_text())
    after = table(bundle, "cases.csv")
    names = ("study_uid", "series_uid", "frame_of_reference_uid")
    for name in names:
        pairs = {(a[name], b[name]) for a, b in zip(before, after, strict=True)}
        assert len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs})
    series = {row["series_uid"] for row in after}
    assert {row["series_uid"] for row in table(bundle, "facts.csv")} <= series
    sources = {row["source_series_uids"] for row in table(bundle, "rois.csv")} - {""}
    assert sources
    assert sources <= series


def test_dates_are_days_from_the_first_visit_of_the_subject(bundle):
    days = {
        (row["case_id"].split("/")[1], row["case_id"].split("/")[2], row["value"])
        for row in table(bundle, "facts.csv")
        if row["fact"] == "study_date"
    }
    assert days == {("S0001", "T1", "day 0"), ("S0001", "T2", "day 84"), ("S0002", "T1", "day 0")}


def test_the_same_run_gives_the_same_bytes_and_nothing_is_overwritten(bundle, results, tmp_path):
    again = tmp_path / "b.zip"
    assert biomarker("bundle", results, "-o", again, "--report").returncode == 0
    assert again.read_bytes() == bundle.read_bytes()
    refused = biomarker("bundle", results, "-o", again)
    assert (refused.returncode, "OUTPUT-EXISTS" in refused.stderr) == (2, True)


def test_identity_keep_leaves_tables_as_they_are(results, tmp_path):
    path = tmp_path / "own.zip"
    assert biomarker("bundle", results, "-o", path, "--identity", "keep").returncode == 0
    with zipfile.ZipFile(path) as archive:
        for source in results.glob("*.csv"):
            assert archive.read(source.name) == source.read_bytes()


def test_a_table_that_was_edited_does_not_leave(results, tmp_path):
    copy = tmp_path / "results"
    shutil.copytree(results, copy)
    with (copy / "cases.csv").open("a") as stream:
        stream.write("X\n")
    done = biomarker("bundle", copy, "-o", tmp_path / "c.zip")
    assert (done.returncode, "TABLE-CHANGED" in done.stderr) == (3, True)
    assert not (tmp_path / "c.zip").exists()


def test_the_metadata_is_an_ro_crate(bundle, tmp_path):
    """MUST rules of RO-Crate 1.1, 2.1, 4.1 and 5: by hand, and as `rocrate` reads it."""
    rocrate = pytest.importorskip("rocrate.rocrate")
    with zipfile.ZipFile(bundle) as archive:
        said = json.loads(archive.read("ro-crate-metadata.json"))
        names = set(archive.namelist())
    graph = {one["@id"]: one for one in said["@graph"]}
    assert said["@context"] == "https://w3id.org/ro/crate/1.1/context"
    assert len(graph) == len(said["@graph"])
    descriptor = graph["ro-crate-metadata.json"]
    assert descriptor["@type"] == "CreativeWork"
    assert descriptor["about"] == {"@id": "./"}
    assert descriptor["conformsTo"]["@id"].startswith("https://w3id.org/ro/crate/1.1")
    root = graph["./"]
    assert root["@type"] == "Dataset"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", root["datePublished"])
    parts = {one["@id"] for one in root["hasPart"]}
    assert parts == names - {"bundle.json", "ro-crate-metadata.json"}
    assert all(graph[part]["@type"] == "File" for part in parts)
    crate = rocrate.ROCrate(bundle)
    assert {one.id for one in crate.data_entities} == parts


def test_a_protocol_of_the_site_is_named_and_travels_merged(tmp_path):
    study = write_study(tmp_path / "own", 1, ())
    folder = tmp_path / "out"
    run(study, folder)
    refused = biomarker("bundle", folder, "-o", tmp_path / "d.zip")
    assert (refused.returncode, "BUNDLE-PROTOCOL" in refused.stderr) == (2, True)
    named = ("--protocol", tmp_path / "own" / "one.yaml")
    assert biomarker("bundle", folder, "-o", tmp_path / "d.zip", *named).returncode == 0
    said = biomarker("bundle", "check", tmp_path / "d.zip", "--format", "json").stdout
    assert json.loads(said)["protocols"] == ["analysis/one@1.0.0"]


def test_what_is_no_bundle_is_named(tmp_path):
    for made, code in ((None, "BUNDLE-NOT-FOUND"), (b"", "BUNDLE-UNREADABLE")):
        path = tmp_path / "x.zip"
        if made is not None:
            path.write_bytes(made)
        done = biomarker("bundle", "check", path)
        assert (done.returncode, code in done.stderr) == (3, True)
