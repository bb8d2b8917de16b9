"""Lint names the file and the line in which a key stands, the child's or its parent's."""

from __future__ import annotations

import pytest

from biomarker_cli.acquisition.drafting import draft_protocol
from biomarker_cli.acquisition.linting import lint
from biomarker_cli.acquisition.rules import AcquisitionRules
from biomarker_cli.protocol.errors import ProtocolError
from biomarker_cli.protocol.loading import load_document, validate_section
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.protocol.yaml_source import yaml_of
from tests.synthetic_acquisitions import instance, series_of
from tests.synthetic_protocols import protocol_head

PARENT = (
    protocol_head(ident="parent")
    + """\
rules:
  - {id: A, title: a, fact: EchoTime, check: {max: 90}, unit: ms, fix: f}
  - {id: B, title: b, fact: RepetitionTime, check: {max: 90}, unit: ms, fix: f}
  - {id: C, title: c, fact: FlipAngle, check: {max: 90}, unit: deg, fix: f}
"""
)
CHILD = (
    protocol_head(ident="child")
    + """\
extends: parent.yaml
disable: [A]
rules:
  - {id: D, title: d, fact: MagneticFieldStrength, check: {max: 3}, unit: T, fix: f}
  - {id: C, title: c, fact: FlipAngle, check: {max: 80}, unit: deg, fix: f}
tests:
  - {facts: {}, expect: {D: not_evaluable, C: not_evaluable}}
"""
)


@pytest.fixture
def family(tmp_path):
    def write(parent: str = PARENT, child: str = CHILD):
        (tmp_path / "parent.yaml").write_text(parent)
        path = tmp_path / "child.yaml"
        path.write_text(child)
        return load_document(ProtocolKind.ACQUISITION, str(path))

    return write


def line(text: str, part: str) -> int:
    return 1 + next(n for n, one in enumerate(text.splitlines()) if part in one)


def findings(document):
    return {(f.code, f.place): (f.file, f.line) for f in lint(document)}


def test_a_clean_family(family):
    assert not findings(family())


def test_what_a_parent_says_wrong_is_said_of_the_parent(family):
    parent = PARENT.replace("RepetitionTime, check: {max: 90}", "RepetitionTime, check: {mox: 90}")
    found = findings(family(parent=parent))
    # The rule is the first of the merged file: B, as A is disabled.
    assert found[("invalid", "rules.0.check.mox")] == ("parent.yaml", line(parent, "id: B"))


def test_what_a_child_says_wrong_is_said_of_the_child(family):
    child = CHILD.replace("{max: 80}", "{mox: 80}")
    found = findings(family(child=child))
    assert found[("invalid", "rules.1.check.mox")] == ("child.yaml", line(child, "id: C"))


def test_a_rule_that_a_child_overrides_is_its_own(family):
    places = family().places
    found = {number: places[("rules", number)] for number in range(3)}
    assert [(found[n].file, found[n].line) for n in range(3)] == [
        ("parent.yaml", line(PARENT, "id: B")),
        ("child.yaml", line(CHILD, "id: C")),
        ("child.yaml", line(CHILD, "id: D")),
    ]


def test_a_run_is_told_the_same_place(family):
    parent = PARENT.replace("fact: FlipAngle", "fact: 5", 1).replace("fact: Rep", "fcat: Rep")
    document = family(parent=parent)
    with pytest.raises(ProtocolError, match=r"line 10 of parent.yaml, rules.0.fcat: the key is un"):
        validate_section(AcquisitionRules, document)


def test_a_draft_s_fix_that_nobody_wrote_is_a_warning_in_whichever_file(family):
    unwritten = "fix: 'The reference has 90 ms: say here what to do.'"
    parent = PARENT.replace(
        "check: {max: 90}, unit: ms, fix: f", f"check: {{max: 90}}, unit: ms, {unwritten}"
    )
    found = findings(
        family(parent=parent, child=CHILD.replace("unit: T, fix: f", f"unit: T, {unwritten}"))
    )
    assert found == {
        ("unwritten-fix", "B"): ("parent.yaml", line(parent, "id: B")),
        ("unwritten-fix", "D"): ("child.yaml", line(CHILD, "id: D")),
    }


def test_a_shipped_parent_is_named_with_its_folder(family):
    child = CHILD.replace("parent.yaml", "base-mr@1.0.1").replace("disable: [A]\n", "")
    document = family(child=child)
    places = {place.file for place in document.places.values()}
    assert places == {"child.yaml", "base-mr/1.0.1.yaml"}


def test_a_parent_beside_its_child_is_the_parent_that_lint_reads(family):
    # A file of its own called as a shipped protocol: its status counts, not that one's.
    parent = PARENT.replace("id: parent", "id: base-mr").replace("version: 0.1.0", "version: 1.0.1")
    child = CHILD.replace("status: draft", "status: active").replace("recall", "primary")
    (code,) = {f.code for f in lint(family(parent=parent, child=child))}
    assert code == "draft-parent"


class TestDraftParent:
    def test_a_child_of_a_draft_is_as_movable_as_a_draft(self, family):
        document = family(child=CHILD.replace("status: draft", "status: active"))
        assert document.standing_flags == {"draft_protocol"}

    def test_a_grandparent_counts_too(self, tmp_path, family):
        released = CHILD.replace("status: draft", "status: active")
        family(child=released)
        path = tmp_path / "grandchild.yaml"
        head = protocol_head(ident="grandchild", status="active")
        path.write_text(head + "extends: child.yaml\n")
        assert load_document(ProtocolKind.ACQUISITION, str(path)).is_draft

    def test_a_family_without_a_draft_carries_no_flag(self, family):
        active = "status: active"
        document = family(
            PARENT.replace("status: draft", active), CHILD.replace("status: draft", active)
        )
        assert not document.standing_flags


class TestDraftedSeverities:
    def drafted(self, modality: str, **told):
        series = series_of([instance(n, modality, **told) for n in range(2)])
        text = draft_protocol([series], "x", "2026-01-01")
        rules = yaml_of(text.encode(), "x.yaml")[0]["rules"]
        return {rule["fact"]: rule["severity"] for rule in rules}

    def test_what_the_base_protocol_calls_an_error_is_one(self):
        found = self.drafted(
            "MR", EchoTime=80.0, RepetitionTime=3000.0, MagneticFieldStrength=3.0, FlipAngle=90.0
        )
        # base-mr asks for EchoTime by its keyword, the draft by the fact.
        assert found["echo_time_ms"] == found["field_strength_t"] == "error"
        assert found["repetition_time_ms"] == found["flip_angle_deg"] == "warning"

    def test_a_modality_without_a_base_protocol_has_warnings(self):
        assert set(self.drafted("NM", SliceThickness=3.0).values()) == {"warning"}
