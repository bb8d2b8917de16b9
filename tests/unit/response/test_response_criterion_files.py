"""A criterion file that contradicts itself is refused with its line; another one is a file."""

from __future__ import annotations

import pytest
import yaml
from synthetic_response import calls_of

from biomarker_cli.protocol.errors import ProtocolError
from biomarker_cli.response.criterion import load_criterion
from biomarker_cli.response.linting import lint_criterion

HALF = """
format: biomarker-response/1
id: half
version: 0.1.0
status: draft
title: Half of the sum
source: [{doc: none, confirmed: {by: recall}}]
changelog: [{version: 0.1.0, date: 2026-11-29, change: first}]
targets: {node: short, other: longest}
inputs:
  marker: {type: number, decimals: 0, what: a marker in blood}
assessed: sum
overall:
  - {id: GOOD, call: GOOD, when: sum <= 0.5 * baseline or (given(marker) and marker < 10)}
  - {id: BAD, call: BAD, when: given(sum)}
best: {order: [GOOD, BAD, NE], responses: [GOOD], progression: []}
tests:
  - title: half
    visits:
      - {timepoint: BL, day: 0, target: "100"}
      - {timepoint: TP1, day: 56, target: "50", expect: GOOD}
      - {timepoint: TP2, day: 112, target: "51", expect: BAD}
    best: GOOD
"""


@pytest.fixture
def written(tmp_path):
    def write(**changes):
        content = yaml.safe_load(HALF)
        for place, value in changes.items():
            *path, last = place.split("__")
            part = content
            for key in path:
                part = part[int(key) if key.isdigit() else key]
            part[int(last) if last.isdigit() else last] = value
        file = tmp_path / "half.yaml"
        file.write_text(yaml.safe_dump(content, sort_keys=False))
        return str(file)

    return write


def test_a_criterion_of_ones_own_is_a_file(written):
    criterion = load_criterion(written())
    assert lint_criterion(criterion.document) == []
    rows = ["100", "50", {"target": "60", "extra": "marker=9"}, "60"]
    assert calls_of(criterion, rows) == ["GOOD", "GOOD", "BAD"]


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("overall__0__when", "sum <= half", "unknown name half"),
        ("overall__0__when", "sum <=", "no condition"),
        ("overall__0__when", "open('x')", "no such function"),
        ("overall__0__call", "FINE", "lack FINE"),
        ("overall__1__id", "GOOD", "stands twice"),
        ("assessed", "total", "unknown name total"),
        ("quantities", {"a": "longest > 2"}, "unknown name longest"),
        ("policies", {"p": {"default": "x", "choices": {"a": "", "b": ""}}}, "none of its choices"),
        ("targets", {"node": "volume"}, "targets"),
        ("targets", {"decimals": 99}, "decimals"),
        ("undecided", "HUH", "lack HUH"),
        ("tests", [], "tests"),
        ("extra_key", 1, "unknown"),
        ("best__order", [], "order"),
    ],
)
def test_what_contradicts_itself_is_refused(written, place, value, said):
    with pytest.raises(ProtocolError, match="PROTOCOL-INVALID|" + said) as caught:
        load_criterion(written(**{place: value}))
    assert caught.value.code == "PROTOCOL-INVALID"
    assert said in caught.value.message


def test_lint_runs_the_sequences_of_the_file(written):
    path = written(tests__0__visits__1__expect="BAD", tests__0__best="BAD")
    found = lint_criterion(load_criterion(path).document)
    assert [one.code for one in found if one.severity == "error"] == ["test-fails"] * 2


def test_a_test_that_cannot_be_read_is_an_error(written):
    path = written(tests__0__visits__1__target="many")
    (found,) = [
        one for one in lint_criterion(load_criterion(path).document) if one.severity == "error"
    ]
    assert "RESPONSE-BAD-INPUT" in found.message or "expected" in found.message
