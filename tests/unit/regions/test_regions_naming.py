"""Names: exact, patterns, codes, numbers; ambiguous and unmatched requests."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from biomarker_cli.regions.entries import RoiEntry
from biomarker_cli.regions.naming import select
from biomarker_cli.regions.rules import RoiNames

ENTRIES = (
    RoiEntry(1, "GTV-1"),
    RoiEntry(2, "Liver", code="10200004:SCT"),
    RoiEntry(3, "lesion"),
    RoiEntry(4, "lesion"),
    RoiEntry(5, ""),
)


def names(**canonical):
    return RoiNames.model_validate(canonical)


def test_without_a_map_the_id_is_the_label_and_unique():
    rows = select(ENTRIES, None, ())
    assert [row.roi_id for row in rows] == ["GTV-1", "Liver", "lesion#3", "lesion#4", "#5"]


@pytest.mark.parametrize(
    "says",
    [
        "GTV-1",
        ["gtv", "GTV-1"],
        {"names": ["GTV-1"]},
        {"patterns": ["gtv*"]},
        {"labels": [1]},
    ],
)
def test_the_map_finds_by_name_pattern_and_number(says):
    (row,) = select(ENTRIES, names(tumour=says), ["tumour"])
    assert row.entry == ENTRIES[0]
    assert (row.roi_id, row.roi_name) == ("tumour", "tumour")


def test_the_map_finds_by_code():
    (row,) = select(ENTRIES, names(liver={"codes": ["10200004:SCT"]}), ["liver"])
    assert row.entry == ENTRIES[1]


def test_names_are_exact_in_case():
    (row,) = select(ENTRIES, names(tumour={"names": ["gtv-1"]}), ["tumour"])
    assert row.problem.code == "REGION-NOT-FOUND"


def test_a_name_that_matches_two_is_an_error_that_lists_them():
    (row,) = select(ENTRIES, None, ["lesion"])
    assert row.problem.code == "REGION-AMBIGUOUS"
    assert "number 3" in row.problem.message
    assert "number 4" in row.problem.message


def test_the_map_says_which_of_two_by_number():
    (row,) = select(ENTRIES, names(target={"names": ["lesion"], "labels": [4]}), ["target"])
    assert row.entry == ENTRIES[3]


def test_a_repeated_name_can_be_asked_for_by_its_id():
    (row,) = select(ENTRIES, None, ["lesion#4"])
    assert row.entry == ENTRIES[3]


def test_an_unmatched_request_lists_what_is_there():
    (row,) = select(ENTRIES, None, ["spleen"])
    assert row.problem.code == "REGION-NOT-FOUND"
    for label in ("GTV-1", "Liver", "lesion"):
        assert label in row.problem.message


def test_an_exact_name_goes_before_a_pattern():
    entries = (RoiEntry(1, "GTV"), RoiEntry(2, "GTV old"))
    (row,) = select(entries, names(gtv={"names": ["GTV"], "patterns": ["GTV*"]}), ["gtv"])
    assert row.entry == entries[0]


def test_every_request_has_one_row_in_its_order():
    rows = select(ENTRIES, None, ["spleen", "Liver", "lesion", "Liver"])
    assert [row.roi_id for row in rows] == ["spleen", "Liver", "lesion"]


def test_with_a_map_and_no_request_every_roi_has_a_row():
    rows = select(ENTRIES, names(tumour="GTV-1", kidney="Kidney"), ())
    assert [row.roi_id for row in rows] == ["tumour", "Liver", "lesion#3", "lesion#4", "#5"]


def test_ids_stay_unique_where_a_canonical_name_is_a_label_too():
    rows = select(ENTRIES, names(Liver="GTV-1"), ())
    ids = [row.roi_id for row in rows]
    assert ids[:2] == ["Liver", "Liver#2"]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("says", [{}, {"codes": ["10200004"]}, {"name": ["x"]}, 3])
def test_a_map_that_says_nothing_is_refused(says):
    with pytest.raises(ValidationError):
        names(tumour=says)
