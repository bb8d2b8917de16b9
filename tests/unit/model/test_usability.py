"""What flags weigh, and which rows may be pooled."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import biomarker_cli
from biomarker_cli.model.flags import FLAGS
from biomarker_cli.model.severities import SEVERITIES, SEVERITY_WORDS, WITH_ARGUMENT
from biomarker_cli.model.usability import DEFAULT_POLICY, UsablePolicy, worst
from biomarker_cli.tables.cells import format_value
from biomarker_cli.tables.rows import MeasurementRow

PACKAGE = Path(biomarker_cli.__file__).parent
OF_THE_CONTRACT = {"deviates"}
"""Registered for options that change a number; there is none today."""


def _texts() -> set[str]:
    """Return every text of the code outside the tables of flags, of f-strings the beginning."""
    tables = {PACKAGE / "model" / "flags.py", PACKAGE / "model" / "severities.py"}
    return {
        node.value
        for path in PACKAGE.rglob("*.py")
        if path not in tables
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_every_flag_that_a_table_can_hold_has_one_severity_and_a_meaning():
    assert set(SEVERITIES) == set(FLAGS)
    assert set(SEVERITIES.values()) == set(SEVERITY_WORDS)
    assert all(FLAGS.values())


def test_a_word_without_a_severity_reaches_no_table():
    with pytest.raises(ValueError, match="unregistered"):
        format_value(frozenset({"made_up"}))
    with pytest.raises(ValueError, match="unregistered"):
        _row("ok", "made_up")


def test_every_flag_of_the_table_is_one_that_the_code_emits():
    heads = {text.partition(":")[0] for text in _texts()}
    # `study.planned.flag_of` makes a flag of the code of a finding.
    heads |= {text.lower().replace("-", "_") for text in heads if text.isupper()}
    assert set(FLAGS) - heads == OF_THE_CONTRACT


def test_the_flags_with_an_argument_are_those_that_the_code_gives_one():
    of_outcomes = {"acq_not_evaluable", "acq_waived"}
    found = {text.partition(":")[0] for text in _texts() if ":" in text} & set(FLAGS)
    assert found | of_outcomes == WITH_ARGUMENT


def _row(status: str, *flags: str) -> MeasurementRow:
    return MeasurementRow(
        case_id="c",
        roi_id="r",
        analysis_id="a@1.0.0",
        feature_id="original.intensity.mean",
        value=1.0 if status == "ok" else None,
        unit="1",
        status=status,
        flags=frozenset(flags),
    )


@pytest.mark.parametrize(
    ("status", "flags", "usable"),
    [
        ("ok", (), "yes"),
        ("ok", ("spacing_jitter", "trace_images"), "yes"),
        ("ok", ("draft_protocol",), "caution"),
        ("ok", ("draft_protocol", "spacing_jitter"), "caution"),
        ("ok", ("acq_fail:RECIST-CT-001",), "no"),
        ("ok", ("draft_protocol", "roi_gaps", "spacing_jitter"), "no"),
        ("undefined", (), "no"),
        ("failed", ("spacing_jitter",), "no"),
        ("skipped", (), "no"),
    ],
)
def test_a_row_is_as_usable_as_its_heaviest_flag_and_never_without_a_value(status, flags, usable):
    assert _row(status, *flags).usable == usable


def test_the_rows_that_must_not_be_pooled_are_these():
    """Whoever lightens one says why here: each is a number that is not what its row says."""
    assert {flag for flag, severity in SEVERITIES.items() if severity == "do_not_use"} == {
        "acq_fail",
        "bolus_early",
        "deviates",
        "implausible",
        "mask_source_excluded",
        "noise_floor",
        "passport_failed",
        "pet_stored_values",
        "roi_gaps",
        "roi_padding",
        "study_duplicate_data",
        "study_subject_mismatch",
    }


@pytest.mark.parametrize(
    "flag",
    [
        "weight_unverified",  # the dose or weight may be in another unit
        "unit_inferred",
        "voxels_nan",  # undefined from 20 % on, flagged from 5 %
        "cross_series",
        "roi_small",
        "acq_not_evaluable",  # a fact that is missing is never a pass
        "acq_waived",  # a waiver hides no row
        "arbitrary_intensity",  # shape survives an arbitrary scale
        "reference_time_unconfirmed",
    ],
)
def test_what_knowledge_calls_a_doubt_is_a_caution(flag):
    assert SEVERITIES[flag] == "caution"


def test_a_policy_weighs_the_flag_with_its_argument_before_the_flag_before_the_product():
    policy = UsablePolicy((("acq_fail", "caution"), ("acq_fail:A-1", "info")))
    assert policy.usable("ok", frozenset({"acq_fail:A-1"})) == "yes"
    assert policy.usable("ok", frozenset({"acq_fail:A-2"})) == "caution"
    assert policy.usable("ok", frozenset({"roi_gaps"})) == "no"
    assert DEFAULT_POLICY.usable("ok", frozenset({"acq_fail:A-1"})) == "no"


def test_no_policy_makes_a_row_without_value_usable():
    every = tuple((flag, "info") for flag in sorted(SEVERITIES))
    assert UsablePolicy(every).usable("undefined", frozenset()) == "no"
    assert UsablePolicy(every).usable("ok", frozenset({"roi_gaps"})) == "yes"


def test_the_worst_of_none_is_yes():
    assert worst([]) == "yes"
    assert worst(["yes", "no", "caution"]) == "no"
    assert worst(["yes", "caution"]) == "caution"
