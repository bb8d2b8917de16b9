"""ROI maps: a file of their own, that of a study, and what is none."""

from __future__ import annotations

import pytest

from biomarker_cli.regions.errors import RoiMapError
from biomarker_cli.regions.roi_maps import load_roi_map
from biomarker_cli.regions.rules import RoiNames

ROIS = (
    "rois: {liver: {names: [Liver], carry: deformable}, gtv: GTV, x: {labels: [3], carry: never}}"
)


@pytest.mark.parametrize("head", ["biomarker-roi-map/1", "biomarker-study/1\nid: trial\nroles: 3"])
def test_a_map_of_its_own_and_that_of_a_study_say_the_same(tmp_path, head):
    path = tmp_path / "map.yaml"
    path.write_text(f"format: {head}\n{ROIS}\n")
    names = load_roi_map(path)
    assert list(names) == ["liver", "gtv", "x"]
    said = [names.carry_of(one) for one in ("liver", "gtv", "x", "not in it")]
    assert said == ["deformable", "rigid", "never", "rigid"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- a list",
        ROIS,
        f"format: biomarker-analysis/1\n{ROIS}",
        "format: biomarker-roi-map/1",
        "format: biomarker-roi-map/1\nrois: [liver]",
        "format: biomarker-study/1\nid: without",
        "format: biomarker-study/1\nrois:",
        "format: biomarker-roi-map/1\nrois: {liver: {names: [a], carry: elastic}}",
        "format: biomarker-roi-map/1\nrois: {liver: {names: [a], carry: true}}",
        "format: biomarker-roi-map/1\nrois: {liver: {carry: deformable}}",
        "format: biomarker-roi-map/1\nrois: {liver: {names: [a], warp: yes}}",
        f"format: biomarker-roi-map/1\n{ROIS}\nmore: 1",
        "format: biomarker-roi-map/1\nrois: {a: b, a: c}",
        "format: \x1b[31m",
    ],
)
def test_what_is_no_map_is_refused(tmp_path, text):
    path = tmp_path / "map.yaml"
    path.write_text(text)
    with pytest.raises(RoiMapError) as caught:
        load_roi_map(path)
    assert caught.value.code == "ROI-MAP-INVALID"
    assert "\x1b" not in str(caught.value)


def test_a_file_that_is_not_there_is_no_map(tmp_path):
    with pytest.raises(RoiMapError):
        load_roi_map(tmp_path / "none.yaml")


def test_a_map_that_says_nothing_of_carrying_keeps_its_results():
    """Results stand under the map as it is dumped."""
    plain = RoiNames.model_validate({"a": "x"})
    assert "carry" not in plain.model_dump(mode="json")["a"]
    rigid = RoiNames.model_validate({"a": {"names": ["x"], "carry": "rigid"}})
    assert rigid.model_dump(mode="json") == plain.model_dump(mode="json")
    bent = RoiNames.model_validate({"a": {"names": ["x"], "carry": "deformable"}})
    assert bent.model_dump(mode="json")["a"]["carry"] == "deformable"
    assert RoiNames.model_validate(bent.model_dump(mode="json")) == bent
