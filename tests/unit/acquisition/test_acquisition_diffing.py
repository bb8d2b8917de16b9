"""What changed between two versions of a protocol, and which way a limit moved."""

from __future__ import annotations

from types import SimpleNamespace
from xml.etree import ElementTree as ET

import pytest

from biomarker_cli.acquisition.diffing import RuleChange, compare_protocols
from biomarker_cli.acquisition.junit import check_xml
from biomarker_cli.acquisition.results import CheckResult, Outcome
from biomarker_cli.acquisition.rules import Rule

STRICTER, LOOSER = "stricter", "looser"


def rule(ident="X-TE-001", check=None, **more):
    return Rule.model_validate(
        {
            "id": ident,
            "title": "Echo time",
            "fact": "EchoTime",
            "check": check or {"max": 100},
            "unit": "ms",
            "over": "instance",
            "level": "shall",
            "severity": "error",
            **more,
        }
    )


def protocol(*rules, **content):
    content = {"status": "draft", "applies_to": {}, "roles": (), **content}
    return SimpleNamespace(content=SimpleNamespace(rules=rules, **content))


def changes(old, new):
    return compare_protocols(protocol(*old), protocol(*new))


@pytest.mark.parametrize(
    ("before", "after", "direction"),
    [
        ({"max": 100}, {"max": 90}, STRICTER),
        ({"max": 100}, {"max": 110}, LOOSER),
        ({"min": 10}, {"min": 20}, STRICTER),
        ({"min": 10}, {"min": 5}, LOOSER),
        ({"range": [10, 20]}, {"range": [12, 18]}, STRICTER),
        ({"range": [10, 20]}, {"range": [10, 21]}, LOOSER),
        # Neither inside nor around what passed before.
        ({"range": [10, 20]}, {"range": [15, 25]}, ""),
        ({"max": 100}, {"min": 100}, ""),
        ({"max": 100}, {"range": [None, 90]}, STRICTER),
        ({"range": [10, 20]}, {"equals": 15}, STRICTER),
        ({"equals": 15}, {"equals": 16}, ""),
        ({"max": 100}, {"one_of": [50, 60]}, ""),
    ],
)
def test_a_limit_is_stricter_where_less_passes(before, after, direction):
    (change,) = changes([rule(check=before)], [rule(check=after)])
    assert (change.rule_id, change.what, change.direction) == ("X-TE-001", "limit", direction)


@pytest.mark.parametrize(
    ("kind", "before", "after", "direction"),
    [
        # Of a list of what may be, more words are looser; of what must be, stricter.
        ("one_of", ["A", "B"], ["A"], STRICTER),
        ("one_of", ["A"], ["A", "B"], LOOSER),
        ("one_of", ["A", "B"], ["B", "C"], ""),
        ("contains_all", ["A"], ["A", "B"], STRICTER),
        ("contains_all", ["A", "B"], ["B"], LOOSER),
    ],
)
def test_a_list_of_words_is_judged_by_what_it_asks_for(kind, before, after, direction):
    old, new = (
        rule(fact="ImageType", unit="", check={kind: words}, over="series")
        for words in (before, after)
    )
    (change,) = changes([old], [new])
    assert (change.what, change.direction) == ("limit", direction)


def test_a_limit_in_another_unit_is_compared_by_what_it_means():
    old, same = rule(check={"max": 100}), rule(check={"max": 0.1}, unit="s")
    (change,) = changes([old], [same])
    assert (change.what, change.direction) == ("limit", "")
    (change,) = changes([old], [rule(check={"max": 0.09}, unit="s")])
    assert change.direction == STRICTER
    (change,) = changes([rule(check={"min": 10})], [rule(check={"min": 0.02}, unit="s")])
    assert change.direction == STRICTER


def test_a_tolerance_lets_more_pass():
    (change,) = changes([rule()], [rule(tolerance={"abs": 2.0})])
    assert change.direction == LOOSER
    (change,) = changes([rule(check={"min": 10})], [rule(check={"min": 10}, tolerance={"abs": 2})])
    assert change.direction == LOOSER
    (change,) = changes([rule(tolerance={"rel": 0.1})], [rule(tolerance={"rel": 0.05})])
    assert change.direction == STRICTER


def test_rules_that_came_and_went_are_told_with_their_limit():
    gone, new = rule("X-TE-001"), rule("X-TE-002", {"min": 5})
    removed, added = changes([gone], [new])
    assert (removed.rule_id, removed.what, removed.after) == ("X-TE-001", "removed", "")
    assert removed.direction == LOOSER
    assert removed.before.endswith(" ms")
    assert (added.rule_id, added.what, added.before) == ("X-TE-002", "added", "")
    assert added.direction == STRICTER
    assert added.after.endswith(" ms")
    assert changes([gone], [gone]) == []


@pytest.mark.parametrize(
    ("field", "before", "after", "direction"),
    [
        ("severity", "warning", "error", STRICTER),
        ("severity", "error", "info", LOOSER),
        ("level", "should", "shall", STRICTER),
        ("level", "shall", "may", LOOSER),
        ("title", "Echo time", "TE", ""),
    ],
)
def test_a_field_is_told_with_what_stood_there(field, before, after, direction):
    found = changes([rule(**{field: before})], [rule(**{field: after})])
    assert found == [RuleChange("X-TE-001", field, before, after, direction)]


def test_what_concerns_the_protocol_has_no_rule():
    found = compare_protocols(protocol(status="draft"), protocol(status="active"))
    assert found == [RuleChange("", "status", "draft", "active")]


@pytest.mark.parametrize(
    ("outcome", "severity", "child", "kind"),
    [
        (Outcome.FAIL, "error", "failure", "error"),
        (Outcome.FAIL, "warning", "system-out", None),
        (Outcome.NOT_EVALUABLE, "error", "skipped", None),
        (Outcome.PASS, "error", None, None),
    ],
)
def test_a_test_case_belongs_to_its_protocol_whatever_its_outcome(outcome, severity, child, kind):
    names = set(CheckResult.__dataclass_fields__)
    told = {
        "rule_id": "X-TE-001",
        "title": "Echo time",
        "protocol_id": "example",
        "protocol_version": "1.2.3",
        "series_uid": "1.2",
        "scope": "series",
        "outcome": outcome,
        "severity": severity,
        "unit": "ms",
        "expected": "at most 100",
        "observed": "120",
        "reason": "",
    }
    result = SimpleNamespace(**{name: told.get(name, "") for name in names | set(told)})
    ((suite,),) = (ET.fromstring(check_xml([result])),)
    (case,) = suite
    assert suite.get("name") == "1.2"
    assert case.get("classname") == "example@1.2.3"
    assert case.get("name") == "X-TE-001 Echo time"
    assert [one.tag for one in case] == ([child] if child else [])
    if kind is not None:
        assert case[0].get("type") == kind
    if child is not None:
        said = case[0].text or case[0].get("message") or ""
        assert "expected at most 100 ms, found 120 ms" in said
