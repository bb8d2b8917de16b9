"""``biomarker join`` and ``associate``, as a user runs them."""

from __future__ import annotations

import csv
import json

import pytest
import yaml
from synthetic_evidence import (
    Seen,
    clinical_schema,
    plan,
    planned_feature,
    write_clinical,
    write_package,
    write_plan,
)


def rows(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def trial(tmp_path):
    """Twelve subjects of two sites; a high value goes with a response, not without exception."""
    seen, patients = [], []
    for n in range(12):
        subject, site = f"S{n}", "AB"[n % 2]
        seen.append(Seen(subject, float(n if n != 4 else 11.5), site=site))
        row = {"centre": site, "patient": subject, "weight": str(60 + n)}
        patients.append(row | {"response": str(int(n > 5))})
    return write_package(tmp_path / "run", seen), patients


def test_the_sample_trial_is_joined_to_its_known_truth(biomarker, sample_dir, sample_run, tmp_path):
    folder = sample_run
    for name in ("biopsies", "outcome"):
        table = ("--table", sample_dir / f"{name}.csv", "--schema", sample_dir / f"{name}.yaml")
        done = biomarker("join", folder, *table, "-o", tmp_path / name)
        assert done.returncode == 0, done.stderr
        folder = tmp_path / name
    joined = {
        (name, row["case_id"], row.get("roi_id", ""), column): cell
        for name in ("biopsies", "outcome")
        for row in rows(folder / f"{name}.csv")
        for column, cell in row.items()
        if column not in {"case_id", "roi_id", "line"}
    }
    truth = {
        (row["table"], row["case_id"], row["roi_id"], row["column"]): row["truth"]
        for row in rows(sample_dir / "clinical_truth.csv")
    }
    assert len(truth) == 46
    assert joined == truth
    reasons = {r["line"]: r["reason"] for r in rows(folder / "biopsies_left_out.csv") if r["line"]}
    assert reasons == {"5": "outside_window", "6": "no_subject"}
    done = biomarker("export", "parquet", folder, "-o", tmp_path / "parquet")
    assert done.returncode == 0, done.stderr
    from pyarrow import parquet

    table = parquet.read_table(tmp_path / "parquet" / "biopsies.parquet").to_pydict()
    assert set(table["weight"]) == {70.0, 68.5}
    assert set(table["days_before_scan"]) == {10, 3}


def test_a_join_names_what_is_wrong_and_ends_with_5(biomarker, tmp_path, trial):
    run, patients = trial
    patients[0]["weight"] = "60000"
    options = write_clinical(tmp_path / "clinical", patients)
    done = biomarker("join", run, *options, "-o", tmp_path / "joined")
    assert done.returncode == 5
    assert "11 of 12 rows met 11 cases" in done.stdout
    assert "60000 kg is above 250 kg; in g it would be 60 kg" in " ".join(done.stdout.split())
    again = biomarker("join", run, *options, "-o", tmp_path / "joined")
    assert (again.returncode, "OUTPUT-EXISTS" in again.stderr) == (2, True)
    more = biomarker(
        "join", run, *options, "-o", tmp_path / "joined", "--overwrite", "--format=json"
    )
    assert json.loads(more.stdout)["n_rows_matched"] == 11
    onto = biomarker("join", run, *options, "-o", run, "--overwrite")
    assert (onto.returncode, "OUTPUT-EXISTS" in onto.stderr) == (2, True)


def test_a_join_of_nothing_ends_with_6_and_lists_both_sides(biomarker, tmp_path, trial):
    run, patients = trial
    strangers = [row | {"patient": f"X{n}"} for n, row in enumerate(patients)]
    options = write_clinical(tmp_path / "clinical", strangers)
    done = biomarker("join", run, *options, "-o", tmp_path / "joined")
    assert done.returncode == 6
    found = [row["reason"] for row in rows(tmp_path / "joined" / "clinical_left_out.csv")]
    assert sorted(found) == ["no_row"] * 12 + ["no_subject"] * 12


def test_an_identifier_is_refused_and_nothing_is_written(biomarker, tmp_path, trial):
    run, patients = trial
    patients[3]["patient"] = "MILLER^ANN"
    options = write_clinical(tmp_path / "clinical", patients)
    done = biomarker("join", run, *options, "-o", tmp_path / "joined")
    assert done.returncode == 2
    assert "CLINICAL-IDENTIFIER" in done.stderr
    assert "MILLER" not in done.stderr + done.stdout
    assert not (tmp_path / "joined").exists()


def test_a_schema_or_plan_that_is_none_is_refused(biomarker, tmp_path, trial):
    run, patients = trial
    content = b"a: \x1b[31m"
    options = write_clinical(tmp_path / "clinical", patients)
    (tmp_path / "clinical" / "clinical.yaml").write_bytes(content)
    done = biomarker("join", run, *options, "-o", tmp_path / "joined")
    assert (done.returncode, "CLINICAL-SCHEMA" in done.stderr) == (2, True)
    assert "\x1b" not in done.stderr
    (tmp_path / "plan.yaml").write_bytes(content)
    done = biomarker("associate", run, "--plan", tmp_path / "plan.yaml", "-o", tmp_path / "out")
    assert (done.returncode, "ASSOCIATION-PLAN" in done.stderr) == (2, True)


def test_the_plan_is_judged_before_the_data_are_opened(biomarker, tmp_path):
    bad = write_plan(tmp_path / "plan.yaml", test="c_index")
    done = biomarker("associate", tmp_path / "nowhere", "--plan", bad, "-o", tmp_path / "out")
    assert (done.returncode, "ASSOCIATION-PLAN" in done.stderr) == (2, True)


def test_an_association_is_told_and_written(biomarker, tmp_path, trial):
    run, patients = trial
    joined = tmp_path / "joined"
    done = biomarker("join", run, *write_clinical(tmp_path / "clinical", patients), "-o", joined)
    assert done.returncode == 0, done.stderr
    features = {"adc": planned_feature(threshold=5.5), "node": planned_feature(roi="NODE")}
    file = write_plan(tmp_path / "plan.yaml", made="post_hoc", features=features)
    out = tmp_path / "out"
    done = biomarker("associate", joined, "--plan", file, "-o", out)
    # The node was never measured.
    assert done.returncode == 5, done.stderr
    text = " ".join(done.stdout.split())
    assert "adc: subjects 12, analysed 12" in text
    assert "node: subjects 12, not_measured 12, analysed 0" in text
    assert "post hoc: the plan was made after the data were seen" in text
    assert "2 planned tests (auc), adjusted by holm" in text
    found = {(r["name"], r["scope"], r["statistic"]): r for r in rows(out / "associations.csv")}
    # Of 36 pairs S4 loses five.
    assert float(found["adc", "all", "auc"]["value"]) == pytest.approx(30 / 36)
    assert found["node", "all", "auc"]["status"] == "undefined"
    assert found["adc", "all", "sensitivity"]["value"] == "1.0"
    assert all(len(line) <= 80 for line in done.stderr.splitlines()[:1])
    again = biomarker("associate", joined, "--plan", file, "-o", out)
    assert (again.returncode, "OUTPUT-EXISTS" in again.stderr) == (2, True)
    more = biomarker(
        "associate", joined, "--plan", file, "-o", out, "--overwrite", "--format", "json"
    )
    content = json.loads(more.stdout)
    assert {row["plan_sha256"] for row in content["associations"]} == {content["plan_sha256"]}
    lonely = biomarker("associate", joined, "--plan", file, "-o", out, "--model", "combat.json")
    assert lonely.returncode == 2


def test_models_without_their_package_are_refused_by_name(biomarker, tmp_path, trial):
    # A finder that has never heard of it stands before those of Python.
    hidden = tmp_path / "hidden"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text(
        "import importlib.util as util\n"
        "find = util.find_spec\n"
        "util.find_spec = lambda name, *more: name != 'statsmodels' and find(name, *more) or None\n"
    )
    run, _ = trial
    file = write_plan(tmp_path / "plan.yaml")
    done = biomarker(
        "associate", run, "--plan", file, "-o", tmp_path / "out", PYTHONPATH=str(hidden)
    )
    assert (done.returncode, "EVIDENCE-NO-STATSMODELS" in done.stderr) == (2, True)


def test_the_examples_of_the_page_are_read_as_they_stand(tmp_path, request):
    from biomarker_cli.evidence.association_plan import load_plan
    from biomarker_cli.evidence.clinical_schema import load_clinical_schema

    page = (request.config.rootpath / "docs" / "evidence.md").read_text()
    blocks = [part.partition("```")[0] for part in page.split("```yaml\n")[1:]]
    assert len(blocks) == 2
    for name, block, load in zip("ab", blocks, (load_clinical_schema, load_plan), strict=True):
        (tmp_path / name).write_text(block)
        load(tmp_path / name)
    assert yaml.safe_load(blocks[1]).keys() >= plan().keys()
    assert yaml.safe_load(blocks[0]).keys() >= clinical_schema().keys()
