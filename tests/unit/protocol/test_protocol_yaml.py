"""YAML within bounds: the same values, lines and faults by both parsers; nothing is quoted."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from biomarker_cli.protocol import yaml_nodes
from biomarker_cli.protocol.errors import ProtocolError
from biomarker_cli.protocol.locator import ProtocolKind, list_protocols
from biomarker_cli.protocol.lock import read_lock
from biomarker_cli.protocol.yaml_nodes import DEEPEST, LONGEST_NUMBER, LONGEST_TEXT
from biomarker_cli.protocol.yaml_source import MOST_BYTES, read_yaml

HEAD = "format: biomarker-study/1\n"

FAULTS = {
    "control character": (HEAD + "a: 1\nb: x\x07y\n", "PROTOCOL-INVALID", 3),
    "NUL": (HEAD + "b: x\x00y\n", "PROTOCOL-INVALID", 2),
    "escaped NUL": (HEAD + 'a: 1\n\nb: "x\\0y"\n', "PROTOCOL-INVALID", 4),
    "escaped ESC": (HEAD + 'b: "x\\e[31m"\n', "PROTOCOL-INVALID", 2),
    "number of 6,000 digits": (HEAD + "a: 1\nb: " + "7" * 6000, "PROTOCOL-INVALID", 3),
    "number one digit too long": (HEAD + f"b: {'7' * (LONGEST_NUMBER + 1)}", "PROTOCOL-INVALID", 2),
    "fraction of 6,000 digits": (HEAD + "b: 0." + "7" * 6000, "PROTOCOL-INVALID", 2),
    "not a number": (HEAD + "b: .nan", "PROTOCOL-INVALID", 2),
    "infinite by its exponent": (HEAD + "b: 1.0e+999", "PROTOCOL-INVALID", 2),
    "no digits": (HEAD + "b: 0b_", "PROTOCOL-INVALID", 2),
    "tagged as what it is not": (HEAD + "b: !!int x", "PROTOCOL-INVALID", 2),
    "tagged truth": (HEAD + "b: !!bool perhaps", "PROTOCOL-INVALID", 2),
    "huge cell": (HEAD + f"a: 1\nb: {'x' * (LONGEST_TEXT + 1)}\n", "PROTOCOL-INVALID", 3),
    "huge file": (HEAD + "# " + "x" * MOST_BYTES, "PROTOCOL-INVALID", None),
    "deep list": (HEAD + "b: " + "[" * 100_000, "PROTOCOL-INVALID", 2),
    "deep mapping": (HEAD + "b: " + "{a: " * 50_000, "PROTOCOL-INVALID", 2),
    "deep block": (HEAD + "b:\n " + "- " * 50_000, "PROTOCOL-INVALID", 3),
    "deep by aliases": (
        HEAD + "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 99)),
        "PROTOCOL-INVALID",
        DEEPEST + 1,
    ),
    "alias bomb": (
        HEAD
        + "a0: &a0 [x, x, x, x, x, x, x, x]\n"
        + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 40)),
        "PROTOCOL-SYNTAX",
        6,
    ),
    "part of itself": (HEAD + "a: &a\n  b: *a\n", "PROTOCOL-SYNTAX", 3),
    "alias of nothing": (HEAD + "a: 1\nb: *c\n", "PROTOCOL-SYNTAX", 3),
    "key twice": (HEAD + "a: 1\nb: 2\na: 3\n", "PROTOCOL-SYNTAX", 4),
    "key twice, otherwise written": (HEAD + "a: {1: x,\n 0x1: y}\n", "PROTOCOL-SYNTAX", 3),
    "list as a key": (HEAD + "? [a]\n: 2\n", "PROTOCOL-SYNTAX", 2),
    "object of Python": (HEAD + "a: !!python/object:os.system {}", "PROTOCOL-SYNTAX", 2),
    "set": (HEAD + "a: !!set {x}", "PROTOCOL-SYNTAX", 2),
    "second document": (HEAD + "---\nb: 2\n", "PROTOCOL-SYNTAX", 2),
    "tabs": (HEAD + "a:\n\tb: 1\n", "PROTOCOL-SYNTAX", 3),
    "bracket left open": (HEAD + "a: [1,\nb: 2\n", "PROTOCOL-SYNTAX", None),
    "no UTF-8": ((HEAD + "a: 1\nb: ").encode() + b"M\xfcller\n", "PROTOCOL-SYNTAX", 3),
    "UTF-16": ((HEAD + "b: 1").encode("utf-16"), "PROTOCOL-SYNTAX", 1),
}


def _fault(path: Path) -> tuple[str, str, str]:
    with pytest.raises(ProtocolError) as caught:
        read_yaml(path)
    error = caught.value
    assert len(str(error)) < 400
    return error.code, error.where, error.message


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_has_code_and_line_by_both_parsers_and_ends_soon(tmp_path, monkeypatch, name):
    content, code, line = FAULTS[name]
    path = tmp_path / "a.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    begun = time.process_time()
    found = _fault(path)
    assert time.process_time() - begun < 5.0
    assert found[0] == code
    if line is not None:
        assert found[1] == f"a.yaml:{line}"
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    assert _fault(path) == found


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("\ufeffformat: x\n", {"format": "x"}),
        ("a: 2026-11-20", {"a": "2026-11-20"}),
        ("a: 'x\ty'", {"a": "x\ty"}),
        (f"a: {'7' * LONGEST_NUMBER}", {"a": int("7" * LONGEST_NUMBER)}),
        ("a: Größe µ 😀", {"a": "Größe µ 😀"}),
        ("a: &x {b: 1, c: 2}\nd: {<<: *x, c: 3}", {"a": {"b": 1, "c": 2}, "d": {"b": 1, "c": 3}}),
        (
            "a: &x {b: 1}\nc: &y {b: 2, e: 5}\nd:\n  <<: [*x, *y]\n",
            {"a": {"b": 1}, "c": {"b": 2, "e": 5}, "d": {"b": 1, "e": 5}},
        ),
        ("a: &x [1]\nb: [*x, *x]", {"a": [1], "b": [[1], [1]]}),
        ("a: !!str 12\nb: !!float 1", {"a": "12", "b": 1.0}),
    ],
)
def test_what_is_right_is_read_by_both_parsers(tmp_path, monkeypatch, text, value):
    path = tmp_path / "a.yaml"
    path.write_text(text, encoding="utf-8")
    found = read_yaml(path)
    assert found[0] == value
    monkeypatch.delattr(yaml, "CSafeLoader", raising=False)
    assert read_yaml(path) == found


def test_every_shipped_protocol_is_the_same_by_both_parsers():
    paths = [path for kind in ProtocolKind for path in list_protocols(kind)]
    assert paths
    for path in paths:
        text = path.read_text(encoding="utf-8")
        whole = yaml_nodes._parse(text, yaml.SafeLoader)
        assert yaml_nodes.parse(text) == whole
        plain = yaml.load(text, Loader=_TextDates)
        assert whole[0] == plain


class _TextDates(yaml.SafeLoader):
    yaml_implicit_resolvers = {  # noqa: RUF012
        first: [pair for pair in found if not pair[0].endswith("timestamp")]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def test_only_the_protocols_that_a_study_names_are_read(sample_dir, monkeypatch):
    from biomarker_cli.protocol import loading, yaml_source
    from biomarker_cli.study.planning import StudyPlanner
    from biomarker_cli.study.study_file import load_study

    read, real = set(), yaml_source.read_content

    def note(path, *arguments):
        read.add("/".join(path.resolve().parts[-2:]))
        return real(path, *arguments)

    for module in (loading, yaml_source):
        monkeypatch.setattr(module, "read_content", note)
    StudyPlanner(load_study(sample_dir / "study.yaml"))
    assert read == {
        "sample_data/study.yaml",
        "sample_data/cases.csv",
        "pyradiomics-default/1.0.0.yaml",
        "recist-ct/1.0.0.yaml",
        "fdg-suv/1.0.0.yaml",
        "qiba-fdg-1-14/1.0.0.yaml",
        "base-pet/1.0.1.yaml",
        "dwi-adc/1.0.0.yaml",
        "dwi/1.0.0.yaml",
        "base-mr/1.0.1.yaml",
    }


def test_a_line_is_that_of_the_key_or_the_item(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("a:\n  b:\n    - c: 1\n    - d\ne: |\n  x\n  y\nf: 1\n", encoding="utf-8")
    lines = read_yaml(path)[1]
    assert lines == {
        (): 1,
        ("a",): 1,
        ("a", "b"): 2,
        ("a", "b", 0): 3,
        ("a", "b", 0, "c"): 3,
        ("a", "b", 1): 4,
        ("e",): 5,
        ("f",): 8,
    }


SECRET = "root:x:0:0:hunter2"


@pytest.mark.parametrize(
    "text",
    [
        f"{SECRET}\n",
        f"{SECRET}: 1\n{SECRET}: 2\n",
        f"a: *{SECRET.replace(':', '')}\n",
        f"a: !{SECRET} x\n",
        f"{SECRET}\n[\n",
        f"{SECRET}: '\n",
        f"%{SECRET}\n",
        f"a: [{SECRET}\nb: {SECRET}\n",
        f"format: {SECRET}\n",
        f"<<: {SECRET}\n",
    ],
)
def test_a_file_that_is_none_of_ours_is_not_quoted(tmp_path, text):
    from biomarker_cli.acquisition.waivers import load_waivers
    from biomarker_cli.pet.overrides import load_overrides
    from biomarker_cli.protocol.loading import load_document
    from biomarker_cli.study.study_file import load_study

    path = tmp_path / "a.yaml"
    path.write_text(text, encoding="utf-8")
    for load in (
        load_waivers,
        load_overrides,
        load_study,
        read_lock,
        lambda path: load_document(ProtocolKind.ANALYSIS, str(path)),
    ):
        with pytest.raises(Exception, match=r".") as caught:
            load(path)
        said = f"{caught.value} {caught.value.where}"
        assert "hunter2" not in said
        assert caught.value.exit_code == 2


@pytest.mark.parametrize("key", ["x" * 900, "a"])
def test_a_message_is_short_whatever_the_file_holds(tmp_path, key):
    from biomarker_cli.acquisition.waivers import load_waivers
    from biomarker_cli.pet.overrides import load_overrides
    from biomarker_cli.protocol.loading import load_document
    from biomarker_cli.study.study_file import load_study

    path = tmp_path / "a.yaml"
    for kind, load in (
        ("study", load_study),
        ("waivers", load_waivers),
        ("overrides", load_overrides),
        ("analysis", lambda path: load_document(ProtocolKind.ANALYSIS, str(path))),
    ):
        content = "".join(f"{n}{key}: {'v' * 15_000}\n" for n in range(30))
        path.write_text(f"format: biomarker-{kind}/1\nversion: {'v' * 9000}\n{content}")
        with pytest.raises(Exception, match=r"line \d") as caught:
            load(path)
        assert len(str(caught.value)) < 5000


def test_the_key_that_stands_twice_is_named_in_a_file_of_ours(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(HEAD + "colour: 1\ncolour: 2\n", encoding="utf-8")
    with pytest.raises(ProtocolError, match="'colour' stands twice"):
        read_yaml(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_a_pipe_is_no_file_to_wait_for(tmp_path):
    os.mkfifo(tmp_path / "a.yaml")
    with pytest.raises(ProtocolError) as caught:
        read_yaml(tmp_path / "a.yaml")
    assert caught.value.code == "PROTOCOL-NOT-FOUND"


@given(text=st.text(st.sampled_from("ab:[]{}&*!|>'\"#%@`,-? \n\t<0.\\\x07é"), max_size=40))
@example(text="0: !")
@example(text="0: ! 5")
@settings(max_examples=400, deadline=None)
def test_any_text_is_a_mapping_or_a_fault_by_both_parsers(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_text(text, encoding="utf-8", newline="")
    outcomes = []
    for fast in (True, False):
        with pytest.MonkeyPatch.context() as patch:
            if not fast:
                patch.delattr(yaml, "CSafeLoader", raising=False)
            try:
                outcomes.append(read_yaml(path))
            except ProtocolError as error:
                outcomes.append((error.code, error.where, error.message))
    fast, slow = outcomes
    # The parser in C forgives some tabs and comments; what both take, they take alike.
    if isinstance(fast[0], dict) == isinstance(slow[0], dict) and slow[0] != "PROTOCOL-SYNTAX":
        assert fast == slow
