"""One class name stands for one thing across the rooms."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "biomarker_cli"


def defined_classes() -> dict[str, list[str]]:
    found = defaultdict(list)
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(str(path.relative_to(PACKAGE)))
    return found


NAMED_BY_FILES = {"AppliesTo", "Prepared", "Role"}
"""Sections of both kinds of protocols, and what two rooms prepare."""


def test_no_public_class_is_defined_in_two_modules():
    classes = defined_classes()
    assert len(classes) > 100
    twice = {name: paths for name, paths in classes.items() if len(paths) > 1}
    assert twice.keys() <= NAMED_BY_FILES, twice
