"""What stands in the row of a ROI that is there, and of one that is not."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from synthetic_segmentations import Roi, cylinder, target, write_structure_set
from synthetic_series import uid

from biomarker_cli.regions.importing import import_regions, referred_to
from biomarker_cli.regions.rules import RegionRules

IMAGE = target()
GRID = IMAGE.geometry
RULES = RegionRules()


@pytest.fixture
def structures(tmp_path):
    first = Roi("lesion", cylinder(GRID, range(5, 9), 8.3), images=[uid("instance", 5)])
    second = Roi("node", cylinder(GRID, range(5, 9), 6.3), number=7, images=[uid("instance", 6)])
    return write_structure_set(tmp_path / "rs.dcm", [first, second])


def test_a_roi_that_was_asked_for_and_is_not_there_has_a_row_that_says_so(structures):
    (missing,) = import_regions(structures, IMAGE, RULES, wanted=["gtv"])
    row = asdict(missing.row("A/S/T/ct"))
    told = {name: value for name, value in row.items() if value}
    message = told.pop("error_message")
    assert "lesion" in message
    assert "node" in message
    assert told == {
        "case_id": "A/S/T/ct",
        "roi_id": "gtv",
        "roi_name": "gtv",
        "status": "missing",
        "error_code": "REGION-NOT-FOUND",
        "source_kind": "rtstruct",
        "source_uid": uid("structure set"),
        "source_file": "rs.dcm",
    }


def test_a_roi_that_is_there_says_which_one_of_which_file_it_is(structures):
    row = asdict(import_regions(structures, IMAGE, RULES)[1].row("A/S/T/ct"))
    expected = {
        "case_id": "A/S/T/ct",
        "roi_id": "node",
        "roi_label": "node",
        "status": "ok",
        "source_kind": "rtstruct",
        "source_uid": uid("structure set"),
        "source_file": "rs.dcm",
        "segment_number": 7,
    }
    assert {name: row[name] for name in expected} == expected
    assert not row["error_code"]
    assert not row["error_message"]


def test_a_segmentation_refers_to_the_instances_of_all_its_rois(structures):
    _, instances = referred_to(structures)
    assert instances == {uid("instance", 5), uid("instance", 6)}
