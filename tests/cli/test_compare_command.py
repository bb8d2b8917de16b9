"""``biomarker compare`` as a gate: what is printed, what is written, and the exit code."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[2]
CASE = "CENTRE_A/S0001/T1/ct"
FEATURE = "original.glcm.contrast.3d_average"


@pytest.fixture
def changed(sample_run, tmp_path):
    """A copy of the sample run of which one value is another one."""
    copy = tmp_path / "changed"
    shutil.copytree(sample_run, copy, ignore=shutil.ignore_patterns("results"))
    path = copy / "measurements.csv"
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    (row,) = (
        r for r in rows if (r["case_id"], r["roi_id"], r["feature_id"]) == (CASE, "GTV", FEATURE)
    )
    row["value"] = repr(float(row["value"]) + 0.25)
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(row), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return copy


def test_a_run_compared_with_itself_passes(biomarker, sample_run):
    done = biomarker("compare", sample_run, sample_run)
    assert done.returncode == 0, done.stderr
    assert "9 image and mask the same by digest" in done.stdout
    assert done.stdout.endswith("verdict: within\n")


def test_a_changed_value_is_named_in_each_format(biomarker, sample_run, changed, tmp_path):
    junit = tmp_path / "compare.xml"
    done = biomarker("compare", sample_run, changed, "--format", "json", "--junit", junit)
    assert done.returncode == 7
    told = json.loads(done.stdout)
    assert told["verdict"] == "differs"
    (row,) = told["rows"]
    assert (row["case_id"], row["roi_id"], row["feature_id"]) == (CASE, "GTV", FEATURE)
    assert row["difference"] == pytest.approx(0.25)
    failed = [case for case in ET.parse(junit).iter("testcase") if case.find("failure") is not None]
    assert [case.get("name") for case in failed] == [FEATURE]
    assert CASE in failed[0].find("failure").get("message")

    done = biomarker("compare", sample_run, changed)
    assert done.returncode == 7
    assert FEATURE in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80

    done = biomarker("compare", sample_run, changed, "--format", "csv")
    assert done.returncode == 7
    rows = list(csv.DictReader(done.stdout.splitlines()))
    with (sample_run / "measurements.csv").open(newline="") as stream:
        assert len(rows) == len(list(csv.DictReader(stream)))
    assert [r["feature_id"] for r in rows if r["verdict"] != "same"] == [FEATURE]


def test_a_tolerance_lets_it_pass(biomarker, sample_run, changed, tmp_path):
    limits = tmp_path / "limits.yaml"
    limits.write_text("format: biomarker-tolerance/1\nfamilies: {glcm: {abs: 0.3}}\n")
    done = biomarker("compare", sample_run, changed, "--tolerance", limits)
    assert done.returncode == 0, done.stdout
    assert "glcm: 0.3 + 0 x |A|" in done.stdout


def test_another_pixel_is_other_input_and_no_difference_of_the_program(
    biomarker, sample_run, sample_copy, tmp_path
):
    image = sample_copy / "centre_a" / "S0001" / "T1" / "ct" / "image"
    folder = image if image.is_dir() else image.parent
    path = sorted(p for p in folder.rglob("*") if p.is_file() and "rtstruct" not in p.name)[10]
    content = bytearray(path.read_bytes())
    content[-2] ^= 1
    path.write_bytes(content)
    cases = sample_copy / "cases.csv"
    head, *rows = cases.read_text().splitlines()
    names = head.split(",")
    kept = [
        row
        for row in rows
        if "/".join(row.split(",")[names.index(n)] for n in ("site_id", "subject_id", "timepoint"))
        == "CENTRE_A/S0001/T1"
        and row.split(",")[names.index("role")] == "ct"
    ]
    cases.write_text("\n".join([head, *kept]) + "\n")
    done = biomarker("run", sample_copy / "study.yaml", "-o", tmp_path / "new")
    assert done.returncode == 0, done.stderr
    arguments = ("compare", sample_run, tmp_path / "new", "--allow-missing")
    done = biomarker(*arguments, "--format", "json")
    assert done.returncode == 7
    told = json.loads(done.stdout)
    assert told["verdict"] == "other_input"
    (case,) = told["cases"]
    assert (case["case_a"], case["image"], case["mask"]) == (CASE, "other", "same")
    assert told["counts"]["differs"] == 0
    assert biomarker(*arguments, "--allow-other-input").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "error"),
    [
        (["absent"], 3, "TABLE-NOT-FOUND"),
        (["table.csv", "--dialect", "pyradio"], 2, "DIALECT-NOT-FOUND"),
        (["table.csv", "--dialect", "mirp"], 3, "DIALECT-TABLE"),
        (["table.csv", "--tolerance", "absent.yaml"], 2, "TOLERANCE-INVALID"),
        (["table.csv", "--names", "absent.csv"], 2, "COMPARE-NAMES"),
        (["table.csv"], 3, "TABLE-COLUMNS"),
        (["table.csv", "--junit", "table.csv"], 2, "OUTPUT-EXISTS"),
    ],
)
def test_what_cannot_be_compared_has_a_code(
    biomarker, sample_run, tmp_path, arguments, code, error
):
    (tmp_path / "table.csv").write_text("subject,mean\nS1,2\n")
    done = biomarker("compare", sample_run, *arguments, cwd=tmp_path)
    assert done.returncode == code
    assert f"error {error}" in done.stderr


def _shell_lines(block: str) -> list[str]:
    """Return what a CI server would run of a job file: `run` and `script` lines."""
    job = yaml.safe_load(block)
    (content,) = (job.get("jobs") or job).values()
    steps = content.get("steps")
    return [step["run"] for step in steps if "run" in step] if steps else content["script"]


def _ci_examples() -> list[list[str]]:
    page = (CHECKOUT / "docs" / "comparing.md").read_text()
    blocks = re.findall(r"```yaml\n(.*?)```", page[page.index("## As a gate in CI") :], re.S)
    return [_shell_lines(block) for block in blocks]


def test_the_docs_have_an_example_of_each_server():
    assert len(_ci_examples()) == 2


@pytest.mark.parametrize("drifted", [False, True])
@pytest.mark.parametrize("example", [0, 1], ids=["github", "gitlab"])
def test_the_shell_lines_of_the_docs_are_a_gate(sample_run, changed, tmp_path, example, drifted):
    lines = _ci_examples()[example]
    assert [line.split()[0] for line in lines] == ["pip", "biomarker", "biomarker"]
    shutil.copytree(changed if drifted else sample_run, tmp_path / "reference_run")
    # The run of the trial is that of the tests: only that it is asked for is looked at.
    run, compare = lines[1:]
    assert run == "biomarker run trial/study.yaml -o new_run"
    (tmp_path / "new_run").symlink_to(sample_run)
    (tmp_path / "limits.yaml").write_text("format: biomarker-tolerance/1\n")
    program = tmp_path / "bin" / "biomarker"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m biomarker_cli "$@"\n')
    program.chmod(0o755)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-e", "-c", compare],
        cwd=tmp_path,
        env={**os.environ, "PATH": path, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == (7 if drifted else 0), done.stderr
    assert (tmp_path / "compare.xml").read_text().count("<failure") == int(drifted)
