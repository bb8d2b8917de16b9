"""``biomarker reference`` as a user runs it."""

from __future__ import annotations

import csv
import json
import random

from tests.synthetic_tables import MEDIAN, write_run


def test_from_a_cohort_to_a_value(biomarker, tmp_path):
    drawn = random.Random(1)
    values = [repr(0.001 * drawn.lognormvariate(0, 0.1)) for _ in range(60)]
    rows = [("A", f"S{n}", "T1", "LIVER", MEDIAN, value) for n, value in enumerate(values)]
    cohort, path = write_run(tmp_path / "cohort", rows), tmp_path / "liver.json"
    done = biomarker("reference", "fit", cohort, "--id", "liver-adc", "-o", path)
    assert done.returncode == 0, done.stderr
    assert "1 range, at the means of the covariates" in done.stdout
    assert json.loads(path.read_text())["id"] == "liver-adc"
    before = path.read_bytes()
    assert "OUTPUT-EXISTS" in biomarker("reference", "fit", cohort, "-o", path).stderr
    done = biomarker("reference", "fit", cohort, "--id", "liver-adc", "-o", path, "--overwrite")
    assert path.read_bytes() == before
    trial = [
        ("B", f"S{n}", "T1", "LIVER", MEDIAN, value) for n, value in enumerate(("0.001", "0.002"))
    ]
    new, out = write_run(tmp_path / "new", trial), tmp_path / "out.csv"
    done = biomarker("reference", "apply", new, "--reference", path, "-o", out)
    assert done.returncode == 0, done.stderr
    assert "1 of 2 values outside of their range; 0.1 of a cohort" in done.stdout
    with out.open(newline="") as stream:
        found = list(csv.DictReader(stream))
    assert [(row["verdict"], row["differs"]) for row in found] == [
        ("within", "scanner"),
        ("above", "scanner"),
    ]
    assert (
        "OUTPUT-EXISTS"
        in biomarker("reference", "apply", new, "--reference", path, "-o", out).stderr
    )
    told = json.loads(
        biomarker("reference", "apply", new, "--reference", path, "--format", "json").stdout
    )
    assert told[0]["reference"] == "liver-adc@1.0.0"
    done = biomarker("reference", "apply", new, "--reference", path, "--covariates", new)
    assert done.returncode == 2
    assert "REFERENCE-COVARIATES" in done.stderr


def test_few_subjects_have_no_range(biomarker, tmp_path):
    rows = [("A", f"S{n}", "T1", "LIVER", MEDIAN, f"0.00{n + 1}") for n in range(9)]
    run = write_run(tmp_path / "run", rows)
    done = biomarker("reference", "fit", run, "-o", tmp_path / "r.json")
    assert done.returncode == 2
    assert "REFERENCE-FEW" in done.stderr
    assert not (tmp_path / "r.json").exists()
