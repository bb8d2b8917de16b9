"""The tutorial of a response: its commands run, and what they answer is what it shows."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from tutorial import CHECKOUT, programs, run, sections

SECTIONS = sections(CHECKOUT / "examples" / "response" / "README.md")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Folder in which all commands were run, one section after the other."""
    base = tmp_path_factory.mktemp("response")
    (base / "sample_data").symlink_to(CHECKOUT / "sample_data")
    (base / "response_out").mkdir()
    binaries = programs(base / "bin")
    for part in SECTIONS[1:]:
        run(part, base, binaries)
    return base


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_the_calls_are_those_that_the_subject_was_made_for(folder):
    for criterion, name in (("recist-1.1", "recist"), ("percist-1.0", "percist")):
        found = {
            row["timepoint"]: row["overall"]
            for row in rows(folder / "response_out" / name / "response.csv")
        }
        told = [
            (row["timepoint"], row["overall"])
            for row in rows(CHECKOUT / "sample_data" / "response" / "calls.csv")
            if row["criterion"] == criterion
        ]
        assert len(told) > 1
        assert [(timepoint, found[timepoint]) for timepoint, _ in told] == told


def test_the_ledger_holds_what_is_proposed(folder):
    """A reader filled it in; nothing that was proposed is left out."""
    proposed = rows(folder / "response_out" / "proposed.csv")
    ledger = rows(CHECKOUT / "sample_data" / "response" / "lesions.csv")
    names = {(row["timepoint"], row["lesion_id"], row["roi_id"]) for row in ledger if row["roi_id"]}
    assert {
        (row["timepoint"], row["lesion_id"], row["roi_id"]) for row in proposed if row["roi_id"]
    } == names


def test_the_pictures_show_the_subject(folder):
    for kind in ("waterfall", "spider", "swimmer"):
        assert "S0003" in (folder / "response_out" / f"{kind}.svg").read_text()
