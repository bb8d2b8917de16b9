"""The main job on the sample trial: tables, truth, resume, failures."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil

import pandas as pd
import pytest

TABLES = ("measurements", "rois", "cases", "facts", "checks", "features")


def _digests(folder):
    return {
        name: hashlib.sha256((folder / f"{name}.csv").read_bytes()).hexdigest() for name in TABLES
    }


def _rows(folder, table):
    with (folder / f"{table}.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def _edit_cases(root, change):
    path = root / "cases.csv"
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    rows = [row for row in (change(dict(row)) for row in rows) if row]
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _only(root, *case_ids):
    def keep(row):
        case_id = "/".join(row[k] for k in ("site_id", "subject_id", "timepoint", "role"))
        return row if case_id in case_ids else None

    _edit_cases(root, keep)


def test_the_readme_shows_what_the_demo_prints(sample_run, sample_dir, monkeypatch):
    monkeypatch.syspath_prepend(str(sample_dir))
    from demo import compare, lines_of

    said = {*lines_of(compare(sample_dir / "truth.csv", sample_run))}
    readme = (sample_dir.parent / "README.md").read_text(encoding="utf-8").splitlines()
    shown = [line for line in readme if line.startswith("  CENTRE_A/S0001")]
    assert len(shown) == 4
    assert {*shown} <= said


def test_every_truth_is_met_within_its_tolerance(sample_run, sample_dir):
    truth = pd.read_csv(sample_dir / "truth.csv")
    values = pd.read_csv(sample_run / "measurements.csv")
    volumes = pd.read_csv(sample_run / "rois.csv").assign(feature_id="volume_mm3")
    volumes = volumes.rename(columns={"volume_mm3": "value"})
    columns = ["case_id", "roi_id", "feature_id", "value"]
    found = pd.concat([values[columns], volumes[columns]])
    merged = truth.merge(found, how="left", on=columns[:3])
    assert len(merged) == len(truth) == 54
    deviation = (merged["value"] - merged["truth"]).abs()
    assert merged.loc[~(deviation <= merged["tolerance_abs"])].empty
    suv_and_adc = merged["feature_id"].str.startswith(("suvbw", "adc"))
    assert (deviation / merged["truth"])[suv_and_adc].max() < 0.005


def test_a_run_without_sizes_has_no_table_of_diameters(sample_run):
    assert not (sample_run / "diameters.csv").exists()


def test_voxel_counts_are_those_of_voxel_centre_inclusion(sample_run):
    counts = {(r["case_id"], r["roi_id"]): int(r["n_voxels"]) for r in _rows(sample_run, "rois")}
    assert counts["CENTRE_A/S0001/T1/ct", "GTV"] == 1716
    assert counts["CENTRE_B/S0002/T1/ct", "NODE"] == 658
    assert counts["CENTRE_A/S0001/T2/pet", "GTV"] == 136
    assert counts["CENTRE_B/S0002/T1/dwi", "MUSCLE"] == 385


def test_centre_b_breaks_the_named_rules_and_its_rows_say_so(sample_run):
    broken = {
        (row["case_id"], row["rule_id"])
        for row in _rows(sample_run, "checks")
        if row["outcome"] == "fail" and row["severity"] == "error"
    }
    assert {case_id for case_id, _ in broken} == {"CENTRE_B/S0002/T1/ct", "CENTRE_B/S0002/T1/pet"}
    assert len(broken) == 2
    for case_id, rule in broken:
        rows = [r for r in _rows(sample_run, "measurements") if r["case_id"] == case_id]
        assert rows
        assert all(f"acq_fail:{rule}" in r["flags"].split(";") for r in rows)
    clean = [r for r in _rows(sample_run, "measurements") if r["case_id"].startswith("CENTRE_A")]
    assert not any("acq_fail" in r["flags"] for r in clean)


def test_centre_a_has_nothing_that_could_not_be_judged(sample_run):
    assert not [
        row
        for row in _rows(sample_run, "checks")
        if row["case_id"].startswith("CENTRE_A")
        and row["severity"] == "error"
        and row["outcome"] != "pass"
    ]


def test_tables_follow_their_data_package(sample_run):
    package = json.loads((sample_run / "datapackage.json").read_text())
    content = {r["name"]: _rows(sample_run, r["name"]) for r in package["resources"]}
    for resource in package["resources"]:
        rows, schema = content[resource["name"]], resource["schema"]
        assert rows
        assert list(rows[0]) == [field["name"] for field in schema["fields"]]
        keys = [tuple(row[k] for k in schema["primaryKey"]) for row in rows]
        assert len(set(keys)) == len(keys)
        assert keys == sorted(keys)
        for field in schema["fields"]:
            allowed = field.get("constraints", {}).get("enum")
            if allowed:
                assert {row[field["name"]] for row in rows} <= set(allowed)
        for foreign in schema["foreignKeys"]:
            target = foreign["reference"]
            known = {tuple(r[c] for c in target["fields"]) for r in content[target["resource"]]}
            named = {tuple(row[c] for c in foreign["fields"]) for row in rows}
            # A check above series is of no case: its cell is empty, which is no reference.
            assert named - {("",)} <= known


def test_the_manifest_pins_protocols_versions_and_inputs(sample_run):
    manifest = json.loads((sample_run / "manifest.json").read_text())
    assert all(len(p["sha256"]) == 64 for p in manifest["protocols"])
    assert {p["id"] for p in manifest["protocols"]} >= {"recist-ct", "fdg-suv", "dwi-adc"}
    assert all(len(c["input_sha256"]) == 64 for c in manifest["cases"].values())
    assert "numpy" in manifest["software"]
    parts = ("image_sha256", "mask_sha256", "pixels_sha256")
    assert all(len(c[part]) == 64 for c in manifest["cases"].values() for part in parts)


def test_no_output_names_a_person_a_host_or_an_absolute_path(sample_run, sample_dir):
    import platform

    words = ["SYNTHETIC^", "SYN-A-001", str(sample_dir), str(sample_run), platform.node()]
    for path in sorted(p for p in sample_run.rglob("*") if p.is_file()):
        text = path.read_text(encoding="utf-8")
        assert not [word for word in words if word and word in text], path.name


def test_the_tables_are_the_same_bytes_for_any_number_of_jobs(
    biomarker, sample_run, sample_dir, tmp_path
):
    done = biomarker("run", sample_dir / "study.yaml", "-o", tmp_path / "out", "--jobs", 1)
    assert done.returncode == 0
    assert _digests(tmp_path / "out") == _digests(sample_run)


def test_a_second_run_keeps_what_has_not_changed(biomarker, sample_run, sample_dir, tmp_path):
    folder = shutil.copytree(sample_run, tmp_path / "out")
    before = _digests(folder)
    done = biomarker("run", sample_dir / "study.yaml", "-o", folder)
    assert done.returncode == 0
    assert "9 kept from before" in done.stdout
    assert _digests(folder) == before


def test_a_corrupt_result_file_is_measured_again(biomarker, sample_run, sample_dir, tmp_path):
    folder = shutil.copytree(sample_run, tmp_path / "out")
    before = _digests(folder)
    victim = folder / "results" / "CENTRE_A__S0001__T1__pet.result"
    victim.write_text(victim.read_text()[:200])
    done = biomarker("run", sample_dir / "study.yaml", "-o", folder, "--jobs", 1)
    assert "8 kept from before" in done.stdout
    assert _digests(folder) == before


def test_dry_run_says_what_and_why_and_writes_nothing(biomarker, sample_dir, tmp_path):
    done = biomarker(
        "run", sample_dir / "study.yaml", "-o", tmp_path / "out", "--dry-run", "--format", "json"
    )
    plan = json.loads(done.stdout)
    assert done.returncode == 0
    assert {case["action"] for case in plan} == {"run"}
    assert not (tmp_path / "out").exists()


def test_a_case_that_fails_leaves_a_row_and_the_others_go_on(biomarker, sample_copy, tmp_path):
    pet = "CENTRE_A/S0001/T1/pet"
    _only(sample_copy, pet, "CENTRE_A/S0001/T2/pet")
    victim = sorted((sample_copy / "centre_a/S0001/T1/pet/image").iterdir())[5]
    victim.unlink()
    done = biomarker("run", sample_copy / "study.yaml", "-o", tmp_path / "out", "--jobs", 1)
    assert done.returncode == 5
    assert "SERIES-GAP" in done.stdout
    cases = {row["case_id"]: row for row in _rows(tmp_path / "out", "cases")}
    assert cases[pet]["status"] == "failed"
    assert cases[pet]["error_code"] == "SERIES-GAP"
    assert cases["CENTRE_A/S0001/T2/pet"]["status"] == "measured"
    checked = [r for r in _rows(tmp_path / "out", "checks") if r["case_id"] == pet]
    assert checked, "a volume that is refused still has its check rows"
    rows = [r for r in _rows(tmp_path / "out", "measurements") if r["case_id"] == pet]
    assert {(r["status"], r["value"]) for r in rows} == {("skipped", "")}


def test_when_every_case_fails_the_exit_code_is_6(biomarker, sample_copy, tmp_path):
    _only(sample_copy, "CENTRE_A/S0001/T1/pet")
    shutil.rmtree(sample_copy / "centre_a/S0001/T1/pet/image")
    done = biomarker("run", sample_copy / "study.yaml", "-o", tmp_path / "out")
    assert done.returncode == 6
    assert "CASE-FILE-NOT-FOUND" in done.stdout


def test_a_changed_input_is_measured_again(biomarker, sample_copy, tmp_path):
    _only(sample_copy, "CENTRE_A/S0001/T1/pet", "CENTRE_A/S0001/T2/pet")
    arguments = ("run", sample_copy / "study.yaml", "-o", tmp_path / "out", "--jobs", 1)
    assert biomarker(*arguments).returncode == 0
    mask = sample_copy / "centre_a/S0001/T1/pet/seg.dcm"
    shutil.copy(sample_copy / "centre_a/S0001/T2/pet/seg.dcm", mask)
    again = biomarker(*arguments, "--dry-run", "--format", "json")
    actions = {case["case_id"]: case["action"] for case in json.loads(again.stdout)}
    assert actions == {"CENTRE_A/S0001/T1/pet": "run", "CENTRE_A/S0001/T2/pet": "reuse"}


def test_on_violation_exclude_measures_nothing_of_the_case(biomarker, sample_copy, tmp_path):
    _only(sample_copy, "CENTRE_A/S0001/T1/ct", "CENTRE_B/S0002/T1/ct")
    study = sample_copy / "study.yaml"
    study.write_text(study.read_text().replace("on_violation: flag", "on_violation: exclude"))
    done = biomarker("run", study, "-o", tmp_path / "out", "--jobs", 1)
    assert done.returncode == 0
    cases = {row["case_id"]: row for row in _rows(tmp_path / "out", "cases")}
    assert cases["CENTRE_B/S0002/T1/ct"]["status"] == "excluded"
    rows = [
        r for r in _rows(tmp_path / "out", "measurements") if r["case_id"].startswith("CENTRE_B")
    ]
    assert {r["status"] for r in rows} == {"skipped"}


def test_strict_turns_a_broken_rule_into_exit_4(biomarker, sample_copy, tmp_path):
    _only(sample_copy, "CENTRE_B/S0002/T1/pet")
    study = sample_copy / "study.yaml"
    assert biomarker("run", study, "-o", tmp_path / "a", "--jobs", 1).returncode == 0
    assert biomarker("run", study, "-o", tmp_path / "b", "--jobs", 1, "--strict").returncode == 4


def test_a_case_without_mask_waits(biomarker, sample_copy, tmp_path):
    _only(sample_copy, "CENTRE_A/S0001/T1/pet", "CENTRE_A/S0001/T2/pet")
    _edit_cases(sample_copy, lambda row: row | ({"mask": ""} if row["timepoint"] == "T1" else {}))
    done = biomarker("run", sample_copy / "study.yaml", "-o", tmp_path / "out", "--jobs", 1)
    assert done.returncode == 5
    cases = {row["case_id"]: row["status"] for row in _rows(tmp_path / "out", "cases")}
    assert cases["CENTRE_A/S0001/T1/pet"] == "waiting"


def test_status_tells_what_became_of_each_case(biomarker, sample_run):
    done = biomarker("status", sample_run, "--format", "json")
    assert {case["status"] for case in json.loads(done.stdout)} == {"measured"}
    assert biomarker("status", sample_run.parent).returncode == 3


def test_status_counts_the_cases_of_the_study_as_it_is_now(
    biomarker, sample_run, sample_copy, tmp_path
):
    folder = shutil.copytree(sample_run, tmp_path / "out")
    left, kept = "CENTRE_A__S0001__T1__pet.result", "CENTRE_A/S0001/T2/pet"
    _only(sample_copy, kept)
    assert biomarker("run", sample_copy / "study.yaml", "-o", folder).returncode == 0
    assert (folder / "results" / left).is_file()
    done = biomarker("status", folder, "--format", "json")
    assert [case["case_id"] for case in json.loads(done.stdout)] == [kept]
    (folder / "results" / f"{kept.replace('/', '__')}.result").unlink()
    done = biomarker("status", folder, "--format", "json")
    assert [case["status"] for case in json.loads(done.stdout)] == ["pending"]


def test_another_study_does_not_write_into_the_folder(biomarker, sample_run, sample_copy):
    study = sample_copy / "study.yaml"
    study.write_text(study.read_text().replace("id: sample-trial", "id: other"))
    done = biomarker("run", study, "-o", sample_run)
    assert done.returncode == 2
    assert "OUTPUT-EXISTS" in done.stderr


@pytest.mark.parametrize("integrity", ["refuse", "flag"])
def test_the_same_image_at_two_timepoints_is_never_silent(
    biomarker, sample_copy, tmp_path, integrity
):
    _only(sample_copy, "CENTRE_A/S0001/T1/pet", "CENTRE_A/S0001/T2/pet")
    shutil.rmtree(sample_copy / "centre_a/S0001/T2/pet")
    shutil.copytree(sample_copy / "centre_a/S0001/T1/pet", sample_copy / "centre_a/S0001/T2/pet")
    study = sample_copy / "study.yaml"
    study.write_text(study.read_text().replace("integrity: refuse", f"integrity: {integrity}"))
    done = biomarker("run", study, "-o", tmp_path / "out", "--jobs", 1)
    cases = _rows(tmp_path / "out", "cases")
    if integrity == "refuse":
        assert done.returncode == 6
        assert {case["error_code"] for case in cases} == {"STUDY-DUPLICATE-DATA"}
    else:
        assert done.returncode == 0
        flags = {f for r in _rows(tmp_path / "out", "measurements") for f in r["flags"].split(";")}
        assert "study_duplicate_data" in flags


def test_a_segmentation_of_another_subject_is_refused(biomarker, sample_copy, tmp_path):
    _only(sample_copy, "CENTRE_A/S0001/T1/ct")
    shutil.copy(
        sample_copy / "centre_b/S0002/T1/ct/rtstruct.dcm",
        sample_copy / "centre_a/S0001/T1/ct/rtstruct.dcm",
    )
    done = biomarker("run", sample_copy / "study.yaml", "-o", tmp_path / "out", "--jobs", 1)
    assert done.returncode == 6
    assert "STUDY-SUBJECT-MISMATCH" in done.stdout


def test_init_writes_a_study_that_runs_and_keeps_patient_ids_apart(
    biomarker, sample_copy, tmp_path
):
    for name in ("study.yaml", "cases.csv", "truth.csv"):
        (sample_copy / name).unlink()
    done = biomarker("init", sample_copy)
    assert done.returncode == 0, done.stderr
    with (sample_copy / "cases.csv").open(newline="") as stream:
        cases = list(csv.DictReader(stream))
    assert {(c["subject_id"], c["timepoint"]) for c in cases} == {
        ("S0001", "T1"),
        ("S0001", "T2"),
        ("S0002", "T1"),
    }
    assert {c["role"] for c in cases} == {"ct", "pet", "dwi"}
    assert all(c["mask"] for c in cases if c["role"] != "dwi")
    link = (sample_copy / "subject_link.csv").read_text()
    assert "SYN-A-001" in link
    assert "SYN-" not in (sample_copy / "cases.csv").read_text()
    assert "subject_link.csv" in (sample_copy / ".gitignore").read_text()
    assert biomarker("init", sample_copy).returncode == 2
    run = biomarker("run", sample_copy / "study.yaml", "-o", tmp_path / "out", "--dry-run")
    assert run.returncode == 0, run.stderr


def test_rules_over_the_cohort_are_judged_once_for_all_cases(biomarker, sample_copy, tmp_path):
    _only(sample_copy, "CENTRE_A/S0001/T1/dwi", "CENTRE_B/S0002/T1/dwi")
    rule = (
        "  - {id: COHORT-FIELD, title: One field strength, fact: field_strength_t, "
        "check: {constant: true}, unit: T, over: cohort, level: shall, severity: error}\n"
    )
    (sample_copy / "cohort.yaml").write_text(
        "format: biomarker-acquisition/1\nid: cohort\nversion: 0.1.0\nstatus: draft\n"
        "title: Cohort\nsource: [{doc: none, section: '-', confirmed: {by: recall}}]\n"
        "changelog: [{version: 0.1.0, date: 2026-11-21, change: first}]\n"
        "applies_to: {when: {Modality: MR}}\nrules:\n" + rule
    )
    study = sample_copy / "study.yaml"
    study.write_text(study.read_text().replace("dwi@1.0.0", "cohort.yaml", 1))
    arguments = ("run", study, "-o", tmp_path / "out", "--jobs", 1)
    assert biomarker(*arguments).returncode == 0
    rows = _rows(tmp_path / "out", "checks")
    assert [(r["scope"], r["case_id"], r["rule_id"], r["outcome"]) for r in rows] == [
        ("cohort", "", "COHORT-FIELD", "fail")
    ]
    assert biomarker(*arguments, "--strict").returncode == 4


def test_an_analysis_that_is_refused_does_not_stop_the_others(biomarker, sample_copy, tmp_path):
    _only(sample_copy, "CENTRE_A/S0001/T1/dwi")
    study = sample_copy / "study.yaml"
    both = "analyses: [dwi-ivim, dwi-adc@1.0.0]"
    study.write_text(study.read_text().replace("analyses: [dwi-adc@1.0.0]", both))
    done = biomarker("run", study, "-o", tmp_path / "out", "--jobs", 1)
    assert done.returncode == 5, done.stdout + done.stderr
    (case,) = _rows(tmp_path / "out", "cases")
    assert case["status"] == "partial"
    assert case["error_code"].startswith("ADC-")
    analyses = {row["analysis_id"] for row in _rows(tmp_path / "out", "measurements")}
    assert "dwi-adc@1.0.0" in analyses


def test_status_passes_over_files_that_are_no_results(biomarker, sample_run, tmp_path):
    folder = shutil.copytree(sample_run, tmp_path / "out")
    (folder / "results" / "notes.json").write_text('{"a": 1}')
    done = biomarker("status", folder, "--format", "json")
    assert len(json.loads(done.stdout)) == 9
