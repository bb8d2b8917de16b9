"""Conditions of rules and protocols: what holds, what does not, and why it cannot be told."""

from __future__ import annotations

from pathlib import Path

import pytest
from synthetic_acquisitions import instance, series_of

from biomarker_cli.acquisition import judging
from biomarker_cli.acquisition.evaluating import evaluate
from biomarker_cli.acquisition.protocol import AcquisitionProtocol, load_acquisition

PROTOCOL = """\
format: biomarker-acquisition/1
id: site
version: 0.1.0
status: draft
title: Site
source: [{{doc: none, confirmed: {{by: recall}}}}]
changelog: [{{version: 0.1.0, date: 2026-01-01, change: first}}]
applies_to: {{when: {{{applies}}}}}
rules:
  - {{id: A, title: a, fact: SliceThickness, check: {{max: 5}}, unit: mm, when: {{{when}}}{more}}}
  - {{id: B, title: b, fact: SliceThickness, check: {{max: 5}}, unit: mm}}
"""


@pytest.fixture
def protocol(tmp_path: Path):
    def make(when: str, applies: str = "Modality: MR", more: str = "") -> AcquisitionProtocol:
        path = tmp_path / "site.yaml"
        path.write_text(PROTOCOL.format(when=when, applies=applies, more=more))
        return load_acquisition(str(path))

    return make


def found(rules, *slices):
    results = evaluate(rules, [series_of(list(slices))])
    return {r.rule_id: (r.outcome.value, r.reason) for r in results}


def mr(**elements):
    return instance(0, "MR", SliceThickness=3, **elements)


@pytest.mark.parametrize(("sequence", "expected"), [("EP", "pass"), ("SE", "not_applicable")])
def test_a_condition_that_can_be_told_decides(protocol, sequence, expected):
    rules = protocol("ScanningSequence: EP")
    assert found(rules, mr(ScanningSequence=sequence))["A"][0] == expected


@pytest.mark.parametrize("more", ["", ", over: study"])
def test_a_missing_fact_of_a_condition_is_named(protocol, more):
    told = found(protocol("ScanningSequence: EP", more=more), mr())
    outcome, reason = told["A"]
    assert outcome == "not_evaluable"
    assert reason == (
        "the condition of A cannot be decided: ScanningSequence is absent or empty in 1 of 1"
    )
    assert told["B"][0] == "pass"


def test_a_fact_that_some_slices_lack_is_named(protocol):
    rules = protocol("ScanningSequence: EP")
    outcome, reason = found(rules, mr(ScanningSequence="EP"), mr())["A"]
    assert (outcome, reason) == (
        "not_evaluable",
        "the condition of A cannot be decided: ScanningSequence is absent or empty in 1 of 2",
    )


def test_one_condition_that_does_not_hold_decides_whatever_else_is_missing(protocol):
    rules = protocol("FlipAngle: {max: 30}, ScanningSequence: EP")
    assert found(rules, mr(ScanningSequence="SE"))["A"][0] == "not_applicable"


def test_every_doubt_is_named(protocol):
    reason = found(protocol("FlipAngle: {max: 30}, ScanningSequence: EP"), mr())["A"][1]
    assert "FlipAngle is absent" in reason
    assert "; ScanningSequence is absent" in reason


@pytest.mark.parametrize("more", ["", ", over: study"])
@pytest.mark.parametrize("error", [TypeError, RecursionError, judging.NotComparableError])
def test_a_condition_whose_check_fails_says_so(protocol, monkeypatch, error, more):
    real = judging.passes

    def passes(check, values, tolerance):
        if "EP" in values:
            raise error("no limit for such a value")
        return real(check, values, tolerance)

    monkeypatch.setattr(judging, "passes", passes)
    told = found(protocol("ScanningSequence: EP", more=more), mr(ScanningSequence="EP"))
    outcome, reason = told["A"]
    assert outcome == "not_evaluable"
    assert reason.startswith("the condition of A cannot be decided: ScanningSequence: ")
    own = error is judging.NotComparableError
    assert ("no limit for such a value" if own else f"({error.__name__})") in reason
    assert told["B"][0] == "pass"


def test_what_the_protocol_speaks_of_is_named_where_it_cannot_be_told(protocol):
    rules = protocol("Modality: MR", applies="ScanningSequence: EP")
    outcome, reason = found(rules, mr())["B"]
    assert outcome == "not_evaluable"
    assert reason == (
        "the condition of the protocol cannot be decided: "
        "ScanningSequence is absent or empty in 1 of 1"
    )
