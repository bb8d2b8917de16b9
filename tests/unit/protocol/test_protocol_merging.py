"""What a protocol takes from the one it extends, and what its digest and lock hang on."""

from __future__ import annotations

import json

import pytest
from synthetic_protocols import protocol_head

from biomarker_cli.protocol.document import ProtocolDocument, ProtocolHeader
from biomarker_cli.protocol.errors import ProtocolError
from biomarker_cli.protocol.loading import load_document
from biomarker_cli.protocol.locator import ProtocolKind
from biomarker_cli.protocol.lock import lock_key, read_lock, require_locked, write_lock
from biomarker_cli.protocol.merging import merge

PARENT = {
    "id": "base",
    "status": "active",
    "extends": "nothing",
    "disable": ["Z"],
    "changelog": [1],
    "source": [2],
    "tests": [3],
    "limits": {"low": 1, "high": {"a": 1, "b": 2}},
    "names": ["x", "y"],
    "rules": [{"id": "A", "max": 1, "unit": "mm"}, {"id": "B", "max": 2}],
}


def test_mappings_merge_key_by_key_and_lists_of_values_are_replaced():
    merged = merge(PARENT, {"limits": {"high": {"b": 3}}, "names": ["z"]}, "c.yaml")
    assert merged["limits"] == {"low": 1, "high": {"a": 1, "b": 3}}
    assert merged["names"] == ["z"]
    assert merged["status"] == "active"


def test_rules_merge_by_their_id_as_a_whole_and_keep_their_place():
    child = {"rules": [{"id": "C", "max": 3}, {"id": "A", "max": 9}]}
    merged = merge(PARENT, child, "c.yaml")
    # A rule is replaced, not mixed: its unit is gone.
    assert merged["rules"] == [
        {"id": "A", "max": 9},
        {"id": "B", "max": 2},
        {"id": "C", "max": 3},
    ]


def test_a_disabled_rule_is_dropped():
    assert merge(PARENT, {"disable": ["A"]}, "c.yaml")["rules"] == [{"id": "B", "max": 2}]


@pytest.mark.parametrize("key", ["extends", "disable", "changelog", "source", "tests"])
def test_what_describes_the_parent_itself_is_not_inherited(key):
    assert key not in merge(PARENT, {"id": "child"}, "c.yaml")


@pytest.mark.parametrize(
    "child",
    [
        {"disable": ["Q"]},
        {"disable": "A"},
        {"disable": [1]},
        {"rules": {"id": "A"}},
        {"rules": ["A"]},
        {"rules": [{"id": "A"}, {"id": "A"}]},
    ],
)
def test_what_cannot_be_merged_is_refused(child):
    with pytest.raises(ProtocolError) as caught:
        merge(PARENT, child, "c.yaml")
    assert caught.value.code == "PROTOCOL-EXTENDS"
    assert caught.value.where == "c.yaml"


def test_merging_leaves_the_parent_as_it_was():
    before = json.dumps(PARENT)
    merge(PARENT, {"limits": {"low": 7}, "rules": [{"id": "A"}], "disable": ["B"]}, "c.yaml")
    assert json.dumps(PARENT) == before


def document(**data: object) -> ProtocolDocument:
    header = ProtocolHeader.model_validate(
        {
            "format": "biomarker-acquisition/1",
            "id": "site",
            "version": "1.0.0",
            "status": data.get("status", "active"),
            "title": "Site",
            "source": [{"doc": "none", "confirmed": {"by": "recall"}}],
            "changelog": [{"version": "1.0.0", "date": "2026-01-01", "change": "first"}],
        }
    )
    return ProtocolDocument(header, {"id": "site", **data}, None)


def test_the_digest_hangs_on_the_content_and_not_on_the_order_of_keys():
    assert document(a=1, b=2).sha256 == document(b=2, a=1).sha256
    found = {document(**data).sha256 for data in ({}, {"a": 1}, {"a": 2}, {"a": [1]}, {"b": 1})}
    assert len(found) == 5
    assert document().ident == "site@1.0.0"


@pytest.mark.parametrize(("status", "is_draft"), [("draft", True), ("active", False)])
def test_a_draft_says_so(status, is_draft):
    assert document(status=status).is_draft is is_draft


@pytest.fixture
def load(tmp_path):
    def written(ident: str, more: str = "") -> ProtocolDocument:
        path = tmp_path / f"{ident}.yaml"
        path.write_text(protocol_head(ident=ident, version="1.0.0") + more)
        return load_document(ProtocolKind.ACQUISITION, str(path))

    return written


def test_the_parents_of_a_file_are_named_nearest_first(load):
    load("a", "rules: [{id: A}]")
    load("b", "extends: a.yaml\nrules: [{id: B}]")
    found = load("c", "extends: b.yaml\ndisable: [A]")
    assert found.parents == ("b@1.0.0", "a@1.0.0")
    assert found.data["rules"] == [{"id": "B"}]


def test_a_change_of_a_parent_changes_the_digest(load):
    load("a", "rules: [{id: A, max: 1}]")
    before = load("b", "extends: a.yaml").sha256
    load("a", "rules: [{id: A, max: 2}]")
    assert load("b", "extends: a.yaml").sha256 != before


@pytest.mark.parametrize("more", ["extends: c.yaml", "extends: b.yaml"])
def test_a_protocol_that_extends_itself_is_refused(load, tmp_path, more):
    (tmp_path / "b.yaml").write_text(protocol_head(ident="b") + "extends: c.yaml")
    with pytest.raises(ProtocolError) as caught:
        load("c", more)
    assert caught.value.code == "PROTOCOL-EXTENDS"


def test_a_lock_refuses_what_it_does_not_hold(tmp_path):
    path, kind = tmp_path / "protocols.lock", ProtocolKind.ACQUISITION

    def code(one: ProtocolDocument) -> str:
        with pytest.raises(ProtocolError) as caught:
            require_locked(path, kind, one)
        return caught.value.code

    assert code(document()) == "LOCK-NOT-FOUND"
    write_lock(path, kind, document(a=1))
    require_locked(path, kind, document(a=1))
    assert code(document(a=2)) == "LOCK-MISMATCH"
    write_lock(path, kind, document(a=2))
    assert read_lock(path) == {lock_key(kind, document()): document(a=2).sha256}
    path.write_text("{}")
    assert code(document()) == "LOCK-ABSENT"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"site": "x"}',
        '{"acquisition/site@1.0.0": "ab"}',
        '{"x@1.0.0": null}',
        "[" * 9999,
    ],
)
def test_what_is_no_lock_is_refused_and_not_quoted(tmp_path, text):
    path = tmp_path / "protocols.lock"
    path.write_text(text)
    with pytest.raises(ProtocolError) as caught:
        read_lock(path)
    assert caught.value.code == "LOCK-INVALID"
    assert "site" not in str(caught.value)
