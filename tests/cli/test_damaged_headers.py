"""One damaged file in a folder: a named error or a row, and the other series are judged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from biomarker_cli.cli.main import cli

CODE_MEANING = b"\x08\x00\x04\x01LO"
POSITION = b"\x20\x00\x32\x00DS"
WEIGHT = b"\x10\x00\x30\x10DS"
STUDY_UID = b"\x20\x00\x0d\x00UI"


def _unknown_type(content: bytes) -> bytes:
    return content.replace(CODE_MEANING, CODE_MEANING[:4] + b"L1")


def _changed(content: bytes, element: bytes, old: bytes, new: bytes) -> bytes:
    """Replace bytes behind an element by as many others."""
    start = content.index(element)
    place = content.index(old, start)
    assert place - start < 40, "it is the value of this element"
    return content[:place] + new + content[place + len(old) :]


def _overwritten(content: bytes, element: bytes, new: bytes) -> bytes:
    """Replace the first bytes of the value of an element."""
    start = content.index(element) + 8
    return content[:start] + new + content[start + len(new) :]


DAMAGE = {
    "unknown VR": _unknown_type,
    "NUL in a number": lambda c: _changed(c, POSITION, b"\\-", b"\0@"),
    "decimal comma": lambda c: _overwritten(c, WEIGHT, b"7,"),
    "another study": lambda c: _changed(c, STUDY_UID, b"2.25.", b"2.27."),
    "cut": lambda c: c[:700],
}


@pytest.fixture(scope="module")
def folder(sample_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CT and a PET series; tests put a damaged slice beside."""
    home = tmp_path_factory.mktemp("damage")
    for kind in ("ct", "pet"):
        files = sorted((sample_dir / "centre_a" / "S0001" / "T1" / kind / "image").iterdir())
        (home / kind).mkdir()
        for path in files[:4]:
            shutil.copy(path, home / kind)
    return home


@pytest.fixture(params=DAMAGE)
def damaged(request, folder, tmp_path) -> Path:
    copy = tmp_path / "data"
    shutil.copytree(folder, copy)
    path = sorted((copy / "pet").iterdir())[-1]
    path.write_bytes(DAMAGE[request.param](path.read_bytes()))
    return copy


def _run(*arguments: object) -> Result:
    """Run a command in this process; an error that is not ours would be exit code 1."""
    done = CliRunner().invoke(cli, [str(argument) for argument in arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def test_one_damaged_file_does_not_end_the_others(damaged):
    done = _run("check", damaged, "--protocol", "recist-ct", "--format", "json")
    assert done.exit_code == 0, done.stderr
    rows = [row for row in json.loads(done.stdout) if row["outcome"] == "pass"]
    assert [row["rule_id"] for row in rows] == ["RECIST-CT-001"]
    done = _run("check", damaged, "--protocol", "base-pet", "--format", "json")
    assert done.exit_code in {0, 4}, done.stderr
    rows = json.loads(done.stdout)
    keys = [(row["series_uid"], row["rule_id"]) for row in rows if row["scope"] == "series"]
    assert len(set(keys)) == len(keys)
    facts = _run("protocol", "facts", damaged, "--format", "json")
    assert facts.exit_code == 0, facts.stderr
    assert {row["modality"] for row in json.loads(facts.stdout)} == {"CT", "PT"}


@pytest.mark.parametrize("command", [("match",), ("draft", "--id", "x")])
def test_protocols_are_found_and_drafted_beside_damage(folder, tmp_path, command):
    copy = tmp_path / "data"
    shutil.copytree(folder / "pet", copy)
    path = sorted(copy.iterdir())[-1]
    path.write_bytes(_unknown_type(path.read_bytes()))
    name, *options = command
    done = _run("protocol", name, copy, *options)
    assert done.exit_code == 0, done.stderr
    assert "radionuclide" not in done.stdout
