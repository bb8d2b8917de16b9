"""``biomarker combat fit``, ``apply`` and ``report``, as a user runs them."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest

from tests.synthetic_tables import write_run

FEATURES = [f"adc.intensity.{name}" for name in ("mean", "median", "p10", "p90")]


@pytest.fixture
def trial(tmp_path):
    generator = np.random.default_rng(5)
    values, subjects = [], ["subject_id,age"]
    for i in range(20):
        age = 40 + 2 * i
        subjects.append(f"S{i},{age}")
        shift = 0.0 if i % 2 else 3.0
        for place, feature in enumerate(FEATURES):
            value = 10 + 0.05 * age + shift + generator.normal(scale=0.5) + place
            values.append(("AB"[i % 2], f"S{i}", "T1", "GTV", feature, f"{value:.6f}"))
    (tmp_path / "subjects.csv").write_text("\n".join(subjects) + "\n")
    return write_run(tmp_path / "run", values), tmp_path / "subjects.csv"


def test_fit_apply_report(biomarker, tmp_path, trial):
    run, subjects = trial
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    model = tmp_path / "combat.json"
    covariates = ("--covariates", subjects)
    done = biomarker(
        *("combat", "fit", run, "--batch", "site_id", *covariates, "--covariate", "age"),
        *("-o", model),
    )
    assert done.returncode == 0, done.stderr
    sha256 = json.loads(model.read_text())["sha256"]
    assert sha256 in done.stdout
    done = biomarker("combat", "apply", run, "--model", model, *covariates, "-o", run)
    assert done.returncode == 0, done.stderr
    assert "20 of 20 samples were fitted on" in done.stderr
    with (run / "harmonised.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 80
    assert {row["combat_sha256"] for row in rows} == {sha256}
    assert {row["usable"] for row in rows} == {"yes"}, "weighed: the run is of before the column"
    for name, content in before.items():
        assert (run / name).read_bytes() == content, "the tables of the run stay as they are"
    done = biomarker(
        "combat", "report", run, "--model", model, *covariates, "-o", tmp_path / "report"
    )
    assert done.returncode == 0, done.stderr
    with (tmp_path / "report" / "combat_report.csv").open() as stream:
        told = [row for row in csv.DictReader(stream) if row["statistic"] == "kruskal_p"]
    assert all(float(row["before"]) < 0.001 < 0.3 < float(row["after"]) for row in told)


def test_the_same_bytes_twice(biomarker, tmp_path, trial):
    run, _ = trial
    for name in ("one", "two"):
        model = tmp_path / f"{name}.json"
        done = biomarker("combat", "fit", run, "--batch", "site_id", "-o", model)
        assert done.returncode == 0, done.stderr
        done = biomarker("combat", "apply", run, "--model", model, "-o", tmp_path / name)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "two.json").read_bytes()
    first = (tmp_path / "one" / "harmonised.csv").read_bytes()
    assert (tmp_path / "two" / "harmonised.csv").read_bytes() == first


def test_what_is_refused_has_a_code_and_writes_nothing(biomarker, tmp_path, trial):
    run, subjects = trial
    model = tmp_path / "m.json"
    fit = ("combat", "fit", run, "-o", model, "--batch")
    one = ("--feature", FEATURES[0])
    for arguments, code in [
        ((*fit, "timepoint"), "COMBAT-BATCHES"),
        ((*fit, "centre"), "TABLE-COLUMNS"),
        ((*fit, "subject_id"), "COMBAT-BATCH-SMALL"),
        ((*fit, "site_id", *one), "COMBAT-FEW-FEATURES"),
        ((*fit, "site_id", "--feature", "none"), "NOTHING-FOUND"),
        ((*fit, "site_id", "--reference", "C"), "COMBAT-REFERENCE"),
        ((*fit, "scanner", "--covariate", "site_id"), "COMBAT-CONFOUNDED"),
        ((*fit, "site_id", "--covariates", subjects), "COMBAT-COVARIATE"),
        (("combat", "apply", run, "--model", subjects, "-o", tmp_path / "x"), "COMBAT-MODEL"),
    ]:
        done = biomarker(*arguments)
        assert done.returncode in {2, 3}, done.stderr
        assert code in done.stderr
        assert not model.exists()
        assert not (tmp_path / "x").exists()


def test_the_formats_and_files_that_exist(biomarker, tmp_path, trial):
    run, _ = trial
    model = tmp_path / "m.json"
    fit = ("combat", "fit", run, "--batch", "site_id", "-o", model, "--format", "json")
    assert json.loads(biomarker(*fit).stdout)["format"] == "biomarker-combat/1"
    assert "OUTPUT-EXISTS" in biomarker(*fit).stderr
    apply = ("combat", "apply", run, "--model", model, "-o", tmp_path / "h", "--format", "json")
    assert len(json.loads(biomarker(*apply).stdout)) == 80
    assert biomarker(*apply).returncode == 2
    assert biomarker(*apply, "--overwrite").returncode == 0
    report = ("combat", "report", run, "--model", model, "--format", "json")
    assert {row["term"] for row in json.loads(biomarker(*report).stdout)} == {"batch"}


def test_samples_that_are_not_usable_are_named(biomarker, tmp_path, trial):
    run, _ = trial
    path = run / "measurements.csv"
    # The last cell is that of `usable`.
    lines = [f"{x}no" if "/S1/" in x else x for x in path.read_text().splitlines()]
    path.write_text("\n".join(lines) + "\n")
    model = tmp_path / "combat.json"
    done = biomarker("combat", "fit", run, "--batch", "site_id", "-o", model)
    assert done.returncode == 0, done.stderr
    assert "left out: 4 of 80 values (4 not usable)" in done.stderr
    assert "left out 1 sample without any usable value: B/S1/T1" in done.stderr
    (stratum,) = json.loads(model.read_text())["strata"]
    assert (stratum["n_samples"], stratum["n_samples_left_out"]) == (19, 1)
    done = biomarker("combat", "apply", run, "--model", model, "-o", run)
    assert "4 values not usable: harmonised, and so marked in the table" in done.stderr
    with (run / "harmonised.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert {row["subject_id"] for row in rows if row["usable"] == "no"} == {"S1"}
    done = biomarker("combat", "report", run, "--model", model)
    assert done.returncode == 0, done.stderr
    assert "left out: 4 of 80 values (4 not usable)" in done.stderr
