"""``biomarker pool`` as a user runs it."""

from __future__ import annotations

import json
import os
import shutil

import frictionless
import pytest

from tests.pool_runs import digest, write_whole_run

WHOLE = os.environ.get("BIOMARKER_SLOW_TESTS") == "all"

A, B = "A/S1/T1/ct", "B/S1/T1/ct"


@pytest.fixture
def parts(tmp_path):
    """Folders of two centres."""
    return [write_whole_run(tmp_path / case[0], [case]) for case in (A, B)]


def test_a_pool_is_read_like_a_run(biomarker, parts, tmp_path):
    out = tmp_path / "pool"
    done = biomarker("pool", *parts, "-o", out)
    assert done.returncode == 0, done.stderr
    assert "trial: 2 parts, 2 sites, 2 cases\n6 measurements pooled\n" in done.stdout
    assert f"written: {out}" in done.stderr
    done = biomarker("export", "wide", out, "-o", tmp_path / "wide.csv")
    assert done.returncode == 0, done.stderr
    assert "2 rows, 3 feature columns: 6 values" in done.stdout
    done = biomarker("compare", out, out)
    assert done.returncode == 0, done.stderr
    assert "6 the same" in done.stdout


def test_a_pool_of_the_sample_trial_is_its_run(biomarker, sample_run, tmp_path):
    done = biomarker("pool", sample_run, "-o", tmp_path / "pool", "--usable", "all")
    assert done.returncode == 0, done.stderr
    tables = sorted(sample_run.glob("*.csv"))
    assert len(tables) == 7
    for table in tables:
        assert (tmp_path / "pool" / table.name).read_bytes() == table.read_bytes()
    done = biomarker("pool", sample_run, "-o", tmp_path / "usable")
    assert done.returncode == 0, done.stderr
    report = frictionless.validate(str(tmp_path / "usable" / "datapackage.json"))
    assert not report.flatten(["type"])
    assert {task.name for task in report.tasks} == {t.stem for t in tables} | {"exclusions"}


def test_json_says_what_was_left_out_and_what_differs(biomarker, tmp_path):
    parts = [
        write_whole_run(tmp_path / "a", [A]),
        write_whole_run(tmp_path / "b", [B], of_features={"engine": "other"}),
    ]
    asked = ("--on", "engine=leave_out", "--like", parts[0], "--format", "json")
    done = biomarker("pool", *parts, "-o", tmp_path / "pool", *asked)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["left_out"] == {"other_engine": 3}
    assert (told["measurements"], told["cases"], told["sites"]) == (3, 2, ["A", "B"])
    assert [one["kind"] for one in told["differences"]] == ["engine"]


def test_a_refusal_leaves_nothing_behind(biomarker, parts, tmp_path):
    unlike = write_whole_run(
        tmp_path / "c", ["C/S1/T1/ct"], of_features={"analysis_sha256": digest("x")}
    )
    done = biomarker("pool", *parts, unlike, "-o", tmp_path / "pool")
    assert done.returncode == 2
    assert "error POOL-UNLIKE: the parts differ in analysis (1): analysis radiomics-ct@1.0.0" in (
        done.stderr
    )
    assert not (tmp_path / "pool").exists()
    done = biomarker("pool", tmp_path / "nowhere", "-o", tmp_path / "pool")
    assert done.returncode == 3
    done = biomarker("pool", *parts, "-o", tmp_path / "pool", "--on", "unit=list")
    assert done.returncode == 2
    assert "POOL-RULES" in done.stderr
    done = biomarker("pool", *parts, "-o", tmp_path / "pool", "--like", parts[0])
    assert done.returncode == 2
    assert "no answer leaves any out" in done.stderr


def test_nothing_is_overwritten_unasked_and_a_run_never(biomarker, parts, tmp_path):
    out = tmp_path / "pool"
    assert biomarker("pool", *parts, "-o", out).returncode == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    for asked in ((), ("--overwrite",)):
        done = biomarker("pool", *parts, "-o", parts[0], *asked)
        assert "OUTPUT-EXISTS" in done.stderr
    run = shutil.copytree(parts[0], tmp_path / "run")
    done = biomarker("pool", *parts, "-o", run, "--overwrite")
    assert "OUTPUT-EXISTS" in done.stderr
    assert "OUTPUT-EXISTS" in biomarker("pool", *parts, "-o", out).stderr
    assert biomarker("pool", *parts[::-1], "-o", out, "--overwrite").returncode == 0
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


@pytest.mark.slow
def test_the_runs_of_a_divided_study_are_the_undivided_one(biomarker, sample_copy, tmp_path):
    trial = sample_copy
    # A region that one centre cannot measure at all: its run knows none of the features.
    foreign = trial / "centre_a" / "S0001" / "T1" / "ct" / "rtstruct.dcm"
    shutil.copyfile(foreign, trial / "centre_b" / "S0002" / "T1" / "ct" / "rtstruct.dcm")
    head, *lines = (trial / "cases.csv").read_text().splitlines(keepends=True)
    lines = lines if WHOLE else [line for line in lines if ",ct," in line]
    runs = {}
    for site in ("", "CENTRE_A", "CENTRE_B"):
        (trial / "cases.csv").write_text(head + "".join(line for line in lines if site in line))
        runs[site] = tmp_path / f"run_{site}"
        done = biomarker("run", trial / "study.yaml", "-o", runs[site], "--jobs", 1)
        assert done.returncode in {0, 5, 6}, done.stderr
    whole, parts = runs.pop(""), list(runs.values())
    done = biomarker("pool", *parts, "-o", tmp_path / "pool", "--usable", "all")
    assert done.returncode == 0, done.stderr
    for table in whole.glob("*.csv"):
        assert (tmp_path / "pool" / table.name).read_bytes() == table.read_bytes(), table.name
    for name, given in (("of_parts", parts), ("of_whole", [whole])):
        assert biomarker("pool", *given, "-o", tmp_path / name).returncode == 0
    for path in (tmp_path / "of_whole").iterdir():
        if path.name != "manifest.json":
            assert (tmp_path / "of_parts" / path.name).read_bytes() == path.read_bytes()
