"""The tables of a run: a valid data package, and rows that say whether they may be pooled."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import frictionless
import pytest
import yaml

from tests.synthetic_tables import MEDIAN, write_run

CHECKOUT = Path(__file__).resolve().parents[2]


def _rows(folder, name):
    with (folder / f"{name}.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def one_ct(sample_copy):
    """The CT of the second centre, whose slices are too thick: a case that breaks a rule."""
    path = sample_copy / "cases.csv"
    with path.open(newline="") as stream:
        rows = [
            r for r in csv.DictReader(stream) if (r["site_id"], r["role"]) == ("CENTRE_B", "ct")
        ]
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return sample_copy


def _with_policy(root, flags, name="policy.yaml"):
    (root / name).write_text(yaml.safe_dump({"format": "biomarker-usable/1", "flags": flags}))
    data = yaml.safe_load((root / "study.yaml").read_text())
    (root / "study.yaml").write_text(yaml.safe_dump({**data, "usable": name}))


def _run(biomarker, root, out, *options):
    return biomarker("run", root / "study.yaml", "-o", out, "--jobs", 1, *options)


def _errors(folder):
    report = frictionless.validate(str(folder / "datapackage.json"))
    return {error[0] for error in report.flatten(["type"])}, report


def test_a_run_is_a_valid_data_package_with_its_foreign_keys(sample_run):
    errors, report = _errors(sample_run)
    assert not errors
    assert {task.name for task in report.tasks} == {path.stem for path in sample_run.glob("*.csv")}
    assert {"features", "flags", "measurements"} <= {task.name for task in report.tasks}


@pytest.mark.parametrize(
    ("table", "change", "error"),
    [
        ("rois", lambda lines: lines[:-1], "foreign-key"),
        ("features", lambda lines: lines[:-1], "foreign-key"),
        ("checks", lambda lines: [x.replace("/T2/ct", "/T9/ct") for x in lines], "foreign-key"),
        ("measurements", lambda lines: [*lines, lines[-1]], "primary-key"),
        ("measurements", lambda lines: [x.replace(",yes", ",maybe") for x in lines], "constraint"),
        ("features", lambda lines: [x.replace(",false,", ",no,") for x in lines], "type"),
    ],
)
def test_the_data_package_would_tell_a_table_that_was_broken(
    sample_run, tmp_path, table, change, error
):
    for path in (*sample_run.glob("*.csv"), sample_run / "datapackage.json"):
        shutil.copy(path, tmp_path)
    path = tmp_path / f"{table}.csv"
    path.write_text("".join(change(path.read_text().splitlines(keepends=True))))
    found, _ = _errors(tmp_path)
    assert any(error in kind for kind in found), found


def test_names_of_features_are_of_one_row_of_an_analysis(sample_run):
    rows = _rows(sample_run, "features")
    counts = Counter((row["analysis_id"], row["name"]) for row in rows)
    assert max(counts.values()) == 1
    for row in rows:
        assert row["aggregation"] in row["name"]
        assert row["family"] in row["name"]


def test_every_row_of_the_sample_says_whether_it_may_be_pooled(sample_run):
    rows = _rows(sample_run, "measurements")
    assert list(rows[0])[-1] == "usable"
    found = Counter((row["case_id"].rpartition("/")[2], row["usable"]) for row in rows)
    assert found == {
        ("ct", "yes"): 428,  # two examinations of the first centre
        ("ct", "no"): 214,  # slices of 6 mm
        ("dwi", "yes"): 90,
        ("dwi", "no"): 30,  # undefined
        ("pet", "yes"): 80,
        ("pet", "no"): 40,  # uptake of 95 min
    }


def test_flags_csv_counts_the_rows_that_carry_each_flag(sample_run):
    rows = _rows(sample_run, "measurements")
    counts = Counter(flag for row in rows for flag in row["flags"].split(";") if flag)
    facts = Counter(
        flag for row in _rows(sample_run, "facts") for flag in row["flags"].split(";") if flag
    )
    listed = _rows(sample_run, "flags")
    assert [row["flag"] for row in listed] == sorted(counts | facts)
    assert {row["flag"]: int(row["n_measurements"]) for row in listed} == {
        flag: counts[flag] for flag in counts | facts
    }
    assert {row["flag"]: int(row["n_facts"]) for row in listed if row["n_facts"] != "0"} == facts
    by_flag = {row["flag"]: row for row in listed}
    assert by_flag["acq_fail:RECIST-CT-001"]["severity"] == "do_not_use"
    # A newcomer's first rows rest on released protocols only.
    assert "draft_protocol" not in by_flag
    assert by_flag["trace_images"]["severity"] == "info"
    assert "error-level rule" in by_flag["acq_fail:RECIST-CT-001"]["meaning"]


def test_a_policy_changes_the_tables_and_measures_nothing(biomarker, one_ct, tmp_path):
    out = tmp_path / "out"
    assert _run(biomarker, one_ct, out).returncode == 0
    before = _rows(out, "measurements")
    (result,) = (out / "results").glob("*.result")
    kept = result.read_bytes(), result.stat().st_mtime_ns
    assert {row["usable"] for row in before} == {"no"}

    _with_policy(one_ct, {"acq_fail:RECIST-CT-001": "caution"})
    (planned,) = json.loads(_run(biomarker, one_ct, out, "--dry-run", "--format", "json").stdout)
    assert planned["action"] == "reuse"
    assert _run(biomarker, one_ct, out).returncode == 0
    assert (result.read_bytes(), result.stat().st_mtime_ns) == kept
    after = _rows(out, "measurements")
    assert {row["usable"] for row in after} == {"caution"}
    assert [row | {"usable": ""} for row in after] == [row | {"usable": ""} for row in before]
    (flag,) = [r for r in _rows(out, "flags") if r["flag"].startswith("acq_fail")]
    assert (flag["severity"], int(flag["n_measurements"])) == ("caution", len(after))
    manifest = json.loads((out / "manifest.json").read_text())
    sha256 = hashlib.sha256((one_ct / "policy.yaml").read_bytes()).hexdigest()
    assert manifest["usable_policy"] == {"file": "policy.yaml", "sha256": sha256}
    assert not _errors(out)[0]

    _with_policy(one_ct, {"acq_fail": "info"})
    assert _run(biomarker, one_ct, out).returncode == 0
    assert {row["usable"] for row in _rows(out, "measurements")} == {"yes"}


def test_shards_are_merged_by_the_policy_of_the_day(biomarker, one_ct, tmp_path):
    out = tmp_path / "out"
    assert _run(biomarker, one_ct, out, "--shard", "1/1").returncode == 0
    _with_policy(one_ct, {"acq_fail": "info"})
    done = biomarker("merge", out)
    assert done.returncode == 0, done.stderr
    assert {row["usable"] for row in _rows(out, "measurements")} == {"yes"}


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"acq_fial": "info"}, "did you mean acq_fail"),
        ({"acq_fail:RECIST-CT-01": "info"}, "Did you mean acq_fail:RECIST-CT-001?"),
    ],
)
def test_a_policy_that_names_what_is_not_there_stops_the_run(
    biomarker, one_ct, tmp_path, flags, said
):
    _with_policy(one_ct, flags)
    done = _run(biomarker, one_ct, tmp_path / "out")
    assert done.returncode == 2
    assert "USABLE-POLICY" in done.stderr
    assert said in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_policy_outside_the_folder_of_the_study_is_not_read(biomarker, one_ct, tmp_path):
    _with_policy(one_ct, {"acq_fail": "info"}, "../outside.yaml")
    done = _run(biomarker, one_ct, tmp_path / "out")
    assert done.returncode == 2
    assert "STUDY-PATH-OUTSIDE" in done.stderr


@pytest.fixture
def beside(sample_run, tmp_path):
    """A folder in which the docs find the run under the name that they use."""
    (tmp_path / "results").symlink_to(sample_run)
    return tmp_path


def _example(language):
    text = (CHECKOUT / "docs" / "tables.md").read_text()
    (found,) = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    return found


def test_the_filter_of_the_docs_finds_what_must_not_be_pooled_and_why(
    beside, sample_run, monkeypatch, capsys
):
    monkeypatch.chdir(beside)
    found: dict[str, object] = {}
    exec(_example("python"), found)
    expected = [row for row in _rows(sample_run, "measurements") if row["usable"] == "no"]
    columns = ["case_id", "roi_id", "feature_id", "status", "flags"]
    assert found["out"].to_dict("records") == [{c: row[c] for c in columns} for row in expected]
    assert "acq_fail:RECIST-CT-001" in capsys.readouterr().out
    # Why the docs write m["flags"]: the attribute is something else.
    assert list(found["m"]["flags"]) == [r["flags"] for r in _rows(sample_run, "measurements")]
    assert not hasattr(found["m"].flags, "tolist")


@pytest.mark.oracle
def test_the_filter_of_the_docs_is_the_same_in_r(beside, sample_run, rscript):
    script = beside / "filter.R"
    script.write_text(_example("r") + "write.csv(out, 'out.csv', row.names = FALSE)\n")
    done = subprocess.run(
        [rscript, "--vanilla", script], cwd=beside, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "acq_fail:RECIST-CT-001" in done.stdout
    with (beside / "out.csv").open(newline="") as stream:
        found = list(csv.DictReader(stream))
    expected = [row for row in _rows(sample_run, "measurements") if row["usable"] == "no"]
    assert found == [{column: row[column] for column in found[0]} for row in expected]


def test_tables_of_before_the_column_are_compared_and_pooled_as_ever(
    biomarker, sample_run, tmp_path
):
    old = tmp_path / "old"
    shutil.copytree(sample_run, old)
    _without_usable(old)
    assert biomarker("compare", old, sample_run).returncode == 0
    values = [
        ("A", f"S{i}", f"T{visit}", "GTV", MEDIAN, f"{1 + i / 10 + visit / 100}")
        for i in range(5)
        for visit in (1, 2)
    ]
    run = write_run(tmp_path / "run", values)
    chosen = ("repeatability", run, "--format", "json")
    after = biomarker(*chosen)
    _without_usable(run)
    before = biomarker(*chosen)
    assert before.returncode == after.returncode == 0, before.stderr
    assert before.stdout == after.stdout


def _without_usable(folder):
    path = folder / "measurements.csv"
    lines = path.read_text().splitlines()
    assert lines[0].endswith(",usable")
    path.write_text("".join(f"{line.rpartition(',')[0]}\n" for line in lines))
