"""Shards, disks that fill up, folders that cannot be written, runs beside each other: one result.

After a run is taken up the tables have the bytes of an undisturbed one, or a clear error
says why not and nothing is lost.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import nibabel
import numpy as np
import pytest

from biomarker_cli.study import planning

CHECKOUT = Path(__file__).resolve().parents[2]
TABLES = ("measurements", "rois", "cases", "facts", "checks", "features", "flags")
N_CASES = 7
STUDY = """
format: biomarker-study/1
id: many
roles:
  ct: {analyses: [pyradiomics-default]}
"""


@pytest.fixture(scope="module")
def trial(tmp_path_factory) -> Path:
    """Return a study of small cases, of which one is a copy of another."""
    folder = tmp_path_factory.mktemp("many")
    rng = np.random.default_rng(1)
    mask = np.zeros((8, 9, 10), dtype=np.uint8)
    mask[2:6, 2:7, 2:8] = 1
    nibabel.save(nibabel.Nifti1Image(mask, np.eye(4)), folder / "mask.nii.gz")
    lines = ["site_id,subject_id,timepoint,role,image,mask,quantity"]
    for number in range(N_CASES):
        image = rng.normal(0, 50, mask.shape).astype(np.float32)
        nibabel.save(nibabel.Nifti1Image(image, np.eye(4)), folder / f"i{number}.nii")
        lines.append(f"S,P{number},T1,ct,i{number}.nii,mask.nii.gz,hu")
    lines.append("S,P9,T1,ct,nowhere.nii,mask.nii.gz,hu")
    (folder / "cases.csv").write_text("\n".join(lines) + "\n")
    (folder / "study.yaml").write_text(STUDY)
    return folder / "study.yaml"


def run(*arguments: object, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "biomarker_cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        **options,
    )


def digests(folder: Path) -> dict[str, str]:
    return {t: hashlib.sha256((folder / f"{t}.csv").read_bytes()).hexdigest() for t in TABLES}


@pytest.fixture(scope="module")
def whole(trial, tmp_path_factory) -> dict[str, str]:
    out = tmp_path_factory.mktemp("whole") / "out"
    done = run("run", trial, "-o", out, "--jobs", 1)
    assert done.returncode == 5, done.stderr
    return digests(out)


def test_two_workers_give_the_bytes_of_one(trial, whole, tmp_path):
    assert run("run", trial, "-o", tmp_path / "out", "--jobs", 2).returncode == 5
    assert digests(tmp_path / "out") == whole


def test_three_shards_and_a_merge_give_the_bytes_of_one_run(trial, whole, tmp_path):
    out = tmp_path / "out"
    early = run("merge", out)
    assert early.returncode == 2
    assert "SHARD-MISSING" in early.stderr
    codes = [run("run", trial, "-o", out, "--shard", f"{n}/3").returncode for n in (3, 1, 2)]
    assert sorted(codes)[0] == 0
    assert 5 in codes or 6 in codes
    assert not list(out.glob("*.csv"))
    done = run("merge", out, "--format", "json")
    assert done.returncode == 5, done.stderr
    assert digests(out) == whole
    assert len(json.loads(done.stdout)["cases"]) == N_CASES + 1
    # What was measured in shards is kept by a run of the whole, and the other way round.
    again = run("run", trial, "-o", out, "--dry-run", "--format", "json")
    assert {row["action"] for row in json.loads(again.stdout)} == {"reuse", "refuse"}
    assert run("run", trial, "-o", out, "--shard", "1/3", "--quiet").stdout == ""
    assert run("merge", out).returncode == 5
    assert digests(out) == whole


def test_a_shard_that_was_made_with_another_list_is_refused_by_name(trial, tmp_path):
    study = shutil.copytree(trial.parent, tmp_path / "trial") / "study.yaml"
    out = tmp_path / "out"
    assert run("run", study, "-o", out, "--shard", "1/2").returncode in {0, 5}
    rows = (study.parent / "cases.csv").read_text()
    (study.parent / "cases.csv").write_text(rows.replace("P0", "P00"))
    assert run("run", study, "-o", out, "--shard", "2/2").returncode in {0, 5}
    done = run("merge", out)
    assert done.returncode == 2
    assert "SHARD-UNLIKE" in done.stderr
    assert "list of cases" in done.stderr
    assert not list(out.glob("*.csv"))


def test_a_shard_is_held_by_one_process_and_no_merge_writes_meanwhile(trial, tmp_path):
    import fcntl

    out = tmp_path / "out"
    for number in (1, 2):
        assert run("run", trial, "-o", out, "--shard", f"{number}/2").returncode in {0, 5}
    with (out / "shards" / ".1-of-2.lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        busy = run("run", trial, "-o", out, "--shard", "1/2")
        assert (busy.returncode, "RUN-BUSY" in busy.stderr) == (2, True)
        assert run("run", trial, "-o", out, "--shard", "2/2").returncode in {0, 5}
    with (out / "results" / ".lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_SH)
        for command in (("merge", out), ("run", trial, "-o", out)):
            busy = run(*command)
            assert (busy.returncode, "RUN-BUSY" in busy.stderr) == (2, True)


def test_a_file_system_without_locks_is_named(trial, tmp_path, monkeypatch):
    from biomarker_cli.study import locking
    from biomarker_cli.study.errors import StudyError

    class NoLocks:
        LOCK_EX, LOCK_SH, LOCK_NB = 1, 2, 4

        @staticmethod
        def flock(*_: object) -> None:
            raise OSError(95, "Operation not supported")

    monkeypatch.setattr(locking, "fcntl", NoLocks)
    with pytest.raises(StudyError) as caught, locking.exclusive(tmp_path):
        pass
    assert caught.value.code == "RUN-NO-LOCKS"


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_is_told_and_stays_as_it_was(trial, tmp_path):
    out = tmp_path / "out"
    out.mkdir(mode=0o500)
    done = run("run", trial, "-o", out)
    assert done.returncode != 0
    assert "Permission" in done.stderr
    assert not list(out.iterdir())


def test_a_full_disk_is_told_and_a_run_with_room_ends_in_the_same_bytes(trial, whole, tmp_path):
    """The room ends while results are written, then while tables are."""
    out = tmp_path / "out"
    out.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", out], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("only root may mount a file system")
    try:
        full = run("run", trial, "-o", out, "--jobs", 1)
        assert full.returncode not in {0, 5}
        assert "No space left" in full.stderr
        assert "Traceback" not in full.stderr
        kept = len(list((out / "results").glob("*.result")))
        assert 0 < kept <= N_CASES
        subprocess.run(["mount", "-o", "remount,size=10m", out], check=True)
        done = run("run", trial, "-o", out, "--jobs", 1)
        assert done.returncode == 5, done.stderr
        assert digests(out) == whole
    finally:
        subprocess.run(["umount", out], check=True)


def test_a_corrupt_result_is_measured_again_and_said(trial, whole, tmp_path):
    out = tmp_path / "out"
    assert run("run", trial, "-o", out).returncode == 5
    (victim, *_) = sorted((out / "results").glob("*.result"))
    victim.write_bytes(victim.read_bytes()[:-7])
    done = run("run", trial, "-o", out)
    assert "edited or damaged" in done.stdout
    assert digests(out) == whole


def test_tables_that_are_as_they_were_written_are_left_alone(trial, whole, tmp_path):
    out = tmp_path / "out"
    run("run", trial, "-o", out)
    names = [*(f"{t}.csv" for t in TABLES), "datapackage.json", "manifest.json"]
    before = {name: (out / name).stat().st_mtime_ns for name in names}
    run("run", trial, "-o", out)
    assert {name: (out / name).stat().st_mtime_ns for name in names} == before
    (out / "rois.csv").write_text("edited\n")
    run("run", trial, "-o", out)
    assert digests(out) == whole


def test_a_killed_shard_is_taken_up(trial, whole, tmp_path):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "biomarker_cli", "run", trial, "-o", out, "--shard", "1/2"]
    process = subprocess.Popen(
        [*map(str, command), "--jobs", "1"],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        stdout=subprocess.DEVNULL,
    )
    until = time.monotonic() + 60
    while not list(out.glob("results/*.result")) and process.poll() is None:
        assert time.monotonic() < until
        time.sleep(0.01)
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGKILL)
    process.wait()
    for number in (2, 1):
        assert run("run", trial, "-o", out, "--shard", f"{number}/2").returncode in {0, 5}
    assert run("merge", out).returncode == 5
    assert digests(out) == whole


def test_plans_that_are_made_again_give_the_same_tables(trial, whole, tmp_path, monkeypatch):
    from biomarker_cli.catalogue.index import FileIndex
    from biomarker_cli.study.runner import RunOptions, StudyRun, run_study
    from biomarker_cli.study.study_file import load_study, with_key

    monkeypatch.setattr(planning, "_KEPT_SLICES", 0)
    study = with_key(load_study(trial), writes=True)
    planner = planning.StudyPlanner(study, FileIndex(tmp_path / "cache"))
    run_study(StudyRun.of_study(study, planner), tmp_path / "out", RunOptions())
    assert digests(tmp_path / "out") == whole


def test_only_the_analysis_that_changed_is_measured_again(trial, tmp_path):
    """Joined rows are those of measuring the whole case."""
    folder = shutil.copytree(trial.parent, tmp_path / "trial")
    study, out = folder / "study.yaml", tmp_path / "out"
    assert run("run", study, "-o", out).returncode == 5
    both = STUDY.replace("[pyradiomics-default]", "[pyradiomics-default, radiomics-ct]")
    study.write_text(both)
    plan = run("run", study, "-o", out, "--dry-run", "--format", "json")
    reasons = {row["reason"] for row in json.loads(plan.stdout)}
    assert reasons == {
        "analysis radiomics-ct@1.0.0 added; other analyses are kept",
        "CASE-FILE-NOT-FOUND",
    }
    assert run("run", study, "-o", out).returncode == 5
    assert run("run", study, "-o", tmp_path / "anew").returncode == 5
    assert digests(out) == digests(tmp_path / "anew")
    assert set(_measured(out)) == {("pyradiomics-default@1.0.0"), ("radiomics-ct@1.0.0")}


def _measured(out: Path) -> list[str]:
    with (out / "measurements.csv").open(newline="") as stream:
        return [row["analysis_id"] for row in csv.DictReader(stream)]


def test_the_log_of_json_lines_grows_over_runs(trial, tmp_path):
    out = tmp_path / "out"
    run("run", trial, "-o", out)
    run("run", trial, "-o", out, "--fresh")
    lines = [json.loads(line) for line in (out / "run.jsonl").read_text().splitlines()]
    stages = [line["stage"] for line in lines]
    assert stages.count("begin") == stages.count("tables") == stages.count("planned") == 2
    own = [line for line in lines if line.get("case_id") == "S/P0/T1/ct"]
    assert [line["attempt"] for line in own] == [1, 2]
    assert all(line["status"] == "measured" and line["duration_s"] > 0 for line in own)


def test_a_report_for_a_ci_server_has_each_case(trial, tmp_path):
    from xml.etree import ElementTree as ET

    report = tmp_path / "run.xml"
    done = run("run", trial, "-o", tmp_path / "out", "--junit", report, "-v")
    assert "S/P0/T1/ct: measured" in done.stderr
    root = ET.parse(report).getroot()
    suite = next(s for s in root if s.get("name") == "cases")
    assert (suite.get("tests"), suite.get("failures")) == (str(N_CASES + 1), "1")
    refused = run("run", trial, "-o", tmp_path / "out", "--junit", report)
    assert refused.returncode == 2
    assert "OUTPUT-EXISTS" in refused.stderr
