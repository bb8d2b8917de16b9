"""The docs and the code say the same."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
CODE = re.compile(r"^[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)+$")


@pytest.mark.parametrize("name", ["commands.md", "tables.md"])
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
