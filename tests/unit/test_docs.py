"""The docs and the code say the same."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
CODE = re.compile(r"^[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)+$")


@pytest.mark.parametrize("name", ["analysis.md", "commands.md", "measures.md", "tables.md"])
def test_the_reference_pages_are_current(name):
    # In a process of its own: click keeps the help option that the first call of a command had.
    code = f"import build_reference; print(build_reference.PAGES[{name!r}](), end='')"
    built = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": f"{CHECKOUT / 'docs'}{os.pathsep}{CHECKOUT}"},
        capture_output=True,
        check=True,
        encoding="utf-8",
    ).stdout
    assert (CHECKOUT / "docs" / name).read_text() == built, "run python docs/build_reference.py"


def _raised_codes() -> dict[str, str]:
    """Every code that stands first in the call of something called ...Error."""
    found = {}
    for path in sorted((CHECKOUT / "biomarker_cli").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            first = node.args[0]
            value = first.value if isinstance(first, ast.Constant) else None
            if name.endswith("Error") and isinstance(value, str) and CODE.match(value):
                found[value] = path.name
    return found


def _documented_codes() -> list[str]:
    pages = sorted((CHECKOUT / "docs" / "errors").glob("*.md"))
    return [m for page in pages for m in re.findall(r"^## ([A-Z0-9-]+)$", page.read_text(), re.M)]


def test_every_error_code_has_an_entry():
    missing = {c: f for c, f in _raised_codes().items() if c not in _documented_codes()}
    assert not missing


def test_no_message_suggests_a_cause_that_was_not_looked_for():
    """A message says what was found; a hint says what to do, not what it might have been."""
    guess = re.compile(
        r"\b(?:perhaps|probably|possibly|might|may have|may be (?:cut|damaged|there))"
    )
    guessed = []
    for path in sorted((CHECKOUT / "biomarker_cli").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                given = [*node.args, *(keyword.value for keyword in node.keywords)]
                texts = [t for one in given for t in ast.walk(one) if isinstance(t, ast.Constant)]
                guessed += [f"{path.name}: {t.value}" for t in texts if guess.search(str(t.value))]
    # What a worker of a cluster may take is a limit, no guess.
    allowed = (
        "cluster may have no worker",
        "its worker may have",
        "an image may have",
        "region may have",
    )
    assert not [text for text in guessed if not any(words in text for words in allowed)]


def test_no_error_code_is_documented_twice():
    codes = _documented_codes()
    assert sorted(set(codes)) == sorted(codes)


def test_the_index_of_errors_links_every_page():
    index = (CHECKOUT / "docs" / "errors.md").read_text()
    pages = sorted((CHECKOUT / "docs" / "errors").glob("*.md"))
    assert not [page.name for page in pages if f"errors/{page.name}" not in index]


def test_the_changelog_speaks_of_this_version():
    from biomarker_cli.model.version import __version__

    assert f"## {__version__}" in (CHECKOUT / "CHANGELOG.md").read_text()


def test_the_layers_are_drawn_as_the_import_contract_says():
    sys.path.insert(0, str(CHECKOUT / "docs"))
    try:
        import build_architecture
    finally:
        sys.path.pop(0)
    text = (CHECKOUT / "docs" / "architecture.md").read_text()
    assert text == build_architecture.page(text), "run python docs/build_architecture.py"
    picture = (CHECKOUT / "docs" / "pictures" / "rooms.svg").read_text()
    assert picture == build_architecture.rooms_svg(), "run python docs/build_architecture.py"
    drawn = {room for layer in build_architecture.layers() for room in layer}
    there = {path.parent.name for path in (CHECKOUT / "biomarker_cli").glob("*/__init__.py")}
    assert drawn == there, "a room outside of the contract may import anything"


def test_the_functions_that_a_case_goes_through_exist():
    text = (CHECKOUT / "docs" / "architecture.md").read_text()
    rows = text[text.index("| step |") : text.index("## Where to add")]
    named = re.findall(r"`((?:\w+\.){2,}\w+)`", rows)
    assert len(named) > 20
    for name in named:
        module, _, attribute = name.rpartition(".")
        assert hasattr(import_module(f"biomarker_cli.{module}"), attribute), name


def test_every_decision_has_its_page():
    folder = CHECKOUT / "docs" / "decisions"
    listed = re.findall(r"\(([\w-]+\.md)\)", (folder / "README.md").read_text())
    assert sorted(listed) == sorted(p.name for p in folder.glob("*.md") if p.name != "README.md")
    for page in listed:
        text = (folder / page).read_text()
        assert re.findall(r"^\*\*(.+?)\.\*\*", text, re.M) == [
            "Decided",
            "Why",
            "What it costs",
            "What would change it",
        ], page


def test_what_is_left_out_is_told_of_commands_that_there_are():
    from biomarker_cli.cli.main import cli

    text = (CHECKOUT / "docs" / "tables.md").read_text()
    start = text.index("### What each command does")
    rows = [line for line in text[start : text.index("\n## ", start)].splitlines() if "|" in line]
    named = [name for row in rows[2:] for name in re.findall(r"`([^`]+)`", row.split("|")[1])]
    assert len(named) > 20
    for name in named:
        if name == "read_results":
            continue
        command = cli
        for word in name.partition(" --")[0].split():
            command = command.get_command(None, word)
            assert command is not None, name
