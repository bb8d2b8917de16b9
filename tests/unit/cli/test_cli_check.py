"""``biomarker check`` within the process: which rule ends it with which code."""

from __future__ import annotations

import csv
import json

import pytest
from click.testing import CliRunner
from synthetic_protocols import protocol_head
from synthetic_series import axial, write_series

from biomarker_cli.cli.check import check

PROTOCOL = """\
applies_to: {{when: {{Modality: {modality}}}}}
rules:
  - {{id: R, title: r, fact: {fact}, check: {{max: {limit}}}, unit: mm, severity: {severity}}}
"""
DEFAULTS = {
    "modality": "CT",
    "fact": "SliceThickness",
    "limit": 5,
    "severity": "error",
}


@pytest.fixture
def run(tmp_path):
    """Check a series of 3 mm thick slices by one rule; return the code and what was printed."""
    write_series(tmp_path / "ct", axial(0, 3, 6))

    def checked(*options: object, status: str = "active", **rule: object) -> tuple[int, str]:
        head = protocol_head(status=status)
        (tmp_path / "p.yaml").write_text(head + PROTOCOL.format(**{**DEFAULTS, **rule}))
        arguments = [tmp_path / "ct", "--protocol", tmp_path / "p.yaml", *options]
        done = CliRunner().invoke(check, list(map(str, arguments)), catch_exceptions=False)
        return done.exit_code, done.output

    return checked


@pytest.mark.parametrize(
    ("rule", "options", "code"),
    [
        ({"limit": 3}, [], 0),
        ({"limit": 2}, [], 4),
        ({"limit": 2, "severity": "warning"}, [], 0),
        ({"limit": 2, "severity": "warning"}, ["--strict"], 0),
        ({"limit": 2, "severity": "info"}, ["--strict"], 0),
        ({"fact": "SpacingBetweenSlices"}, [], 0),
        ({"fact": "SpacingBetweenSlices"}, ["--strict"], 4),
        ({"fact": "SpacingBetweenSlices", "severity": "warning"}, ["--strict"], 0),
        ({"modality": "MR"}, [], 3),
        ({"modality": "MR"}, ["--strict"], 3),
    ],
)
def test_the_code_tells_what_an_error_level_rule_found(run, rule, options, code):
    assert run(*options, **rule)[0] == code


def test_a_file_that_cannot_be_read_is_a_violation_under_strict_alone(run, tmp_path):
    whole = next((tmp_path / "ct").iterdir()).read_bytes()
    (tmp_path / "ct" / "half.dcm").write_bytes(whole[:400])
    assert run()[0] == 0
    assert run("--strict")[0] == 4


def test_the_table_has_one_row_of_the_rule(run, tmp_path):
    run("-o", tmp_path / "checks.csv", limit=2)
    with (tmp_path / "checks.csv").open() as file:
        (row,) = csv.DictReader(file)
    assert (row["rule_id"], row["severity"], row["outcome"]) == ("R", "error", "fail")
    assert (row["observed"], row["expected"], row["unit"]) == ("3", "<= 2", "mm")


def test_json_tells_the_same_and_what_stands_beside(run):
    (row,) = json.loads(run("--format", "json", limit=2)[1])
    assert (row["rule_id"], row["outcome"], row["title"]) == ("R", "fail", "r")


@pytest.mark.parametrize(("status", "is_told"), [("draft", True), ("active", False)])
def test_a_draft_is_told(run, status, is_told):
    assert ("a draft: its limits are not confirmed" in run(status=status)[1]) == is_told


def test_two_outputs_of_one_name_are_refused(run, tmp_path):
    code, text = run("-o", tmp_path / "x", "--junit", tmp_path / "x")
    assert code == 2
    assert "name one file" in text
    assert not (tmp_path / "x").exists()
