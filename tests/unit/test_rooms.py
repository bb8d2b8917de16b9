"""The unit tests stand in the rooms of the product: where a test is missing is seen at once."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

UNIT = Path(__file__).resolve().parent
PACKAGE = UNIT.parents[1] / "biomarker_cli"
ROOMS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
OF_NO_ROOM = {
    "test_docs.py",
    "test_docs_protocols.py",
    "test_homonyms.py",
    "test_protocol_words.py",
    "test_rooms.py",
}
"""They speak of the whole."""


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_has_a_folder_of_tests(room):
    tests = sorted((UNIT / room).rglob("test_*.py"))
    assert [path for path in tests if re.search(r"^ *def test_", path.read_text(), re.MULTILINE)]


def test_every_folder_of_tests_is_that_of_a_room_and_no_test_lies_beside_them():
    folders = {path.relative_to(UNIT).parts[0] for path in UNIT.glob("*/**/test_*.py")}
    assert folders == set(ROOMS)
    assert {path.name for path in UNIT.glob("test_*.py")} == OF_NO_ROOM


def test_a_folder_within_a_room_of_tests_is_one_of_the_product():
    inner = {path.parent.relative_to(UNIT) for path in UNIT.glob("*/*/**/test_*.py")}
    assert inner
    assert not [str(path) for path in inner if not (PACKAGE / path / "__init__.py").exists()]


def test_no_two_files_of_tests_have_one_name():
    # Test folders are no packages: pytest tells their modules apart by the name alone.
    names = [path.name for path in UNIT.parent.rglob("test_*.py")]
    assert sorted(set(names)) == sorted(names)
