"""A run applies the waivers and the lock of its study as a check does."""

from __future__ import annotations

import csv
import json
from datetime import datetime

import pytest
import yaml
from synthetic_protocols import protocol_head

from biomarker_cli.case.running import run_case
from biomarker_cli.study.cohort_checks import Member, judge_cohort
from biomarker_cli.study.errors import StudyError
from biomarker_cli.study.merging import StudyPart, merge_shards, run_shard
from biomarker_cli.study.planning import StudyPlanner
from biomarker_cli.study.runner import RunOptions, StudyRun
from biomarker_cli.study.shards import Shard
from biomarker_cli.study.study_file import load_study, with_key

WAIVER = {
    "protocol": "recist-ct",
    "versions": "^1.0.0",
    "rule": "RECIST-CT-001",
    "series": "*",
    "reason": "the thin reconstruction was not archived",
    "approver": "core lab physicist",
    "expires": "2999-12-31",
}


def _rows(folder, name, **wanted):
    with (folder / name).open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    return [row for row in rows if all(row[key] == value for key, value in wanted.items())]


@pytest.fixture
def study(sample_copy):
    """The CT of one subject of the second centre, whose slices are too thick."""

    def write(waivers=None, **keys):
        data = yaml.safe_load((sample_copy / "study.yaml").read_text())
        if waivers is not None:
            data["waivers"] = "waivers.yaml"
            content = {"format": "biomarker-waivers/1", "waivers": waivers}
            (sample_copy / "waivers.yaml").write_text(yaml.safe_dump(content))
        (sample_copy / "study.yaml").write_text(yaml.safe_dump({**data, **keys}))
        rows = _rows(sample_copy, "cases.csv", site_id="CENTRE_B", role="ct")[:1]
        with (sample_copy / "cases.csv").open("w", newline="") as stream:
            writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return sample_copy / "study.yaml"

    return write


def _run(biomarker, study, out, *options):
    return biomarker("run", study, "-o", out, "--jobs", 1, *options)


def test_a_waived_rule_is_said_on_every_row_and_breaks_nothing(biomarker, study, tmp_path):
    out = tmp_path / "out"
    path = study([WAIVER], on_violation="exclude")
    done = _run(biomarker, path, out, "--strict")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "RECIST-CT-001 waived" in done.stdout
    (check,) = _rows(out, "checks.csv", rule_id="RECIST-CT-001")
    assert (check["outcome"], check["observed"]) == ("waived", "6")
    rows = _rows(out, "measurements.csv")
    assert rows
    assert all("acq_waived:RECIST-CT-001" in row["flags"].split(";") for row in rows)
    assert not any("acq_fail" in row["flags"] for row in rows)
    assert "the thin reconstruction was not archived" in (out / "run.log").read_text()
    (listed,) = json.loads((out / "manifest.json").read_text())["waivers"]
    assert (listed["rule"], listed["expired"]) == ("RECIST-CT-001", False)


def test_an_expired_waiver_is_a_fail_and_the_case_is_judged_again(biomarker, study, tmp_path):
    out = tmp_path / "out"
    assert _run(biomarker, study([WAIVER]), out, "--strict").returncode == 0
    done = _run(biomarker, study([{**WAIVER, "expires": "2020-01-01"}]), out, "--strict")
    assert done.returncode == 4
    (check,) = _rows(out, "checks.csv", rule_id="RECIST-CT-001")
    assert check["outcome"] == "fail"
    rows = _rows(out, "measurements.csv")
    assert all("acq_fail:RECIST-CT-001" in row["flags"].split(";") for row in rows)


def test_shards_under_a_waiver_that_has_expired_since_are_not_merged(study, tmp_path, monkeypatch):
    """Their rows say that it holds; a run of today would say that it does not."""
    path, out = study([{**WAIVER, "expires": "2026-03-05"}]), tmp_path / "out"

    class _Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2026, 3, day, tzinfo=tz)

    monkeypatch.setattr("biomarker_cli.study.study_protocols.datetime", _Clock)
    day = 5
    part = StudyPart(Shard(1, 1), with_key(load_study(path), writes=True), path)
    planner = StudyPlanner(part.own, is_part=True)
    with run_shard(part, StudyRun.of_study(part.own, planner), out, RunOptions()).judged.cohort:
        pass
    with merge_shards(out).judged.cohort:
        assert _rows(out, "checks.csv", rule_id="RECIST-CT-001")[0]["outcome"] == "waived"
    day = 6
    with pytest.raises(StudyError, match="expired") as caught:
        merge_shards(out)
    assert caught.value.code == "SHARD-UNLIKE"


def test_a_waiver_that_speaks_of_another_series_changes_no_result(biomarker, study, tmp_path):
    out = tmp_path / "out"
    assert _run(biomarker, study(), out).returncode == 0
    path = study([{**WAIVER, "series": "1.2.3"}])
    (planned,) = json.loads(_run(biomarker, path, out, "--dry-run", "--format", "json").stdout)
    assert planned["action"] == "reuse"


@pytest.mark.parametrize(
    ("waiver", "code", "told"),
    [
        ({**WAIVER, "rule": "RECST-CT-001"}, "WAIVER-RULE", "Did you mean RECIST-CT-001"),
        ({**WAIVER, "expires": "next year"}, "WAIVER-INVALID", "expires"),
        ({**WAIVER, "reason": ""}, "WAIVER-INVALID", "reason"),
    ],
)
def test_a_bad_waiver_stops_the_run_before_any_case(biomarker, study, tmp_path, waiver, code, told):
    done = _run(biomarker, study([waiver]), tmp_path / "out")
    assert done.returncode == 2
    assert code in done.stderr
    assert told in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_waiver_file_that_is_not_there_stops_the_run(biomarker, study, tmp_path):
    path = study([WAIVER])
    (path.parent / "waivers.yaml").unlink()
    done = _run(biomarker, path, tmp_path / "out")
    assert done.returncode == 2
    assert "no such waiver file" in done.stderr


def test_a_rule_over_the_cohort_is_waived_as_well(study, sample_copy, tmp_path):
    """The two centres scan with two thicknesses; no case sees that alone."""
    (sample_copy / "same.yaml").write_text(
        protocol_head(ident="same") + "applies_to: {when: {Modality: CT}}\n"
        "rules:\n  - {id: SAME, title: s, fact: slice_thickness_mm, check: {constant: true}, "
        "unit: mm, over: cohort}\n"
    )
    rows = _rows(sample_copy, "cases.csv", role="ct")
    path = study([{**WAIVER, "protocol": "same", "versions": "^0.1", "rule": "SAME"}])
    data = yaml.safe_load(path.read_text())
    data["roles"]["ct"]["acquisition"] = "same.yaml"
    for name, outcome in (("waivers.yaml", "waived"), ("", "fail")):
        path.write_text(yaml.safe_dump({**data, "waivers": name}))
        with (sample_copy / "cases.csv").open("w", newline="") as stream:
            writer = csv.DictWriter(stream, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        planner = StudyPlanner(with_key(load_study(path), writes=True))
        plans = [planner.planned(place).plan for place in range(len(planner))]
        members = [
            Member(
                plan.acquisition,
                tuple(plan.waivers.canonical()) if plan.waivers else (),
                run_case(plan).readings,
            )
            for plan in plans
        ]
        (check,) = judge_cohort(members, planner.waivers)
        assert (check.scope, check.outcome) == ("cohort", outcome)


def test_a_mistyped_protocol_names_the_role_and_what_may_be_meant(biomarker, study, tmp_path):
    path = study()
    data = yaml.safe_load(path.read_text())
    data["roles"]["ct"]["acquisition"] = "recist"
    path.write_text(yaml.safe_dump(data))
    done = _run(biomarker, path, tmp_path / "out")
    assert done.returncode == 2
    assert "study sample-trial, role ct" in done.stderr
    assert "Did you mean recist-ct" in done.stderr


class TestLock:
    def lock(self, biomarker, folder, *idents):
        for ident in idents:
            assert biomarker("protocol", "show", ident, "--lock", cwd=folder).returncode == 0

    def test_what_is_locked_runs(self, biomarker, study, tmp_path):
        path = study(lock="protocols.lock")
        data = yaml.safe_load(path.read_text())
        idents = {p for r in data["roles"].values() for p in (r["acquisition"], *r["analyses"])}
        self.lock(biomarker, path.parent, *sorted(idents))
        done = _run(biomarker, path, tmp_path / "out")
        assert done.returncode == 0, done.stderr

    def test_an_analysis_that_is_not_locked_is_refused_with_what_to_do(
        self, biomarker, study, tmp_path
    ):
        path = study(lock="protocols.lock")
        self.lock(biomarker, path.parent, "recist-ct@1.0.0")
        done = _run(biomarker, path, tmp_path / "out")
        assert done.returncode == 2
        assert "LOCK-ABSENT" in done.stderr
        assert "biomarker protocol show pyradiomics-default@1.0.0 --lock" in done.stderr
        assert not (tmp_path / "out").exists()

    def test_a_protocol_that_changed_under_its_version_is_refused(self, biomarker, study, tmp_path):
        path = study(lock="protocols.lock")
        lock = path.parent / "protocols.lock"
        self.lock(biomarker, path.parent, "recist-ct@1.0.0")
        lock.write_text(json.dumps({"acquisition/recist-ct@1.0.0": "0" * 64}))
        done = _run(biomarker, path, tmp_path / "out")
        assert done.returncode == 2
        assert "LOCK-MISMATCH" in done.stderr
        assert not (tmp_path / "out").exists()

    def test_a_lock_that_is_not_there_is_refused(self, biomarker, study, tmp_path):
        done = _run(biomarker, study(lock="protocols.lock"), tmp_path / "out", "--dry-run")
        assert done.returncode == 2
        assert "LOCK-NOT-FOUND" in done.stderr
