"""docs/regions.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from biomarker_cli.regions.rules import RegionRules, RoiNames

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "regions.md").read_text()


def blocks():
    return [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", PAGE, re.S)]


def test_the_section_shown_is_valid_and_shows_the_defaults():
    (section,) = [block["regions"] for block in blocks() if "regions" in block]
    assert set(section) == set(RegionRules.model_fields)
    shown = RegionRules(**section)
    unlike = {"largest_gap_mm", "fractional_threshold"}
    assert shown.model_dump(exclude=unlike) == RegionRules().model_dump(exclude=unlike)


def test_the_map_of_names_shown_is_valid():
    (names,) = [block["rois"] for block in blocks() if "rois" in block]
    assert len(RoiNames.model_validate(names)) == 6
