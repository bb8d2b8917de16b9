"""The tutorial: its commands and snippets run for a new user, and answer what it shows."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from tutorial import CHECKOUT, programs, run, sections

PAGE = CHECKOUT / "docs" / "tutorial.md"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Folder in which everything was run, by a user who has nothing but a home."""
    base = tmp_path_factory.mktemp("tutorial")
    (base / "sample_data").symlink_to(CHECKOUT / "sample_data")
    (base / "home").mkdir()
    binaries = programs(base / "bin")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(base / "home"))
        for name in ("BIOMARKER_CACHE_DIR", "BIOMARKER_DATA_DIR", "XDG_CACHE_HOME"):
            patch.delenv(name, raising=False)
        for part in sections(PAGE):
            run(part, base, binaries)
    return base / "tutorial_out"


def test_every_value_is_as_the_sample_data_were_made(folder):
    with (folder / "results" / "measurements.csv").open(newline="", encoding="utf-8") as stream:
        rows = {
            (row["case_id"].removeprefix("SITE/"), row["roi_id"], row["feature_id"]): row
            for row in csv.DictReader(stream)
        }
    for visit, suv in (("T1", 8.0), ("T2", 5.0)):
        row = rows[f"S0001/{visit}/pet", "GTV", "suvbw.uptake.max"]
        assert float(row["value"]) == pytest.approx(suv, rel=5e-3)
        assert (row["usable"], row["flags"]) == ("yes", "")


def test_nothing_is_written_outside_of_the_folder_and_the_home(folder):
    assert sorted(path.name for path in folder.parent.iterdir()) == [
        "bin",
        "home",
        "sample_data",
        "tutorial_out",
    ]


def test_the_report_and_the_picture_are_those_of_the_page(folder):
    assert "S0001" in (folder / "results" / "report.html").read_text(encoding="utf-8")
    shown = CHECKOUT / "docs" / "pictures" / "tutorial_pet.svg"
    assert (folder / "GTV.svg").read_bytes() == shown.read_bytes(), "run make pictures"


def test_the_tutorial_shows_answers_of_each_step():
    text = PAGE.read_text(encoding="utf-8")
    assert len(re.findall(r"^```text$", text, re.MULTILINE)) >= 8
    assert len(re.findall(r"^```python$", text, re.MULTILINE)) == 2
