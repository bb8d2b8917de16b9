"""``biomarker pool`` as a user runs it."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.pool_runs import digest, write_whole_run

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
