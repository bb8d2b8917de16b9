"""Files that are no protocol, or a broken one: a named error with its place, never a traceback."""

from __future__ import annotations

import contextlib

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from synthetic_protocols import protocol_head

from biomarker_cli.acquisition.linting import lint
from biomarker_cli.acquisition.protocol import load_acquisition
from biomarker_cli.protocol.errors import ProtocolError
from biomarker_cli.protocol.loading import load_document
from biomarker_cli.protocol.locator import ProtocolKind

HEAD = protocol_head()
RULE = "  - {id: A, title: a, fact: EchoTime, check: {max: 90}, unit: ms, fix: f}\n"


@pytest.fixture
def load(tmp_path):
    def read(content: bytes | str):
        path = tmp_path / "site.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return load_acquisition(str(path))

    return read


@pytest.mark.parametrize(
    ("content", "code", "told"),
    [
        (b"", "PROTOCOL-SYNTAX", "a mapping"),
        (b"\xff\xfe\x00", "PROTOCOL-SYNTAX", "no UTF-8 text"),
        ("just text", "PROTOCOL-SYNTAX", "a mapping"),
        ("[1, 2]", "PROTOCOL-SYNTAX", "a mapping"),
        ("a: &a [*a]", "PROTOCOL-SYNTAX", "contains itself"),
        ("a: [1", "PROTOCOL-SYNTAX", "site.yaml:1"),
        ("? {a: 1}\n: 2\n", "PROTOCOL-SYNTAX", "unhashable"),
        ("a: !!python/object:os.system {}", "PROTOCOL-SYNTAX", "constructor"),
        ("a: 1\n---\nb: 2\n", "PROTOCOL-SYNTAX", "document"),
        (HEAD, "PROTOCOL-INVALID", "rules"),
        (HEAD + "rules: 3\n", "PROTOCOL-INVALID", "line 8, rules: expected a list"),
        (HEAD + "ruls:\n" + RULE, "PROTOCOL-INVALID", "line 8, ruls: the key is unknown"),
        (HEAD + "rules: [x]\n", "PROTOCOL-INVALID", "expected a mapping of keys"),
        (HEAD + "rules:\n  - {id: A}\n", "PROTOCOL-INVALID", "rules.0.fact: the key is missing"),
        (HEAD + "rules: [3, null, {id: A}]\n", "PROTOCOL-INVALID", "rules.0"),
        (HEAD + "rules:\n" + RULE + "disable: [B]\n", "PROTOCOL-INVALID", "disable"),
        (HEAD + "extends: site.yaml\n", "PROTOCOL-EXTENDS", "extends itself"),
        (HEAD + "extends: base-ct@1.0.0\nrules: 3\n", "PROTOCOL-EXTENDS", "list of rules"),
        (HEAD + "extends: base-ct@1.0.0\nrules: [3]\n", "PROTOCOL-EXTENDS", "list of rules"),
        (HEAD + "extends: base-ct@1.0.0\ndisable: BASE-CT-KVP\n", "PROTOCOL-EXTENDS", "disable"),
        (HEAD + "extends: base-ct@1.0.0\ndisable: [X]\n", "PROTOCOL-EXTENDS", "not inherited: X"),
        (HEAD + "extends: base-ct@7.0.0\n", "PROTOCOL-NOT-FOUND", "Shipped are: 1.0.0"),
        (HEAD + "extends: other.yaml\n", "PROTOCOL-NOT-FOUND", "other.yaml"),
        (HEAD + "rules:\n" + RULE.replace("90", ".nan"), "PROTOCOL-INVALID", "finite"),
        (HEAD + "rules:\n" + RULE.replace("max: 90", "regex: '['"), "PROTOCOL-INVALID", "regular"),
    ],
)
def test_a_broken_file_is_named(load, content, code, told):
    with pytest.raises(ProtocolError) as caught:
        load(content)
    assert caught.value.code == code
    assert told in f"{caught.value.where} {caught.value}"


def test_aliases_of_aliases_do_not_eat_the_memory(load):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    with pytest.raises(ProtocolError, match="aliases"):
        load("\n".join(lines))


@pytest.mark.parametrize("wanted", ["", ".", "..", "/tmp", "../analysis/fdg-suv", "@1.0.0", "a b"])
def test_what_is_no_id_is_not_found(wanted):
    with pytest.raises(ProtocolError) as caught:
        load_document(ProtocolKind.ACQUISITION, wanted)
    assert caught.value.code == "PROTOCOL-NOT-FOUND"


@pytest.mark.parametrize("wanted", ["recist-ct@", "recist-ct@1", "recist-ct@new", "recist-ct@^9"])
def test_a_version_that_is_not_there_is_not_the_newest(wanted):
    with pytest.raises(ProtocolError, match=r"Shipped are: 0\.1\.0, 1\.0\.0"):
        load_document(ProtocolKind.ACQUISITION, wanted)


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats() | st.text("aA-1", max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["id", "check", "max", "fact", "when", "unit"]), inner)
    ),
    max_leaves=8,
)


@given(
    key=st.sampled_from(
        ["rules", "tests", "roles", "applies_to", "disable", "extends", "source", "changelog"]
    ),
    value=anything,
    extends=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_any_value_under_any_key_is_accepted_or_named(tmp_path_factory, key, value, extends):
    data = yaml.safe_load(HEAD + "rules:\n" + RULE)
    data["changelog"][0]["date"] = "2026-01-01"
    data |= {"extends": "base-mr@1.0.0"} if extends else {}
    data[key] = value
    path = tmp_path_factory.mktemp("fuzz") / "site.yaml"
    path.write_text(yaml.safe_dump(data), encoding="utf-8")
    with contextlib.suppress(ProtocolError):  # any other error is a defect
        lint(load_document(ProtocolKind.ACQUISITION, str(path)))


@pytest.mark.parametrize(
    "wanted", ["a" * 300, "a" * 300 + "@1.0.0", "a" * 300 + ".yaml", "x/" * 3000]
)
def test_a_name_that_no_file_can_have_is_not_found(wanted):
    with pytest.raises(ProtocolError) as caught:
        load_document(ProtocolKind.ACQUISITION, wanted)
    assert caught.value.code == "PROTOCOL-NOT-FOUND"
